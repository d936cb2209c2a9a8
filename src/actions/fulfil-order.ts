import { assert } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type { Order } from "../orders/order.ts";
import type { AttemptRow, AttemptState } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";
import { mayBuy } from "../suppliers/breaker.ts";
import { deliveryEntry, purchaseEntry, salvageEntry } from "../treasury/ledger.ts";
import { advanceOrder } from "./advance-order.ts";
import { postEntry } from "./post-entry.ts";
import { recordSupplierEvent } from "./record-supplier.ts";

/** States in which the supplier may (still) have sold us something for this attempt. */
const OPEN: readonly AttemptState[] = ["submitting", "unknown", "accepted"];

export interface StartAttemptInput {
  readonly orderId: string;
  readonly attemptId: string;
  readonly supplierId: string;
  /** The candidates and why this one was chosen. */
  readonly choice: Json;
  readonly nowMs: number;
}

/**
 * Stores the intent to buy, before the supplier is called. Null: the order is not waiting for an attempt, or
 * the supplier's breaker does not let one through any more.
 */
export async function startAttempt(tx: Tx, input: StartAttemptInput): Promise<AttemptRow | null> {
  const { orderId, attemptId, supplierId, choice, nowMs } = input;
  const order = await tx.orders.byId(orderId);
  if (order === null || order.state !== "paid") return null;
  const breaker = await tx.breakers.bySupplier(supplierId);
  if (breaker !== null && !mayBuy(breaker)) return null;
  const attempt: AttemptRow = {
    id: attemptId,
    orderId,
    supplierId,
    state: "submitting",
    stage: null,
    stageState: {},
    choice,
    costUsdMicro: null,
    reason: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  if (!(await tx.attempts.insert(attempt))) return null;
  await recordSupplierEvent(tx, { supplierId, event: "purchase_started", nowMs });
  await advanceOrder(tx, orderId, {
    event: "attempt_started",
    facts: { attempt: attemptId, supplier: supplierId },
    changes: { stage: null },
    nowMs,
  });
  return attempt;
}

export interface RecordStageInput {
  readonly attemptId: string;
  readonly stage: string;
  /** Plain output of the stage. */
  readonly state: JsonObject;
  /** Sealed goods, when this stage brought them. */
  readonly sealed: string | null;
  readonly costUsdMicro: bigint | null;
  readonly isLast: boolean;
  readonly nowMs: number;
}

/**
 * Stores what a stage brought; the last one delivers. When the buyer was given up meanwhile, the goods stay
 * ours: the attempt is stranded and nothing is delivered. Returns the attempt's state; null when it is over.
 */
export async function recordStage(
  tx: Tx,
  input: RecordStageInput,
): Promise<AttemptRow["state"] | null> {
  const { attemptId, stage, nowMs } = input;
  const attempt = await tx.attempts.byId(attemptId);
  if (attempt === null || !OPEN.includes(attempt.state)) return null;
  const order = await tx.orders.byId(attempt.orderId);
  assert(order !== null, "an attempt's order is gone");
  const { sealed, costUsdMicro } = input;
  if (sealed !== null)
    await tx.goods.insert({ attemptId, orderId: null, sealed, createdAtMs: nowMs });
  if (costUsdMicro !== null)
    await postEntry(tx, purchaseEntry({ ...attempt, costUsdMicro }), nowMs);
  const isWanted = order.state === "fulfilling";
  const state = isWanted ? (input.isLast ? "delivered" : "accepted") : "stranded";
  const cost = costUsdMicro === null ? {} : { costUsdMicro };
  const changes = { state, stage, stageState: input.state, ...cost } as const;
  await tx.attempts.update(attemptId, OPEN, changes, nowMs);
  if (!isWanted) {
    await tx.jobs.insert("salvage", attemptId, nowMs);
    return state;
  }
  const facts = { stage, attempt: attemptId };
  await advanceOrder(tx, order.id, { event: "stage_done", facts, changes: { stage }, nowMs });
  if (input.isLast) await deliver(tx, order, attemptId, nowMs);
  return state;
}

async function deliver(tx: Tx, order: Order, attemptId: string, nowMs: number): Promise<void> {
  const delivered = await tx.goods.deliver(attemptId, order.id);
  assert(delivered, "the last stage is done and there are no goods");
  assert(order.payment !== null, "an order without a payment is being delivered");
  await advanceOrder(tx, order.id, {
    event: "attempt_succeeded",
    facts: { attempt: attemptId },
    nowMs,
  });
  await postEntry(tx, deliveryEntry({ ...order.payment, id: order.id }), nowMs);
}

export interface AttemptNote {
  readonly attemptId: string;
  /** For the operator; holds no secret. */
  readonly reason: string;
  readonly nowMs: number;
}

/** A supplier's answer was lost, now; again counts anew. The order stays where it is until a look-up tells. */
export async function markUnknown(tx: Tx, input: AttemptNote): Promise<boolean> {
  const { attemptId, reason, nowMs } = input;
  const changes = { state: "unknown", reason } as const;
  return tx.attempts.update(attemptId, ["submitting", "unknown"], changes, nowMs);
}

/** The supplier certainly did not sell: another one may be asked. */
export async function rejectAttempt(tx: Tx, input: AttemptNote): Promise<boolean> {
  const { attemptId, reason, nowMs } = input;
  const attempt = await tx.attempts.byId(attemptId);
  if (attempt === null) return false;
  const changes = { state: "rejected", reason } as const;
  if (!(await tx.attempts.update(attemptId, ["submitting", "unknown"], changes, nowMs)))
    return false;
  await advanceOrder(tx, attempt.orderId, {
    event: "attempt_failed",
    facts: { attempt: attemptId, supplier: attempt.supplierId },
    nowMs,
  });
  return true;
}

/**
 * Bought, but it cannot be made usable: the buyer is refunded and no second piece is bought, since the
 * first one is owed to the supplier already.
 */
export async function strandAttempt(
  tx: Tx,
  input: AttemptNote & { readonly error: string },
): Promise<boolean> {
  const { attemptId, reason, error, nowMs } = input;
  const attempt = await tx.attempts.byId(attemptId);
  if (attempt === null) return false;
  const changes = { state: "stranded", reason } as const;
  if (!(await tx.attempts.update(attemptId, OPEN, changes, nowMs))) return false;
  await tx.jobs.insert("salvage", attemptId, nowMs);
  const facts = { attempt: attemptId, supplier: attempt.supplierId };
  await advanceOrder(tx, attempt.orderId, { event: "attempt_failed", facts, nowMs });
  await giveUp(tx, { orderId: attempt.orderId, event: "suppliers_exhausted", error, nowMs });
  return true;
}

/** The supplier took a stranded purchase back: it costs nothing any more. */
export async function salvageAttempt(tx: Tx, input: AttemptNote): Promise<boolean> {
  const { attemptId, reason, nowMs } = input;
  const changes = { state: "salvaged", reason } as const;
  if (!(await tx.attempts.update(attemptId, ["stranded"], changes, nowMs))) return false;
  const attempt = await tx.attempts.byId(attemptId);
  const costUsdMicro = attempt?.costUsdMicro ?? null;
  if (attempt !== null && costUsdMicro !== null)
    await postEntry(tx, salvageEntry({ ...attempt, costUsdMicro }), nowMs);
  return true;
}

export interface GiveUpInput {
  readonly orderId: string;
  readonly event: "suppliers_exhausted" | "deadline_passed";
  /** For the buyer: a sentence of ours. */
  readonly error: string;
  readonly nowMs: number;
}

/**
 * The buyer is refunded. An attempt that is still open goes on being looked up by a job of its own; what it
 * brings becomes inventory.
 */
export async function giveUp(tx: Tx, input: GiveUpInput): Promise<boolean> {
  const { orderId, event, error, nowMs } = input;
  const order = await advanceOrder(tx, orderId, { event, changes: { error }, nowMs });
  if (order === null) return false;
  for (const attempt of await tx.attempts.ofOrder(orderId))
    if (OPEN.includes(attempt.state)) await tx.jobs.insert("resolve", attempt.id, nowMs);
  return true;
}
