import type { SignedPayout } from "../rails/rail.ts";
import type { PayoutRow } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";
import { payoutEntry } from "../treasury/ledger.ts";
import { advanceOrder, type OrderStep } from "./advance-order.ts";
import { REASON_RESTORED } from "./held.ts";
import { postEntry } from "./post-entry.ts";

/**
 * Stores the signed bytes of a payout; only after this commit may they be sent. False when the payout is no
 * longer due, or its lane has another payout alive: the bytes must then be thrown away unsent.
 */
export async function storeSignedPayout(
  tx: Tx,
  input: {
    readonly payoutId: string;
    readonly signed: SignedPayout;
    readonly nowMs: number;
  },
): Promise<boolean> {
  const { payoutId, signed, nowMs } = input;
  if (!(await tx.payouts.move(payoutId, "due", "signed", { ...signed, reason: null }, nowMs)))
    return false;
  await stepOrder(tx, payoutId, {
    event: "refund_signed",
    facts: { tx_id: signed.txId },
    nowMs,
  });
  return true;
}

/**
 * Puts the same payout with a higher bid in the place of the one that is out, before it is sent. False when
 * that one (`txId`) is not alive any more.
 */
export async function outbidPayout(
  tx: Tx,
  input: {
    readonly payoutId: string;
    readonly txId: string;
    readonly signed: SignedPayout;
    readonly nowMs: number;
  },
): Promise<boolean> {
  const { payoutId, signed, nowMs } = input;
  const payout = await tx.payouts.byId(payoutId);
  if (payout === null || payout.txId !== input.txId || payout.lane !== signed.lane) return false;
  return tx.payouts.move(payoutId, "signed", "signed", { ...signed }, nowMs);
}

/** The chain has the payout, in the transaction `txId`. Repeated, it changes nothing. */
export async function confirmPayout(
  tx: Tx,
  input: {
    readonly payoutId: string;
    readonly txId: string;
    readonly height: number;
    readonly nowMs: number;
  },
): Promise<boolean> {
  const { payoutId, txId, height, nowMs } = input;
  if (!(await tx.payouts.move(payoutId, "signed", "final", { txId }, nowMs))) return false;
  const payout = await stepOrder(tx, payoutId, {
    event: "refund_confirmed",
    facts: { tx_id: txId, height },
    nowMs,
  });
  if (payout !== null) await postEntry(tx, payoutEntry(payout), nowMs);
  return true;
}

/** The chain proves that the signed bytes can never pay: a new signature is allowed from here on. */
export async function dropPayout(
  tx: Tx,
  input: { readonly payoutId: string; readonly reason: string; readonly nowMs: number },
): Promise<boolean> {
  const { payoutId, reason, nowMs } = input;
  const payout = await tx.payouts.byId(payoutId);
  if (payout === null || payout.txId === null) return false;
  const changes = {
    txId: null,
    lane: null,
    body: null,
    validUntilMs: null,
    signedAtHeight: null,
    deadTxIds: [...payout.deadTxIds, payout.txId],
    reason,
  };
  if (!(await tx.payouts.move(payoutId, "signed", "due", changes, nowMs))) return false;
  await stepOrder(tx, payoutId, {
    event: "refund_dropped",
    facts: { tx_id: payout.txId, reason },
    nowMs,
  });
  // What these books do not know of may have been signed in its place.
  const heldBeforeMs = await tx.restores.heldBeforeMs();
  if (heldBeforeMs !== null && payout.createdAtMs < heldBeforeMs)
    await blockPayout(tx, { payoutId, reason: REASON_RESTORED, nowMs });
  return true;
}

/** The payee cannot receive it as things are; a person decides (`redirectPayout`). */
export async function blockPayout(
  tx: Tx,
  input: { readonly payoutId: string; readonly reason: string; readonly nowMs: number },
): Promise<boolean> {
  const { payoutId, reason, nowMs } = input;
  if (!(await tx.payouts.move(payoutId, "due", "blocked", { reason }, nowMs))) return false;
  await stepOrder(tx, payoutId, { event: "refund_blocked", facts: { reason }, nowMs });
  return true;
}

/**
 * Sends a blocked payout on its way again, to another address if one is given. False when it is not blocked, or
 * when its deposit owes it no more.
 */
export async function redirectPayout(
  tx: Tx,
  input: { readonly payoutId: string; readonly to: string | null; readonly nowMs: number },
): Promise<boolean> {
  const { payoutId, to, nowMs } = input;
  const payout = await tx.payouts.byId(payoutId);
  if (payout === null || !(await isStillOwed(tx, payout))) return false;
  const changes = to === null ? { reason: null } : { to, reason: null };
  if (!(await tx.payouts.move(payoutId, "blocked", "due", changes, nowMs))) return false;
  await stepOrder(tx, payoutId, { event: "operator_refunded", nowMs });
  await tx.jobs.insert("payout", payoutId, nowMs);
  return true;
}

/**
 * Whether the deposit means now what it meant when the payout was decided. A payment that the chain took back and
 * brought again may pay an order now that it did not pay before, or the other way round.
 */
async function isStillOwed(tx: Tx, { depositId, cause, atomic }: PayoutRow): Promise<boolean> {
  const deposit = await tx.deposits.byId(depositId);
  if (deposit === null || deposit.state === "dropped" || deposit.state === "seen") return false;
  if (cause === "unmatched") return deposit.orderId === null && deposit.atomic === atomic;
  const order = deposit.orderId === null ? null : await tx.orders.byId(deposit.orderId);
  if (order === null || order.payment?.depositId !== depositId) return false;
  return cause === "order_failed" || deposit.atomic - order.payment.priceAtomic === atomic;
}

/** Only the refund of a failed order moves the order; excess and unmatched payments do not. */
async function stepOrder(tx: Tx, payoutId: string, step: OrderStep): Promise<PayoutRow | null> {
  const payout = await tx.payouts.byId(payoutId);
  if (payout !== null && payout.cause === "order_failed" && payout.orderId !== null)
    await advanceOrder(tx, payout.orderId, step);
  return payout;
}
