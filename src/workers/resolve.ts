import type { JobEnd } from "../actions/run-jobs.ts";
import { assert } from "../errors.ts";
import { findPurchase, lookUpPauseMs, storeStage } from "./attempt.ts";
import type { AttemptRow } from "../store/rows.ts";
import type { StageOutput, Supplier } from "../suppliers/supplier.ts";
import type { Outcome } from "../outcome.ts";
import type { WorkerDeps } from "./deps.ts";
import type { JobHandler } from "./job-loop.ts";

/** How long an attempt whose buyer was refunded is looked up before a person must. */
const GIVE_UP_AFTER_MS = 24 * 3_600_000;

const LATE = "the buyer was refunded before the goods were ready";

/**
 * Finds out what became of an attempt whose buyer is being refunded. What was bought after all is kept as
 * inventory: the possible loss is ours, not the buyer's.
 */
export function resolveAttempt(deps: WorkerDeps): JobHandler {
  const { store, clock, suppliers } = deps;
  return async (attemptId): Promise<JobEnd> => {
    const attempt = await store.read.attempts.byId(attemptId);
    assert(attempt !== null, "a resolve job without its attempt");
    const nowMs = clock.now();
    if (attempt.state === "accepted") {
      await store.transact("strandAttempt", { attemptId, reason: LATE, error: LATE, nowMs });
      return { kind: "finish" };
    }
    if (attempt.state === "submitting") {
      const reason = "the server ended before the answer came";
      await store.transact("markUnknown", { attemptId, reason, nowMs });
      return { kind: "retry", runAtMs: nowMs, error: reason };
    }
    if (attempt.state !== "unknown") return { kind: "finish" };
    const supplier = suppliers.get(attempt.supplierId);
    if (supplier === undefined)
      return { kind: "bury", error: `supplier ${attempt.supplierId} is not configured` };
    return lookUp(deps, attempt, supplier);
  };
}

async function lookUp(deps: WorkerDeps, attempt: AttemptRow, supplier: Supplier): Promise<JobEnd> {
  const { store, clock, log } = deps;
  const order = await store.read.orders.byId(attempt.orderId);
  assert(order !== null, "an attempt's order is gone");
  const attemptId = attempt.id;
  const nowMs = clock.now();
  const run = { order, attempt };
  const found = await findPurchase(deps, run, { supplier, isBoundByDeadline: false });
  if (found.kind === "done" && found.value !== null) {
    const [stage] = supplier.stages;
    await storeStage(deps, run, { supplier, stage, output: found.value });
    log.error("goods arrived after their buyer was refunded; they are inventory", {
      attempt: attemptId,
      supplier: supplier.id,
    });
    return { kind: "finish" };
  }
  return concludeMissing(deps, { attempt, supplier, found, nowMs });
}

/** Nothing was bought, as far as is known: is that certain? */
async function concludeMissing(
  { store }: WorkerDeps,
  look: {
    readonly attempt: AttemptRow;
    readonly supplier: Supplier;
    readonly found: Outcome<StageOutput | null>;
    readonly nowMs: number;
  },
): Promise<JobEnd> {
  const { attempt, supplier, found, nowMs } = look;
  const lostForMs = nowMs - attempt.updatedAtMs;
  const isNeverSeen =
    found.kind === "done" && supplier.placement !== "blind" && lostForMs > supplier.lookupWindowMs;
  if (isNeverSeen || (found.kind === "failed" && !found.retryable)) {
    const reason = found.kind === "done" ? "the supplier never saw it" : found.reason;
    await store.transact("rejectAttempt", { attemptId: attempt.id, reason, nowMs });
    return { kind: "finish" };
  }
  const error = found.kind === "done" ? "the supplier has not seen it yet" : found.reason;
  if (nowMs - attempt.createdAtMs > GIVE_UP_AFTER_MS) return { kind: "bury", error };
  return { kind: "retry", runAtMs: nowMs + lookUpPauseMs(lostForMs), error };
}
