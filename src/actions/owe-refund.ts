import { assert } from "../errors.ts";
import type { DepositRow, PayoutRow, Tx } from "../store/tx.ts";
import type { PayoutCause } from "../treasury/ledger.ts";

/** What is owed back out of one deposit. */
export interface Debt {
  readonly deposit: DepositRow;
  readonly cause: PayoutCause;
  readonly atomic: bigint;
  /** When the payout may be signed. */
  readonly dueAtMs: number;
  readonly nowMs: number;
}

/**
 * Records that money of a deposit must go back to its payer, and the job that does it. A deposit's money
 * goes back once per cause: repeated, it changes nothing. Returns the payout's id.
 */
export async function owePayout(tx: Tx, debt: Debt): Promise<string> {
  const { deposit, cause, atomic, nowMs } = debt;
  const row: PayoutRow = {
    id: payoutId(cause, deposit.id),
    depositId: deposit.id,
    cause,
    orderId: deposit.orderId,
    railId: deposit.railId,
    assetId: deposit.assetId,
    atomic,
    to: deposit.from,
    state: "due",
    txId: null,
    lane: null,
    body: null,
    validUntilMs: null,
    signedAtHeight: null,
    deadTxIds: [],
    reason: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  if (await tx.payouts.insert(row)) await tx.jobs.insert("payout", row.id, debt.dueAtMs);
  return row.id;
}

/** The id follows from what it repays, so a repeated decision finds the same payout. */
export function payoutId(cause: PayoutCause, depositId: string): string {
  return `${cause}|${depositId}`;
}

/** The job of `refund_due`: owes the price back to the payer. False when the order owes nothing (any more). */
export async function oweRefund(
  tx: Tx,
  input: { readonly orderId: string; readonly nowMs: number },
): Promise<boolean> {
  const order = await tx.orders.byId(input.orderId);
  if (order === null || order.state !== "refund_due") return false;
  assert(order.payment !== null, "a refund is due on an order without a payment");
  const deposit = await tx.deposits.byId(order.payment.depositId);
  assert(deposit !== null, "an order's deposit is gone");
  await owePayout(tx, {
    deposit,
    cause: "order_failed",
    atomic: order.payment.priceAtomic,
    dueAtMs: input.nowMs,
    nowMs: input.nowMs,
  });
  return true;
}
