import { assert } from "../errors.ts";
import type { Authorization } from "../rails/rail.ts";
import type { AuthorizationRow } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";
import { advanceOrder } from "./advance-order.ts";

export interface ClaimInput {
  readonly orderId: string;
  readonly railId: string;
  readonly authorization: Authorization;
  readonly nowMs: number;
}

/**
 * claimed: stored, and its job carries it out · known: this very promise is being, or was, carried out for this
 * order · paid: the order has another payment, or one under way · elsewhere: the promise pays another order ·
 * closed: the order takes no payment any more.
 */
export type ClaimAnswer = "claimed" | "known" | "paid" | "elsewhere" | "closed";

/**
 * Stores a payer's signed promise as the order's, before anything is sent. Whatever the answer, a promise is
 * carried out for one order only, and an order has one promise at a time. One that has failed may be claimed
 * again, for it may have lacked nothing but an allowance.
 */
export async function claimAuthorization(tx: Tx, input: ClaimInput): Promise<ClaimAnswer> {
  const { orderId, authorization, nowMs } = input;
  const known = await tx.authorizations.byRef(authorization.ref);
  if (known !== null && known.state !== "failed")
    return known.orderId === orderId ? "known" : "elsewhere";
  const order = await tx.orders.byId(orderId);
  assert(order !== null, "a promise was checked against an order that is gone");
  if (order.payment !== null || order.state === "confirming") return "paid";
  if (order.state !== "awaiting_payment" || nowMs > order.windowClosesAtMs) return "closed";
  if (known !== null && known.orderId !== orderId) return "elsewhere";
  const row = rowOf(input);
  // It may have been signed anew, with a later end.
  const { state, body, reason, txId, claimedAtMs, validUntilMs } = row;
  const changes = { state, body, reason, txId, claimedAtMs, validUntilMs };
  const isStored =
    known === null
      ? await tx.authorizations.insert(row)
      : await tx.authorizations.update(row.ref, ["failed"], changes, nowMs);
  if (!isStored) return "paid";
  const facts = { rail: input.railId };
  await advanceOrder(tx, orderId, { event: "authorization_claimed", facts, nowMs });
  await tx.jobs.insert("settle", row.ref, nowMs);
  return "claimed";
}

function rowOf({ orderId, railId, authorization, nowMs }: ClaimInput): AuthorizationRow {
  const { ref, from, amount, validUntilMs, body } = authorization;
  return {
    ref,
    orderId,
    railId,
    state: "settling",
    from,
    assetId: amount.asset.id,
    symbol: amount.asset.symbol,
    decimals: amount.asset.decimals,
    atomic: amount.atomic,
    validUntilMs,
    body,
    txId: null,
    reason: null,
    claimedAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/** It was sent, or may have been; `txId` null: nobody said in which transaction. */
export async function noteSent(
  tx: Tx,
  input: { readonly ref: string; readonly txId: string | null; readonly nowMs: number },
): Promise<boolean> {
  const { ref, txId, nowMs } = input;
  const row = await tx.authorizations.byRef(ref);
  if (row === null || row.state !== "settling") return false;
  const changes = txId === null ? {} : { txId };
  await tx.authorizations.update(ref, ["settling"], changes, nowMs);
  if (txId !== null && txId !== row.txId)
    await advanceOrder(tx, row.orderId, {
      event: "authorization_sent",
      facts: { rail: row.railId, tx_id: txId },
      nowMs,
    });
  return true;
}

/** It certainly was not carried out and will not be by us: the order can be paid again. */
export async function failAuthorization(
  tx: Tx,
  input: { readonly ref: string; readonly reason: string; readonly nowMs: number },
): Promise<boolean> {
  const { ref, reason, nowMs } = input;
  const row = await tx.authorizations.byRef(ref);
  const changes = { state: "failed", reason } as const;
  if (row === null || !(await tx.authorizations.update(ref, ["settling"], changes, nowMs)))
    return false;
  const order = await tx.orders.byId(row.orderId);
  if (order?.payment !== null) return true;
  await advanceOrder(tx, row.orderId, {
    event: "authorization_failed",
    facts: { rail: row.railId, reason },
    nowMs,
  });
  return true;
}
