import type { JobEnd } from "../actions/run-jobs.ts";
import { assert } from "../errors.ts";
import { unknown, type Outcome } from "../outcome.ts";
import type { AttemptRow } from "../store/rows.ts";
import type { Supplier } from "../suppliers/supplier.ts";
import type { WorkerDeps } from "./deps.ts";
import type { JobHandler } from "./job-loop.ts";

const CALL_LIMIT_MS = 20_000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 30 * 60_000;
/** Suppliers take back what was never used; after this long it is ours to keep. */
const GIVE_UP_AFTER_MS = 24 * 3_600_000;

/** Gives back what was bought and not delivered, where the supplier allows it; else it stays inventory. */
export function salvageAttempt(deps: WorkerDeps): JobHandler {
  const { store, clock, log, suppliers } = deps;
  return async (attemptId): Promise<JobEnd> => {
    const attempt = await store.read.attempts.byId(attemptId);
    assert(attempt !== null, "a salvage job without its attempt");
    const supplier = suppliers.get(attempt.supplierId);
    if (attempt.state !== "stranded" || supplier?.cancel === undefined) return { kind: "finish" };
    const given = await giveBack(deps, supplier, attempt);
    const nowMs = clock.now();
    if (given.kind === "done") {
      await store.transact("salvageAttempt", { attemptId, reason: "given back", nowMs });
      log.info("goods that nobody received were given back", { attempt: attemptId });
      return { kind: "finish" };
    }
    const { reason } = given;
    const ageMs = nowMs - attempt.updatedAtMs;
    if ((given.kind === "failed" && !given.retryable) || ageMs > GIVE_UP_AFTER_MS) {
      log.warn("goods that nobody received stay ours", { attempt: attemptId, reason });
      return { kind: "finish" };
    }
    const pauseMs = Math.min(Math.max(FIRST_PAUSE_MS, ageMs), LONGEST_PAUSE_MS);
    return { kind: "retry", runAtMs: nowMs + pauseMs, error: reason };
  };
}

async function giveBack(
  { log }: WorkerDeps,
  supplier: Supplier,
  attempt: AttemptRow,
): Promise<Outcome<null>> {
  try {
    const cancelled = await supplier.cancel?.(
      attempt.stageState,
      AbortSignal.timeout(CALL_LIMIT_MS),
    );
    return cancelled ?? unknown("the supplier takes nothing back");
  } catch (error) {
    log.error("a supplier adapter threw", { attempt: attempt.id, error });
    return unknown("the adapter failed");
  }
}
