import { expect, test } from "vitest";
import { newOrder, NOW_MS, openShopStore } from "../../tests/fixtures/shop-store.ts";
import type { CreateX402OrderInput, RequestName } from "./create-x402-order.ts";
import { WALK_IN_KEY_ID } from "./manage-keys.ts";

const RECENT_MS = 60_000;

function named(key: string, fingerprint = "f1"): RequestName {
  return { keyId: WALK_IN_KEY_ID, key, fingerprint };
}

function input(id: string, changes: Partial<CreateX402OrderInput> = {}): CreateX402OrderInput {
  const order = newOrder({ id, keyId: WALK_IN_KEY_ID });
  return { order, explicit: null, implicit: named("recent"), recentMs: RECENT_MS, ...changes };
}

test("an order of a caller without a key belongs to the walk-in key, which is there at once", async () => {
  const store = await openShopStore();
  const made = await store.transact("createX402Order", input("ord_1"));
  expect(made).toEqual({ known: null });
  expect(await store.read.orders.byId("ord_1")).toEqual(input("ord_1").order);
  expect(await store.read.keys.byId(WALK_IN_KEY_ID)).toMatchObject({
    inFlightUsdMicro: 10_000_000n,
  });
  expect((await store.read.events.after("ord_1", 0)).map(({ event }) => event)).toEqual([
    "created",
  ]);
});

test("two at once under one name are one order", async () => {
  const store = await openShopStore();
  const made = await Promise.all(
    ["ord_1", "ord_2"].map((id) => store.transact("createX402Order", input(id))),
  );
  expect(made.map(({ known }) => known?.id ?? null)).toEqual([null, "ord_1"]);
  expect(await store.read.orders.byId("ord_2")).toBeNull();
});

test("an order that is refused leaves no name behind", async () => {
  const store = await openShopStore({ limitUsdMicro: 1n });
  const poor = { ...input("ord_1"), order: newOrder({ id: "ord_1" }), explicit: named("k") };
  await expect(store.transact("createX402Order", poor)).rejects.toThrow("spend_limit_exceeded");
  expect(await store.read.idempotency.find(WALK_IN_KEY_ID, "k")).toBeNull();
  expect(await store.read.idempotency.find(WALK_IN_KEY_ID, "recent")).toBeNull();
});

test("a name stays with the order that it was first bound to", async () => {
  const store = await openShopStore();
  await store.transact("createX402Order", input("ord_1"));
  await store.transact("createX402Order", input("ord_2", { implicit: named("other") }));
  const bind = (orderId: string, fingerprint = "f1") =>
    store.transact("nameX402Order", { orderId, name: named("id", fingerprint), nowMs: NOW_MS });
  expect(await bind("ord_1")).toBe("ord_1");
  expect(await bind("ord_2")).toBe("ord_1");
  await expect(bind("ord_2", "f2")).rejects.toThrow("idempotency_conflict");
});

test("a name whose order ended unpaid is bound anew", async () => {
  const store = await openShopStore();
  await store.transact("createX402Order", input("ord_1", { explicit: named("k") }));
  await store.transact("closeWindow", { orderId: "ord_1", railIds: [], nowMs: NOW_MS });
  expect((await store.read.orders.byId("ord_1"))?.state).toBe("expired");
  const again = await store.transact("createX402Order", input("ord_2", { explicit: named("k") }));
  expect(again).toEqual({ known: null });
  expect(await store.read.orders.byId("ord_2")).toMatchObject({ state: "awaiting_payment" });
});

test("hastening what is not there, or is over, is a no-op", async () => {
  const store = await openShopStore();
  await store.transact("createX402Order", input("ord_1"));
  const nowMs = NOW_MS;
  expect(await store.transact("hastenSettlement", { orderId: "ord_1", nowMs })).toBe(false);
  expect(await store.transact("hastenSettlement", { orderId: "ord_x", nowMs })).toBe(false);
  const hint = { attemptId: "att_x", supplierId: "sim", nowMs };
  expect(await store.transact("hastenAttempt", hint)).toBe(false);
});
