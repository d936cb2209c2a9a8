import { expect, test } from "vitest";
import {
  isFinal,
  TRANSITIONS,
  transitionFor,
  type OrderEvent,
  type OrderState,
} from "./lifecycle.ts";

const states = [...new Set(TRANSITIONS.flatMap(([from, , to]) => [from, to]))].toSorted();

function reachableFrom(
  start: OrderState,
  happens: (event: OrderEvent) => boolean = () => true,
): OrderState[] {
  const seen = new Set([start]);
  for (const state of seen)
    for (const [from, event, to] of TRANSITIONS) if (from === state && happens(event)) seen.add(to);
  return [...seen].toSorted();
}

test("every state is reachable from a new order", () => {
  expect(states.length).toBe(12);
  expect(reachableFrom("awaiting_approval")).toEqual(states);
});

test("no state has two rows for one event", () => {
  const keys = TRANSITIONS.map(([from, event]) => `${from} ${event}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test("an order ends delivered, refunded, rejected or expired", () => {
  expect(states.filter((state) => isFinal(state))).toEqual([
    "delivered",
    "expired",
    "refunded",
    "rejected",
  ]);
});

test("once paid, an order can only end delivered or refunded, and always can, unless the chain takes the payment back", () => {
  const after = reachableFrom("paid", (event) => event !== "deposit_dropped");
  expect(after.filter((state) => isFinal(state))).toEqual(["delivered", "refunded"]);
  for (const state of after) expect(reachableFrom(state).some((end) => isFinal(end))).toBe(true);
});

test("once money is owed back, nothing leads to a delivery", () => {
  expect(reachableFrom("refund_due")).toEqual(["in_review", "refund_due", "refunded", "refunding"]);
});

test("a state in which work is owed is entered with a job, or has one that tracks it already", () => {
  const entries = (to: OrderState): (string | null)[] =>
    TRANSITIONS.filter((row) => row[2] === to && row[0] !== to).map(([, , , job]) => job);
  expect(new Set(entries("paid"))).toEqual(new Set(["fulfil"]));
  const refundJobs = TRANSITIONS.filter(([, , to]) => to === "refund_due").map(
    ([, event, , job]) => `${event}: ${String(job)}`,
  );
  expect(refundJobs.filter((entry) => !entry.endsWith(": refund"))).toEqual([
    "refund_dropped: null", // the payout's own job is still there and signs anew
  ]);
});

test("a refund starts only when the lifecycle owes one", () => {
  const signed = TRANSITIONS.filter(([, event]) => event === "refund_signed");
  expect(signed.map(([from]) => from)).toEqual(["refund_due"]);
});

test("an event means nothing in a state without its row", () => {
  expect(transitionFor("delivered", "deadline_passed")).toBeUndefined();
  expect(transitionFor("refund_due", "attempt_succeeded")).toBeUndefined();
  expect(transitionFor("expired", "payment_confirmed")).toBeUndefined();
  expect(transitionFor("paid", "attempt_started")).toEqual([
    "paid",
    "attempt_started",
    "fulfilling",
    null,
  ]);
});
