import { expect, test } from "vitest";
import {
  applyPage,
  newDeposit,
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  RAIL_ID,
  storePaidOrder,
} from "../../tests/fixtures/shop-store.ts";
import type { Store } from "../store/tx.ts";
import { REASON_RESTORED } from "./held.ts";
import type { ShopActions } from "./index.ts";
import { payoutId as payoutIdOf } from "./owe-refund.ts";

const orderId = "ord_1";
const OPENED_MS = NOW_MS + 30_000;
const REFUND = payoutIdOf("order_failed", `${RAIL_ID}|tx_1|1`);

const open = (store: Store<ShopActions>, isDeclared = true, nowMs = OPENED_MS) =>
  store.transact("openRestored", { isDeclared, nowMs });

async function oweRefund(store: Store<ShopActions>, nowMs = NOW_MS + 20_000): Promise<void> {
  const error = "no supplier";
  await store.transact("giveUp", { orderId, event: "suppliers_exhausted", error, nowMs });
  await store.transact("oweRefund", { orderId, nowMs });
}

const payoutOf = async (store: Store<ShopActions>, id = REFUND) => {
  const payout = await store.read.payouts.byId(id);
  return [payout?.state, payout?.reason];
};

const stateOf = async (store: Store<ShopActions>) => (await store.read.orders.byId(orderId))?.state;

const HELD = ["blocked", REASON_RESTORED];

test("books that are no copy hold nothing back", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  await oweRefund(store);
  expect(await open(store, false)).toBeNull();
  expect(await payoutOf(store)).toEqual(["due", null]);
});

test("a refund that was due in the copy waits for a person, who sends it", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  await oweRefund(store);
  expect(await open(store)).toBe(1);
  expect(await payoutOf(store)).toEqual(HELD);
  expect(await stateOf(store)).toBe("in_review");
  const retry = { payoutId: REFUND, to: null, nowMs: OPENED_MS + 1 };
  expect(await store.transact("redirectPayout", retry)).toBe(true);
  expect(await payoutOf(store)).toEqual(["due", null]);
  expect(await stateOf(store)).toBe("refund_due");
});

test("a refund that falls due later, of money that came before, waits as well", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  expect(await open(store)).toBe(0);
  await oweRefund(store, OPENED_MS + 1);
  expect(await payoutOf(store)).toEqual(HELD);
  expect(await stateOf(store)).toBe("in_review");
});

test("a second payment that came before the copy was opened is held; one that came later goes back", async () => {
  const store = await openShopStore();
  await store.transact("createOrder", { order: newOrder(), idempotency: null });
  await open(store);
  const second = newDeposit({ txId: "tx_2" });
  const later = newDeposit({ txId: "tx_3", chainTimeMs: OPENED_MS });
  await applyPage(store, pageOf([newDeposit(), second, later]));
  expect(await stateOf(store)).toBe("paid");
  const unmatched = (txId: string) => payoutIdOf("unmatched", `${RAIL_ID}|${txId}|1`);
  expect(await payoutOf(store, unmatched("tx_2"))).toEqual(HELD);
  expect(await payoutOf(store, unmatched("tx_3"))).toEqual(["due", null]);
});

test("an order that was made since then is nobody's but its own, though the chain's clock is slow", async () => {
  const store = await openShopStore();
  await open(store, true, NOW_MS - 1);
  await store.transact("createOrder", { order: newOrder(), idempotency: null });
  const slow = { chainTimeMs: NOW_MS - 4_000 };
  await applyPage(store, pageOf([newDeposit(slow), newDeposit({ ...slow, txId: "tx_2" })]));
  const duplicate = payoutIdOf("unmatched", `${RAIL_ID}|tx_2|1`);
  expect(await payoutOf(store, duplicate)).toEqual(["due", null]);
  await oweRefund(store);
  expect(await payoutOf(store)).toEqual(["due", null]);
});

test("a refund that was signed in the copy and is dead is not signed anew", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  await oweRefund(store);
  const nowMs = NOW_MS + 25_000;
  const bounds = { lane: "lane", validUntilMs: null, signedAtHeight: 7 };
  const signed = { txId: "hash_1", body: "bytes", ...bounds };
  await store.transact("storeSignedPayout", { payoutId: REFUND, signed, nowMs });
  expect(await open(store)).toBe(0);
  expect((await payoutOf(store))[0]).toBe("signed");
  const dead = { payoutId: REFUND, reason: "another transaction took its place" };
  await store.transact("dropPayout", { ...dead, nowMs: OPENED_MS + 1 });
  expect(await payoutOf(store)).toEqual(HELD);
  expect(await stateOf(store)).toBe("in_review");
});

test("a payment that the copy has as taken back, and that came again before, is not sent back by itself", async () => {
  const store = await openShopStore();
  await store.transact("createOrder", { order: newOrder(), idempotency: null });
  const second = newDeposit({ txId: "tx_2", blockHash: "0xa" });
  const unmatched = payoutIdOf("unmatched", `${RAIL_ID}|tx_2|1`);
  const first = newDeposit({ blockHash: "0xa" });
  await applyPage(store, pageOf([first, second]));
  await applyPage(store, { ...pageOf([first], "c2"), wholeAboveHeight: 99 });
  expect((await payoutOf(store, unmatched))[0]).toBe("blocked");
  await open(store);
  const again = { ...second, blockHash: "0xb" };
  await applyPage(store, { ...pageOf([first, again], "c3"), wholeAboveHeight: 99 });
  expect((await store.read.deposits.byId(`${RAIL_ID}|tx_2|1`))?.state).toBe("final");
  expect(await payoutOf(store, unmatched)).toEqual(HELD);
});

test("what was made after the copy was opened goes its way, dead signatures and all", async () => {
  const store = await openShopStore();
  await open(store, true, NOW_MS - 1);
  await storePaidOrder(store);
  await oweRefund(store);
  const nowMs = NOW_MS + 25_000;
  const bounds = { lane: "lane", validUntilMs: null, signedAtHeight: 7 };
  const signed = { txId: "hash_1", body: "bytes", ...bounds };
  await store.transact("storeSignedPayout", { payoutId: REFUND, signed, nowMs });
  await store.transact("dropPayout", { payoutId: REFUND, reason: "expired", nowMs });
  expect((await payoutOf(store))[0]).toBe("due");
});
