import type { DepositRow } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";
import { lossEntry, recoveryEntry, undoneDepositEntry } from "../treasury/ledger.ts";
import { advanceOrder } from "./advance-order.ts";
import { holdPayouts, releasePayouts } from "./owe-refund.ts";
import { postEntry } from "./post-entry.ts";

/** What became of a deposit that the chain took back: it never counted, or it had been paid for already. */
export type DropAnswer = "dropped" | "lost";

/**
 * Takes back what a deposit brought about, as far as that is possible: an order that has bought nothing waits
 * for its payment again, and a signed promise behind the deposit is carried out again. What has been delivered
 * or sent back for it is a loss.
 */
export async function dropDeposit(
  tx: Tx,
  input: {
    readonly row: DepositRow;
    /** Excess that was kept when it was booked. */
    readonly keptAtomic: bigint;
    readonly nowMs: number;
  },
): Promise<DropAnswer> {
  const { row, nowMs } = input;
  const answer = (await canBeUndone(tx, row)) ? "dropped" : "lost";
  await tx.deposits.update(row.id, { state: answer });
  if (answer === "lost") {
    await postEntry(tx, lossEntry({ ...row, bookedAtMs: nowMs }), nowMs);
    await holdPayouts(tx, { depositId: row.id, nowMs });
  } else await undo(tx, input);
  await reviveAuthorization(tx, row, nowMs);
  return answer;
}

/** Nothing was bought or sent back for it. */
async function canBeUndone(tx: Tx, row: DepositRow): Promise<boolean> {
  if (row.state === "seen") return true;
  const payouts = await tx.payouts.ofDeposit(row.id);
  if (payouts.some(({ state }) => state === "signed" || state === "final")) return false;
  if (row.orderId === null) return true;
  const order = await tx.orders.byId(row.orderId);
  return order?.state === "paid" && order.payment?.depositId === row.id;
}

async function undo(
  tx: Tx,
  input: { readonly row: DepositRow; readonly keptAtomic: bigint; readonly nowMs: number },
): Promise<void> {
  const { row, keptAtomic, nowMs } = input;
  const order = row.orderId === null ? null : await tx.orders.byId(row.orderId);
  const payment = order?.payment?.depositId === row.id ? order.payment : null;
  if (row.state === "final") {
    const match = payment === null ? null : { priceAtomic: payment.priceAtomic, keptAtomic };
    const entry = undoneDepositEntry({ ...row, match, bookedAtMs: nowMs });
    await postEntry(tx, entry, nowMs);
    await holdPayouts(tx, { depositId: row.id, nowMs });
  }
  if (order === null || payment === null) return;
  await advanceOrder(tx, order.id, {
    event: "deposit_dropped",
    facts: { rail: row.railId, tx_id: row.txId, height: row.height },
    changes: { payment: null, deadlineAtMs: null },
    nowMs,
  });
}

/** The promise behind a deposit that is gone can be carried out again. */
async function reviveAuthorization(tx: Tx, row: DepositRow, nowMs: number): Promise<void> {
  const ref = row.authorizationRef;
  if (ref === null) return;
  const changes = { state: "settling", txId: null } as const;
  if (!(await tx.authorizations.update(ref, ["settled"], changes, nowMs))) return;
  await tx.jobs.insert("settle", ref, nowMs);
  const facts = { rail: row.railId };
  await advanceOrder(tx, row.orderRef, { event: "authorization_claimed", facts, nowMs });
}

/**
 * A payment that was booked as lost is on the chain again and final.
 * @param lost The deposit that was lost. @param found Where the money is now: the same one, or another one that
 * carried out the same promise.
 */
export async function recoverDeposit(
  tx: Tx,
  input: { readonly lost: DepositRow; readonly found: DepositRow; readonly nowMs: number },
): Promise<void> {
  const { lost, found, nowMs } = input;
  await postEntry(tx, recoveryEntry({ ...found, bookedAtMs: nowMs }), nowMs);
  await releasePayouts(tx, { depositId: lost.id, nowMs });
}
