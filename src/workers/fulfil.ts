import { isHeld } from "../actions/held.ts";
import type { JobEnd } from "../actions/run-jobs.ts";
import { assert } from "../errors.ts";
import { newId } from "../ids.ts";
import type { Order } from "../orders/order.ts";
import type { AttemptRow } from "../store/rows.ts";
import { pieceOf } from "../products/product.ts";
import { maxCostUsdMicro, runAttempt } from "./attempt.ts";
import { chooseSupplier, type Verdict, type Wish } from "../suppliers/choose.ts";
import type { WorkerDeps } from "./deps.ts";
import type { JobHandler } from "./job-loop.ts";
import { candidatesOf } from "./supply.ts";

/** When no supplier can be asked just now but one may come back before the deadline. */
const NO_SUPPLIER_PAUSE_MS = 1_000;

/** When another order was the trial of a half-open breaker. */
const BREAKER_RACE_PAUSE_MS = 200;

const ERROR_LATE = "The order could not be fulfilled in time; the payment is being refunded.";
const ERROR_RESTORED =
  "The shop's records were restored from a copy; a person decides about the refund.";
const ERROR_NO_SUPPLIER = "No supplier could fulfil the order; the payment is being refunded.";

/**
 * Turns a paid order into goods or into a refund: choose a supplier, store the attempt, run its stages one
 * by one with each result stored before the next, and move on only when the supplier certainly did not
 * sell. Called again after a crash, it goes on from what is stored.
 */
export function fulfilOrder(deps: WorkerDeps): JobHandler {
  const { store, clock } = deps;
  return async (orderId, signal): Promise<JobEnd> => {
    for (;;) {
      const order = await store.read.orders.byId(orderId);
      if (order === null || (order.state !== "paid" && order.state !== "fulfilling"))
        return { kind: "finish" };
      if (signal.aborted) return pause(deps, 0, "stopping");
      assert(order.deadlineAtMs !== null, "a paid order without a deadline");
      if (clock.now() >= order.deadlineAtMs) {
        const error = ERROR_LATE;
        const nowMs = clock.now();
        await store.transact("giveUp", { orderId, event: "deadline_passed", error, nowMs });
        return { kind: "finish" };
      }
      const end =
        order.state === "paid"
          ? await begin(deps, order, signal)
          : await resume(deps, order, signal);
      if (end !== "again") return end;
    }
  };
}

function pause({ clock }: Pick<WorkerDeps, "clock">, pauseMs: number, error: string): JobEnd {
  return { kind: "retry", runAtMs: clock.now() + pauseMs, error };
}

/** Obstacles that may be gone before the deadline. */
const PASSING: readonly Verdict[] = ["offers_unknown", "breaker_open"];

function wishOf({ limits }: WorkerDeps, order: Order, earlier: readonly AttemptRow[]): Wish {
  return {
    product: order.product,
    piece: pieceOf(order.request),
    maxCostUsdMicro: maxCostUsdMicro(limits, order),
    rejectedBy: earlier.map(({ supplierId }) => supplierId),
  };
}

/** A paid order: choose, store the intent, buy. */
async function begin(
  deps: WorkerDeps,
  order: Order,
  signal: AbortSignal,
): Promise<JobEnd | "again"> {
  const { store, clock, random, board, limits } = deps;
  if (await isHeldOrder(deps, order)) {
    const error = ERROR_RESTORED;
    const nowMs = clock.now();
    await store.transact("giveUp", {
      orderId: order.id,
      event: "suppliers_exhausted",
      error,
      nowMs,
    });
    return { kind: "finish" };
  }
  const earlier = await store.read.attempts.ofOrder(order.id);
  const wish = wishOf(deps, order, earlier);
  const choice = chooseSupplier(wish, candidatesOf(board, clock.now() - limits.offersMaxAgeMs));
  if (choice.supplierId === null) {
    // Who has refused this order is not asked again, so the buyer need not wait for its return.
    const mayRecover = choice.candidates.some(
      ({ supplier, verdict }) => PASSING.includes(verdict) && !wish.rejectedBy.includes(supplier),
    );
    if (mayRecover) return pause(deps, NO_SUPPLIER_PAUSE_MS, "no supplier can be asked now");
    const error = ERROR_NO_SUPPLIER;
    const nowMs = clock.now();
    await store.transact("giveUp", {
      orderId: order.id,
      event: "suppliers_exhausted",
      error,
      nowMs,
    });
    return { kind: "finish" };
  }
  const nowMs = clock.now();
  const attempt = await store.transact("startAttempt", {
    orderId: order.id,
    attemptId: newId("att", nowMs, random),
    supplierId: choice.supplierId,
    choice: choice.candidates,
    nowMs,
  });
  if (attempt === null) {
    await board.readBreakers();
    return pause(deps, BREAKER_RACE_PAUSE_MS, "the supplier's breaker let nobody through");
  }
  return runAttempt(deps, { order, attempt, isFresh: true, signal });
}

/** It may have been bought for already, by an attempt that a restored copy of the books does not know. */
async function isHeldOrder({ store }: WorkerDeps, { payment }: Order): Promise<boolean> {
  const deposit = payment === null ? null : await store.read.deposits.byId(payment.depositId);
  return deposit !== null && (await isHeld(store.read, deposit));
}

/** An order with an attempt in flight: after a crash, or when a look-up is due. */
async function resume(
  deps: WorkerDeps,
  order: Order,
  signal: AbortSignal,
): Promise<JobEnd | "again"> {
  const attempt = openAttempt(await deps.store.read.attempts.ofOrder(order.id));
  assert(attempt !== null, "an order is being fulfilled without an attempt in flight");
  return runAttempt(deps, { order, attempt, isFresh: false, signal });
}

function openAttempt(attempts: readonly AttemptRow[]): AttemptRow | null {
  return (
    attempts.find(({ state }) => ["submitting", "unknown", "accepted"].includes(state)) ?? null
  );
}
