import { expect, test } from "vitest";
import { KEY_ID, NOW_MS, openShopStore, storePaidOrder } from "../../tests/fixtures/shop-store.ts";
import type { Store } from "../store/tx.ts";
import type { ShopActions } from "./index.ts";

const nowMs = NOW_MS + 10_000;
const orderId = "ord_1";
const attemptId = "att_1";

async function startedStore(): Promise<Store<ShopActions>> {
  const store = await openShopStore();
  await storePaidOrder(store);
  await store.transact("startAttempt", start(attemptId));
  return store;
}

function start(id: string) {
  return { orderId, attemptId: id, supplierId: "sup", choice: [], nowMs };
}

function stage(name: string, isLast: boolean, sealed: string | null = null) {
  const costUsdMicro = isLast ? null : 9_900_000n;
  return { attemptId, stage: name, state: { at: name }, sealed, costUsdMicro, isLast, nowMs };
}

async function stateOf(store: Store<ShopActions>): Promise<string | undefined> {
  return (await store.read.orders.byId(orderId))?.state;
}

test("a second attempt cannot start while one is in flight", async () => {
  const store = await startedStore();
  expect(await store.transact("startAttempt", start("att_2"))).toBeNull();
  expect(await store.read.attempts.ofOrder(orderId)).toHaveLength(1);
});

test("an unknown attempt still blocks another one", async () => {
  const store = await startedStore();
  await store.transact("markUnknown", { attemptId, reason: "timeout", nowMs });
  expect(await store.transact("startAttempt", start("att_2"))).toBeNull();
  expect(await stateOf(store)).toBe("fulfilling");
});

test("a rejected attempt makes room for another supplier", async () => {
  const store = await startedStore();
  await store.transact("rejectAttempt", { attemptId, reason: "out of stock", nowMs });
  expect(await stateOf(store)).toBe("paid");
  expect(await store.transact("startAttempt", start("att_2"))).not.toBeNull();
});

test("goods are unreadable for the buyer until the last stage is stored", async () => {
  const store = await startedStore();
  expect(await store.transact("recordStage", stage("issue", false, "sealed"))).toBe("accepted");
  expect(await store.read.goods.ofOrder(orderId)).toBeNull();
  expect(await store.transact("recordStage", stage("activate", true))).toBe("delivered");
  expect((await store.read.goods.ofOrder(orderId))?.sealed).toBe("sealed");
  expect(await stateOf(store)).toBe("delivered");
  const key = await store.read.keys.byId(KEY_ID);
  expect([key?.spentUsdMicro, key?.inFlightUsdMicro]).toEqual([10_000_000n, 0n]);
});

test("a stage that is stored twice after a crash delivers once", async () => {
  const store = await startedStore();
  await store.transact("recordStage", stage("issue", false, "sealed"));
  await store.transact("recordStage", stage("issue", false, "sealed again"));
  await store.transact("recordStage", stage("activate", true));
  expect(await store.transact("recordStage", stage("activate", true))).toBeNull();
  expect((await store.read.goods.ofOrder(orderId))?.sealed).toBe("sealed");
  const events = await store.read.events.after(orderId, 0);
  expect(events.filter(({ event }) => event === "attempt_succeeded")).toHaveLength(1);
});

test("goods that come after the deadline are ours, and the buyer's refund goes on", async () => {
  const store = await startedStore();
  const error = "too late";
  await store.transact("giveUp", { orderId, event: "deadline_passed", error, nowMs });
  expect(await store.read.jobs.nextRunAtMs(["resolve"])).toBe(nowMs);
  expect(await store.transact("recordStage", stage("issue", false, "sealed"))).toBe("stranded");
  expect(await stateOf(store)).toBe("refund_due");
  expect(await store.read.goods.ofOrder(orderId)).toBeNull();
  expect((await store.read.goods.ofAttempt(attemptId))?.sealed).toBe("sealed");
});

test("goods that cannot be activated are stranded and the buyer is refunded, without a second purchase", async () => {
  const store = await startedStore();
  await store.transact("recordStage", stage("issue", false, "sealed"));
  await store.transact("strandAttempt", { attemptId, reason: "500", error: "sorry", nowMs });
  expect(await stateOf(store)).toBe("refund_due");
  expect(await store.transact("startAttempt", start("att_2"))).toBeNull();
  expect((await store.read.orders.byId(orderId))?.error).toBe("sorry");
});

test("a delivered order cannot be given up", async () => {
  const store = await startedStore();
  await store.transact("recordStage", stage("issue", false, "sealed"));
  await store.transact("recordStage", stage("activate", true));
  const input = { orderId, event: "deadline_passed", error: "late", nowMs } as const;
  expect(await store.transact("giveUp", input)).toBe(false);
  expect(await store.transact("oweRefund", { orderId, nowMs })).toBe(false);
  expect(await store.read.payouts.list(["due"], 10)).toEqual([]);
});

test("three faults in a row open the supplier's breaker, a success closes it", async () => {
  const store = await openShopStore();
  const record = (event: "purchase_faulted" | "purchase_succeeded") =>
    store.transact("recordSupplierEvent", { supplierId: "sup", event, nowMs });
  await record("purchase_faulted");
  await record("purchase_faulted");
  expect((await record("purchase_faulted")).state).toBe("open");
  expect((await store.read.breakers.bySupplier("sup"))?.state).toBe("open");
  expect((await record("purchase_succeeded")).state).toBe("closed");
});
