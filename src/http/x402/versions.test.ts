import { expect, test } from "vitest";
import { newOrder, silentLog } from "../../../tests/fixtures/shop-store.ts";
import { createLocalFeed } from "../../feed/local.ts";
import type { OrderState } from "../../orders/lifecycle.ts";
import { NO_PAYMENT } from "../../orders/view-x402.ts";
import type { Snapshot } from "./snapshot.ts";
import { createVersions } from "./versions.ts";

function snapshotOf(id: string, state: OrderState = "awaiting_payment"): Snapshot {
  return { order: newOrder({ id, state }), payment: NO_PAYMENT, block: null, refunds: [] };
}

function open(maxOrders?: number) {
  const local = createLocalFeed(silentLog);
  const listeners = new Set<string>();
  let count = 0;
  const at = { nowMs: 0 };
  const versions = createVersions(
    {
      clock: { now: () => at.nowMs, sleep: () => Promise.resolve() },
      feed: {
        subscribe: (orderId, listener) => {
          const name = `${orderId} ${count++}`;
          listeners.add(name);
          const stop = local.subscribe(orderId, listener);
          return () => {
            listeners.delete(name);
            stop();
          };
        },
      },
      headHeight: () => null,
      rails: [],
    },
    maxOrders,
  );
  const load = (id: string, state?: OrderState) =>
    versions.load(id, () => Promise.resolve(snapshotOf(id, state)));
  return { versions, load, listeners, at, publish: (id: string) => local.publish([id]) };
}

test("what was read is remembered until the order's next event", async () => {
  const { versions, load, listeners, publish } = open();
  await load("a");
  expect(versions.peek("a")?.tag(false)).toBe('"1-0"');
  publish("b");
  expect(versions.peek("a")).not.toBeNull();
  publish("a");
  expect(versions.peek("a")).toBeNull();
  expect(listeners.size).toBe(0);
});

test("an event that comes while the order is read makes what was read old", async () => {
  const { versions, listeners, publish } = open();
  const snapshot = await versions.load("a", () => {
    publish("a");
    return Promise.resolve(snapshotOf("a"));
  });
  expect(snapshot.order.id).toBe("a");
  expect(versions.peek("a")).toBeNull();
  expect(listeners.size).toBe(0);
});

test("a read that fails leaves nothing behind", async () => {
  const { versions, listeners } = open();
  const failing = versions.load("a", () => Promise.reject(new Error("the store is gone")));
  await expect(failing).rejects.toThrow("the store is gone");
  expect(listeners.size).toBe(0);
});

test("an unfinished order is remembered for seconds, a finished one for long", async () => {
  const { versions, load, at } = open();
  await load("a");
  await load("b", "expired");
  at.nowMs = 4_999;
  expect(versions.peek("a")).not.toBeNull();
  at.nowMs = 5_000;
  expect(versions.peek("a")).toBeNull();
  expect(versions.peek("b")?.isSettled).toBe(true);
});

test("however many orders are polled, no more are remembered than there is room for", async () => {
  const { versions, load, listeners } = open(3);
  for (let i = 0; i < 10; i++) await load(`o${i}`);
  expect(listeners.size).toBe(3);
  expect(["o6", "o7", "o8", "o9"].map((id) => versions.peek(id) !== null)).toEqual([
    false,
    true,
    true,
    true,
  ]);
});

test("an order that is read again is listened to once", async () => {
  const { load, listeners } = open();
  await Promise.all([load("a"), load("a"), load("a")]);
  expect(listeners.size).toBe(1);
});
