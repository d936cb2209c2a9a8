import type { JobEnd } from "../actions/run-jobs.ts";
import { assert } from "../errors.ts";
import type { Order } from "../orders/order.ts";
import { unknown, type Outcome } from "../outcome.ts";
import type { AttemptRow } from "../store/rows.ts";
import type { Stage, StageInput, StageOutput, Supplier } from "../suppliers/supplier.ts";
import type { WorkerDeps } from "./deps.ts";

/** One attempt to carry on. `isFresh`: its intent was stored a moment ago and nothing was sent yet. */
export interface AttemptRun {
  readonly order: Order;
  readonly attempt: AttemptRow;
  readonly isFresh: boolean;
  readonly signal: AbortSignal;
}

/** "again": the stored state has changed, read it and go on. */
type Step = JobEnd | "again";

/** Look-ups of a lost answer: 2, 5, 10, 20, 40 seconds after it was lost, then every 40. */
const LOOKUP_AFTER_MS: readonly number[] = [2_000, 5_000, 10_000, 20_000, 40_000];
const LOOKUP_EVERY_MS = 40_000;

const ERROR_UNUSABLE = "The goods could not be activated; the payment is being refunded.";

/** Runs the next step of an attempt, each stored before the one after it. */
export async function runAttempt(deps: WorkerDeps, run: AttemptRun): Promise<Step> {
  const { attempt, isFresh } = run;
  const supplier = deps.suppliers.get(attempt.supplierId);
  if (supplier === undefined) {
    deps.log.error("an attempt is open at a supplier that is not configured", {
      attempt: attempt.id,
      supplier: attempt.supplierId,
    });
    return later(deps, LOOKUP_EVERY_MS, `supplier ${attempt.supplierId} is not configured`);
  }
  if (attempt.state === "accepted") return runNextStage(deps, run, supplier);
  if (isFresh) return buy(deps, run, supplier);
  if (attempt.state === "submitting")
    return loseAnswer(deps, run, "the server ended before the answer came");
  return lookUp(deps, run, supplier);
}

/** From now on the attempt is looked up, and nothing is concluded before the supplier's window has passed. */
async function loseAnswer(deps: WorkerDeps, run: AttemptRun, reason: string): Promise<"again"> {
  const { store, clock } = deps;
  await store.transact("markUnknown", { attemptId: run.attempt.id, reason, nowMs: clock.now() });
  return "again";
}

function later({ clock }: Pick<WorkerDeps, "clock">, pauseMs: number, error: string): JobEnd {
  return { kind: "retry", runAtMs: clock.now() + pauseMs, error };
}

/** What a stage is given. Its signal ends at the stage's time limit, the buyer's deadline or a stop. */
function stageInput(
  { clock, limits }: Pick<WorkerDeps, "clock" | "limits">,
  run: Pick<AttemptRun, "order" | "attempt">,
  limit: { readonly timeoutMs: number; readonly isBoundByDeadline: boolean },
): StageInput {
  const { order, attempt } = run;
  const leftMs =
    limit.isBoundByDeadline && order.deadlineAtMs !== null
      ? order.deadlineAtMs - clock.now()
      : limit.timeoutMs;
  return {
    attemptId: attempt.id,
    product: order.product,
    request: order.request,
    previous: attempt.stageState,
    maxCostUsdMicro: maxCostUsdMicro(limits, order),
    startedAtMs: attempt.createdAtMs,
    signal: AbortSignal.timeout(Math.max(1, Math.min(limit.timeoutMs, leftMs))),
  };
}

/** The most that an order's goods may cost; USD with 6 decimals. */
export function maxCostUsdMicro(
  { maxCostBps }: Pick<WorkerDeps["limits"], "maxCostBps">,
  { priceUsdMicro }: Pick<Order, "priceUsdMicro">,
): bigint {
  return (priceUsdMicro * maxCostBps) / 10_000n;
}

async function callStage(
  deps: WorkerDeps,
  run: AttemptRun,
  stage: Stage,
): Promise<Outcome<StageOutput>> {
  const input = stageInput(deps, run, { timeoutMs: stage.timeoutMs, isBoundByDeadline: true });
  try {
    return await stage.run(input);
  } catch (error) {
    // An adapter must turn its failures into outcomes; what it threw tells nothing about the purchase.
    deps.log.error("a supplier adapter threw", { attempt: input.attemptId, error });
    return unknown("the adapter failed");
  }
}

/** The first stage, sent for the first time: the only one that buys. */
async function buy(deps: WorkerDeps, run: AttemptRun, supplier: Supplier): Promise<Step> {
  const { store, clock } = deps;
  const [stage] = supplier.stages;
  const attemptId = run.attempt.id;
  for (let tries = 0; ; tries++) {
    const outcome = await callStage(deps, run, stage);
    if (outcome.kind === "done") {
      await reportSupplier(deps, supplier, "ok");
      return storeStage(deps, run, { supplier, stage, output: outcome.value });
    }
    const { reason } = outcome;
    if (outcome.kind === "unknown") {
      await reportSupplier(deps, supplier, "fault");
      return loseAnswer(deps, run, reason);
    }
    if (outcome.retryable) await reportSupplier(deps, supplier, "fault");
    if (outcome.retryable && (await pausedBeforeRetry(deps, run, stage.retryPausesMs[tries])))
      continue;
    await store.transact("rejectAttempt", { attemptId, reason, nowMs: clock.now() });
    return "again";
  }
}

/** False when there is no further try: no pause is left, the buyer's deadline comes first, or it is time to stop. */
async function pausedBeforeRetry(
  { clock }: WorkerDeps,
  { order, signal }: AttemptRun,
  pauseMs: number | undefined,
): Promise<boolean> {
  if (pauseMs === undefined || signal.aborted) return false;
  const leftMs = (order.deadlineAtMs ?? Infinity) - clock.now();
  if (pauseMs >= leftMs) return false;
  await clock.sleep(pauseMs, signal);
  return !signal.aborted;
}

/** The answer of the buying stage was lost: find out before anything else is done. */
async function lookUp(deps: WorkerDeps, run: AttemptRun, supplier: Supplier): Promise<Step> {
  const { store, clock } = deps;
  const { attempt } = run;
  const [stage] = supplier.stages;
  const found = await findPurchase(deps, run, { supplier, isBoundByDeadline: true });
  if (found.kind === "done" && found.value !== null)
    return storeStage(deps, run, { supplier, stage, output: found.value });
  if (found.kind === "failed" && !found.retryable) {
    const { reason } = found;
    await store.transact("rejectAttempt", { attemptId: attempt.id, reason, nowMs: clock.now() });
    return "again";
  }
  const reason = found.kind === "done" ? "the supplier has not seen it yet" : found.reason;
  if (found.kind !== "done") return later(deps, untilNextLookUpMs(clock.now(), run), reason);
  const isSettled = clock.now() - attempt.updatedAtMs > supplier.lookupWindowMs;
  if (supplier.placement === "dedupes") return sendAgain(deps, run, { supplier, isSettled });
  if (supplier.placement === "blind" || !isSettled)
    return later(deps, untilNextLookUpMs(clock.now(), run), reason);
  const nowMs = clock.now();
  const never = "the supplier never saw it";
  await store.transact("rejectAttempt", { attemptId: attempt.id, reason: never, nowMs });
  return "again";
}

/**
 * Sends a lost purchase again under the same reference, which is the same purchase there. A refusal of the
 * second sending says nothing about the first while that one may still arrive.
 */
async function sendAgain(
  deps: WorkerDeps,
  run: AttemptRun,
  how: { readonly supplier: Supplier; readonly isSettled: boolean },
): Promise<Step> {
  const { store, clock } = deps;
  const { supplier, isSettled } = how;
  const [stage] = supplier.stages;
  const outcome = await callStage(deps, run, stage);
  if (outcome.kind === "done") {
    await reportSupplier(deps, supplier, "ok");
    return storeStage(deps, run, { supplier, stage, output: outcome.value });
  }
  const { reason } = outcome;
  if (outcome.kind === "unknown") {
    await reportSupplier(deps, supplier, "fault");
    await loseAnswer(deps, run, reason);
    return later(deps, lookUpPauseMs(0), reason);
  }
  if (!isSettled) return later(deps, untilNextLookUpMs(clock.now(), run), reason);
  const attemptId = run.attempt.id;
  await store.transact("rejectAttempt", { attemptId, reason, nowMs: clock.now() });
  return "again";
}

export async function findPurchase(
  deps: WorkerDeps,
  run: Pick<AttemptRun, "order" | "attempt">,
  how: { readonly supplier: Supplier; readonly isBoundByDeadline: boolean },
): Promise<Outcome<StageOutput | null>> {
  const { supplier, isBoundByDeadline } = how;
  const [{ timeoutMs }] = supplier.stages;
  try {
    return await supplier.find(stageInput(deps, run, { timeoutMs, isBoundByDeadline }));
  } catch (error) {
    deps.log.error("a supplier adapter threw", { attempt: run.attempt.id, error });
    return unknown("the adapter failed");
  }
}

/** The next of the look-up times, never past the buyer's deadline. */
function untilNextLookUpMs(nowMs: number, { attempt, order }: AttemptRun): number {
  const pauseMs = lookUpPauseMs(nowMs - attempt.updatedAtMs);
  return order.deadlineAtMs === null ? pauseMs : Math.min(pauseMs, order.deadlineAtMs - nowMs);
}

/** Pause until the next look-up, by how long ago the answer was lost. */
export function lookUpPauseMs(lostForMs: number): number {
  const next = LOOKUP_AFTER_MS.find((afterMs) => afterMs > lostForMs);
  return next === undefined ? LOOKUP_EVERY_MS : next - lostForMs;
}

/** A stage after the first: repeatable, so an unknown answer is simply tried again. */
async function runNextStage(deps: WorkerDeps, run: AttemptRun, supplier: Supplier): Promise<Step> {
  const { store, clock } = deps;
  const { attempt } = run;
  const at = supplier.stages.findIndex(({ name }) => name === attempt.stage);
  const stage = supplier.stages[at + 1];
  assert(at >= 0 && stage !== undefined, "an accepted attempt has no next stage");
  for (let tries = 0; ; tries++) {
    const outcome = await callStage(deps, run, stage);
    if (outcome.kind === "done") {
      await reportSupplier(deps, supplier, "ok");
      return storeStage(deps, run, { supplier, stage, output: outcome.value });
    }
    await reportSupplier(deps, supplier, "fault");
    const mayRepeat = outcome.kind === "unknown" || outcome.retryable;
    if (mayRepeat && (await pausedBeforeRetry(deps, run, stage.retryPausesMs[tries]))) continue;
    if (run.signal.aborted) return later(deps, 0, "stopping");
    const { reason } = outcome;
    deps.log.error("goods were bought but cannot be made usable", { attempt: attempt.id, reason });
    await store.transact("strandAttempt", {
      attemptId: attempt.id,
      reason,
      error: ERROR_UNUSABLE,
      nowMs: clock.now(),
    });
    return "again";
  }
}

/** Seals what the stage brought and stores it; the last stage delivers. */
export async function storeStage(
  deps: WorkerDeps,
  run: Pick<AttemptRun, "attempt">,
  result: { readonly supplier: Supplier; readonly stage: Stage; readonly output: StageOutput },
): Promise<"again"> {
  const { store, clock, vault } = deps;
  const { supplier, stage, output } = result;
  const attemptId = run.attempt.id;
  await store.transact("recordStage", {
    attemptId,
    stage: stage.name,
    state: output.state,
    sealed: output.goods === null ? null : vault.seal(attemptId, output.goods),
    costUsdMicro: output.costUsdMicro,
    isLast: stage === supplier.stages.at(-1),
    nowMs: clock.now(),
  });
  return "again";
}

async function reportSupplier(
  { store, board, clock, log }: WorkerDeps,
  supplier: Supplier,
  result: "ok" | "fault",
): Promise<void> {
  const supplierId = supplier.id;
  const event = result === "ok" ? "purchase_succeeded" : "purchase_faulted";
  const nowMs = clock.now();
  const breaker = await store.transact("recordSupplierEvent", { supplierId, event, nowMs });
  await board.readBreakers();
  if (result === "fault" && breaker.state === "open")
    log.error("a supplier's breaker is open: nothing is bought there", { supplier: supplierId });
}
