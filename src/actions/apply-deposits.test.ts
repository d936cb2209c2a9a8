import { expect, test } from "vitest";
import {
  applyPage,
  KEY_ID,
  newDeposit,
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  PAYER,
  RAIL_ID,
  storePaidOrder,
  USDC,
  XLM,
} from "../../tests/fixtures/shop-store.ts";
import type { Deposit } from "../rails/rail.ts";
import type { Store } from "../store/tx.ts";
import type { ShopActions } from "./index.ts";

async function storeOrder(store: Store<ShopActions>, changes = {}): Promise<void> {
  await store.transact("createOrder", { order: newOrder(changes), idempotency: null });
}

/** Everything that a deposit may touch, as text: two equal texts are two equal databases. */
async function snapshot({ read }: Store<ShopActions>): Promise<string> {
  const payouts = await read.payouts.list(["due", "signed", "final", "blocked"], 100);
  const parts = [
    await read.orders.byId("ord_1"),
    await read.events.after("ord_1", 0),
    await read.deposits.ofOrder("ord_1"),
    payouts,
    await read.ledger.balances(),
    await read.jobs.count(),
    await read.keys.byId(KEY_ID),
  ];
  return JSON.stringify(parts, (_name, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}

test("a page that is seen again, under a later cursor too, changes nothing", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  const before = await snapshot(store);
  await applyPage(store, pageOf([newDeposit()], "c2"));
  await applyPage(store, pageOf([newDeposit(), newDeposit()], "c3"));
  expect(await snapshot(store)).toBe(before);
  expect((await store.read.cursors.byRail(RAIL_ID))?.cursor).toBe("c3");
});

test("a second watcher that read from an old cursor writes nothing", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  const answer = await store.transact("applyDeposits", {
    railId: RAIL_ID,
    before: null,
    page: pageOf([newDeposit({ txId: "tx_2" })], "c9"),
    terms: { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n },
    nowMs: NOW_MS,
  });
  expect(answer.isApplied).toBe(false);
  expect((await store.read.cursors.byRail(RAIL_ID))?.cursor).toBe("c1");
  expect(await store.read.deposits.byId(`${RAIL_ID}|tx_2|1`)).toBeNull();
});

const UNMATCHED: readonly (readonly [
  reason: string,
  order: object,
  deposit: Partial<Deposit>,
  isSentBack: boolean,
])[] = [
  ["order_unknown", {}, { orderRef: "ord_stranger" }, false],
  ["underpaid", {}, { amount: { asset: USDC, atomic: 99_999_999n } }, true],
  ["underpaid", {}, { amount: { asset: USDC, atomic: 1n } }, true],
  ["wrong_asset", { quote: { legs: [], missing: [] } }, {}, true],
  ["paid_late", {}, { chainTimeMs: NOW_MS + 7_200_001 }, true],
  [
    "paid_late",
    {},
    { amount: { asset: XLM, atomic: 1_000_000_000n }, chainTimeMs: NOW_MS + 600_001 },
    true,
  ],
];

test.each(UNMATCHED)(
  "a deposit that is %s pays no order and goes back only if its payer is certain",
  async (reason, order, deposit, isSentBack) => {
    const store = await openShopStore();
    await storeOrder(store, order);
    const booked = await applyPage(store, pageOf([newDeposit(deposit)]));
    expect(booked.unmatched.map((row) => row.reason)).toEqual([reason]);
    expect((await store.read.orders.byId("ord_1"))?.state).toBe("awaiting_payment");
    const payouts = await store.read.payouts.list(["due"], 10);
    expect(payouts.map(({ to, cause }) => ({ to, cause }))).toEqual(
      isSentBack ? [{ to: PAYER, cause: "unmatched" }] : [],
    );
  },
);

test("a second payment of the same order is a duplicate and goes back whole", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  const booked = await applyPage(store, pageOf([newDeposit({ txId: "tx_2" })], "c2"));
  expect(booked.unmatched.map((row) => row.reason)).toEqual(["duplicate"]);
  const [payout] = await store.read.payouts.list(["due"], 10);
  expect(payout?.atomic).toBe(100_000_000n);
});

test("two payments of one order on one page: the first pays, the second goes back", async () => {
  const store = await openShopStore();
  await storeOrder(store);
  const booked = await applyPage(store, pageOf([newDeposit(), newDeposit({ index: 2 })]));
  expect(booked.matched).toBe(1);
  expect(booked.unmatched.map((row) => row.reason)).toEqual(["duplicate"]);
});

test("what was paid over the price goes back as its own payout while the order goes on", async () => {
  const store = await openShopStore();
  await storeOrder(store);
  await applyPage(store, pageOf([newDeposit({ amount: { asset: USDC, atomic: 100_500_000n } })]));
  expect((await store.read.orders.byId("ord_1"))?.state).toBe("paid");
  const payouts = await store.read.payouts.list(["due"], 10);
  expect(payouts.map(({ cause, atomic }) => ({ cause, atomic }))).toEqual([
    { cause: "excess", atomic: 500_000n },
  ]);
});

test("dust over the price is kept, and nothing stays owed for it", async () => {
  const store = await openShopStore();
  await storeOrder(store);
  await applyPage(store, pageOf([newDeposit({ amount: { asset: USDC, atomic: 100_000_900n } })]));
  expect(await store.read.payouts.list(["due"], 10)).toEqual([]);
  const balances = await store.read.ledger.balances();
  const of = (name: string) => balances.find(({ account }) => account === name)?.atomic ?? 0n;
  expect([of("owed:excess"), of("revenue")]).toEqual([0n, -900n]);
});

test("an event that nobody can read is kept as a dead letter, once, and the cursor moves on", async () => {
  const store = await openShopStore();
  const unreadable = [{ txId: "tx_bad", index: 0, height: 7, reason: "no amount", raw: "AAAA" }];
  const page = { ...pageOf([]), unreadable };
  expect((await applyPage(store, page)).unreadable).toBe(1);
  expect((await applyPage(store, { ...page, cursor: "c2" })).unreadable).toBe(0);
  expect(await store.read.deposits.deadLetters(0)).toHaveLength(1);
});

test("a deposit that is not final yet holds the order in confirming, without a deadline", async () => {
  const store = await openShopStore();
  await storeOrder(store);
  await applyPage(store, pageOf([newDeposit({ isFinal: false })]));
  const order = await store.read.orders.byId("ord_1");
  expect(order?.state).toBe("confirming");
  expect(order?.deadlineAtMs).toBeNull();
});

test("an exact final deposit makes the order paid, with its deadline and its fulfilment job", async () => {
  const store = await openShopStore();
  await storePaidOrder(store);
  const order = await store.read.orders.byId("ord_1");
  expect(order?.state).toBe("paid");
  expect(order?.deadlineAtMs).toBe(NOW_MS + 6_000 + 90_000);
  expect(order?.payment?.from).toBe(PAYER);
  expect(await store.read.jobs.nextRunAtMs(["fulfil"])).toBe(NOW_MS + 6_000);
  const balances = await store.read.ledger.balances();
  expect(balances.reduce((sum, { atomic }) => sum + atomic, 0n)).toBe(0n);
});
