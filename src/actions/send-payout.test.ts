import { expect, test } from "vitest";
import {
  applyPage,
  KEY_ID,
  newDeposit,
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  RAIL_ID,
  storePaidOrder,
} from "../../tests/fixtures/shop-store.ts";
import type { Store } from "../store/tx.ts";
import type { ShopActions } from "./index.ts";
import { payoutId as payoutIdOf } from "./owe-refund.ts";

const nowMs = NOW_MS + 20_000;
const orderId = "ord_1";
const payoutId = payoutIdOf("order_failed", `${RAIL_ID}|tx_1|1`);

function signed(txId: string, lane = "GTREASURY") {
  return { txId, body: `bytes of ${txId}`, lane, validUntilMs: nowMs + 90_000, signedAtHeight: 7 };
}

/** An order whose refund is owed and not signed. */
async function owingStore(): Promise<Store<ShopActions>> {
  const store = await openShopStore();
  await storePaidOrder(store);
  const error = "no supplier";
  await store.transact("giveUp", { orderId, event: "suppliers_exhausted", error, nowMs });
  await store.transact("oweRefund", { orderId, nowMs });
  return store;
}

async function stateOf(store: Store<ShopActions>): Promise<string | undefined> {
  return (await store.read.orders.byId(orderId))?.state;
}

test("a refund is owed once, however often it is asked for", async () => {
  const store = await owingStore();
  await store.transact("oweRefund", { orderId, nowMs });
  expect(await store.read.payouts.ofOrder(orderId)).toHaveLength(1);
  expect((await store.read.payouts.byId(payoutId))?.atomic).toBe(100_000_000n);
});

test("only one signature of a payout can be stored; the second bytes must be thrown away", async () => {
  const store = await owingStore();
  const input = (txId: string) => ({ payoutId, signed: signed(txId), nowMs });
  expect(await store.transact("storeSignedPayout", input("hash_1"))).toBe(true);
  expect(await store.transact("storeSignedPayout", input("hash_2"))).toBe(false);
  expect((await store.read.payouts.byId(payoutId))?.body).toBe("bytes of hash_1");
  expect(await stateOf(store)).toBe("refunding");
});

test("a lane carries one signed payout at a time", async () => {
  const store = await owingStore();
  const other = newOrder({ id: "ord_2" });
  await store.transact("createOrder", { order: other, idempotency: null });
  await applyPage(store, pageOf([newDeposit({ txId: "tx_2", orderRef: "ord_2" })], "c2"));
  const error = "no supplier";
  await store.transact("giveUp", { orderId: "ord_2", event: "suppliers_exhausted", error, nowMs });
  await store.transact("oweRefund", { orderId: "ord_2", nowMs });
  const second = payoutIdOf("order_failed", `${RAIL_ID}|tx_2|1`);
  await store.transact("storeSignedPayout", { payoutId, signed: signed("hash_1"), nowMs });
  const input = { payoutId: second, signed: signed("hash_2"), nowMs };
  expect(await store.transact("storeSignedPayout", input)).toBe(false);
  const elsewhere = { payoutId: second, signed: signed("hash_2", "GCHANNEL"), nowMs };
  expect(await store.transact("storeSignedPayout", elsewhere)).toBe(true);
});

test("a dead signature is kept by its hash and a new one may be stored", async () => {
  const store = await owingStore();
  await store.transact("storeSignedPayout", { payoutId, signed: signed("hash_1"), nowMs });
  await store.transact("dropPayout", { payoutId, reason: "expired", nowMs });
  expect(await stateOf(store)).toBe("refund_due");
  await store.transact("storeSignedPayout", { payoutId, signed: signed("hash_2"), nowMs });
  const payout = await store.read.payouts.byId(payoutId);
  expect([payout?.txId, payout?.deadTxIds]).toEqual(["hash_2", ["hash_1"]]);
  expect(await stateOf(store)).toBe("refunding");
});

test("a final refund ends the order, frees the budget and cannot be dropped any more", async () => {
  const store = await owingStore();
  await store.transact("storeSignedPayout", { payoutId, signed: signed("hash_1"), nowMs });
  expect(
    await store.transact("confirmPayout", { payoutId, txId: "hash_1", height: 9, nowMs }),
  ).toBe(true);
  expect(
    await store.transact("confirmPayout", { payoutId, txId: "hash_1", height: 9, nowMs }),
  ).toBe(false);
  expect(await store.transact("dropPayout", { payoutId, reason: "late", nowMs })).toBe(false);
  expect(await stateOf(store)).toBe("refunded");
  expect((await store.read.keys.byId(KEY_ID))?.inFlightUsdMicro).toBe(0n);
  const owed = await store.read.ledger.balances();
  expect(owed.filter(({ atomic }) => atomic !== 0n)).toEqual([]);
});

test("a payee who cannot receive it puts the order into review, and an operator can send it elsewhere", async () => {
  const store = await owingStore();
  await store.transact("blockPayout", { payoutId, reason: "no trustline", nowMs });
  expect(await stateOf(store)).toBe("in_review");
  expect(await store.transact("redirectPayout", { payoutId, to: "GOTHER", nowMs })).toBe(true);
  expect(await stateOf(store)).toBe("refund_due");
  const payout = await store.read.payouts.byId(payoutId);
  expect([payout?.to, payout?.state]).toEqual(["GOTHER", "due"]);
  expect(await store.transact("redirectPayout", { payoutId, to: "GTHIRD", nowMs })).toBe(false);
});

test("the refund of an unmatched payment moves no order", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  await applyPage(store, pageOf([newDeposit({ txId: "tx_2" })], "c2"));
  const unmatched = payoutIdOf("unmatched", `${RAIL_ID}|tx_2|1`);
  await store.transact("storeSignedPayout", { payoutId: unmatched, signed: signed("h"), nowMs });
  await store.transact("confirmPayout", { payoutId: unmatched, txId: "h", height: 9, nowMs });
  expect(await stateOf(store)).toBe("paid");
});

test("an operator sends an unknown order's payment back once", async () => {
  const store = await openShopStore();
  await applyPage(store, pageOf([newDeposit({ orderRef: "ord_nobody" })]));
  const depositId = `${RAIL_ID}|tx_1|1`;
  const input = { depositId, nowMs };
  expect((await store.transact("refundUnmatched", input)).kind).toBe("owed");
  expect((await store.transact("refundUnmatched", input)).kind).toBe("owed");
  expect(await store.read.payouts.ofDeposit(depositId)).toHaveLength(1);
  const id = payoutIdOf("unmatched", depositId);
  await store.transact("storeSignedPayout", { payoutId: id, signed: signed("h"), nowMs });
  expect((await store.transact("refundUnmatched", input)).kind).toBe("refused");
});

test("an order's own payment is not an unmatched payment", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  const answer = await store.transact("refundUnmatched", {
    depositId: `${RAIL_ID}|tx_1|1`,
    nowMs,
  });
  expect(answer.kind).toBe("refused");
});
