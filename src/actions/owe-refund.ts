import { assert } from "../errors.ts";
import type { DepositRow, PayoutRow } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";
import type { PayoutCause } from "../treasury/ledger.ts";
import { advanceOrder } from "./advance-order.ts";
import { isHeld, REASON_RESTORED } from "./held.ts";
import { blockPayout, redirectPayout } from "./send-payout.ts";

/** What is owed back out of one deposit. */
export interface Debt {
  readonly deposit: DepositRow;
  readonly cause: PayoutCause;
  readonly atomic: bigint;
  /** When the payout may be signed. */
  readonly dueAtMs: number;
  readonly nowMs: number;
}

const REASON_GONE = "the chain took the payment back";
const REASON_UNSAFE =
  "money sent back to the payer's address might not reach the payer, and the order names no other address";

/**
 * Records that money of a deposit must go back, and the job that does it; where it may not go yet, a person
 * decides. A deposit's money goes back once per cause: repeated, it changes nothing, unless the deposit was taken
 * back meanwhile and has come again as another amount. Returns the payout's id.
 */
export async function owePayout(tx: Tx, debt: Debt): Promise<string> {
  const { deposit, cause, atomic, nowMs } = debt;
  const to = await payeeOf(tx, deposit);
  const obstacle = await obstacleOf(tx, deposit, to);
  const row: PayoutRow = {
    id: payoutId(cause, deposit.id),
    depositId: deposit.id,
    cause,
    orderId: deposit.orderId,
    railId: deposit.railId,
    assetId: deposit.assetId,
    atomic,
    to: to ?? deposit.from,
    state: obstacle === null ? "due" : "blocked",
    txId: null,
    lane: null,
    body: null,
    validUntilMs: null,
    signedAtHeight: null,
    deadTxIds: [],
    reason: obstacle,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  if (!(await tx.payouts.insert(row))) {
    await decideAgain(tx, row, debt);
    return row.id;
  }
  if (obstacle === null) await tx.jobs.insert("payout", row.id, debt.dueAtMs);
  else if (cause === "order_failed" && row.orderId !== null)
    await advanceOrder(tx, row.orderId, {
      event: "refund_blocked",
      facts: { reason: obstacle },
      nowMs,
    });
  return row.id;
}

/** What was decided of a deposit that the chain took back may be another amount now; what was ever signed stays. */
async function decideAgain(
  tx: Tx,
  { id, atomic, to, reason }: PayoutRow,
  { dueAtMs, nowMs }: Debt,
): Promise<void> {
  const known = await tx.payouts.byId(id);
  if (known?.state !== "blocked" || known.atomic === atomic) return;
  if (known.txId !== null || known.deadTxIds.length > 0) return;
  const isFree = reason === null && known.reason === REASON_GONE;
  const changes = { atomic, to, reason: isFree ? null : (reason ?? known.reason) };
  await tx.payouts.move(id, "blocked", isFree ? "due" : "blocked", changes, nowMs);
  if (isFree) await tx.jobs.insert("payout", id, dueAtMs);
}

/** The payer, or whom the order names where that is not safe; null: nobody is known. */
async function payeeOf(tx: Tx, deposit: DepositRow): Promise<string | null> {
  if (deposit.isPayerSafe) return deposit.from;
  return (await tx.orders.byId(deposit.orderRef))?.refundTo ?? null;
}

async function obstacleOf(tx: Tx, deposit: DepositRow, to: string | null): Promise<string | null> {
  if (deposit.state === "lost") return REASON_GONE;
  if (to === null) return REASON_UNSAFE;
  return (await isHeld(tx, deposit)) ? REASON_RESTORED : null;
}

/** The money of a deposit is gone: nothing of it is sent back unless a person says so, or it comes again. */
export async function holdPayouts(
  tx: Tx,
  input: { readonly depositId: string; readonly nowMs: number },
): Promise<void> {
  const { depositId, nowMs } = input;
  for (const { id, state } of await tx.payouts.ofDeposit(depositId))
    if (state === "due") await blockPayout(tx, { payoutId: id, reason: REASON_GONE, nowMs });
}

/** It has come again: what it still owes as it counts now is sent, the rest stays blocked. */
export async function releasePayouts(
  tx: Tx,
  input: { readonly depositId: string; readonly nowMs: number },
): Promise<void> {
  const { depositId, nowMs } = input;
  const deposit = await tx.deposits.byId(depositId);
  const isKept = deposit !== null && (await isHeld(tx, deposit));
  for (const { id, state, reason } of await tx.payouts.ofDeposit(depositId)) {
    if (state !== "blocked" || reason !== REASON_GONE) continue;
    if (isKept) await tx.payouts.move(id, state, state, { reason: REASON_RESTORED }, nowMs);
    else await redirectPayout(tx, { payoutId: id, to: null, nowMs });
  }
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
