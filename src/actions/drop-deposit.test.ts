import fc from "fast-check";
import { expect, test } from "vitest";
import {
  newDeposit,
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  RAIL_ID,
  USDC,
} from "../../tests/fixtures/shop-store.ts";
import type { OrderState } from "../orders/lifecycle.ts";
import type { Payment } from "../orders/order.ts";
import type { Deposit } from "../rails/rail.ts";
import type { DepositRow } from "../store/rows.ts";
import type { Store } from "../store/tx.ts";
import type { ApplyDepositsResult } from "./apply-deposits.ts";
import type { ShopActions } from "./index.ts";
import { payoutId } from "./owe-refund.ts";

const DEPOSIT_ID = `${RAIL_ID}|tx_1|1`;
const REF = "net|asset|payer|nonce";
const PRICE = 100_000_000n;

interface Watcher {
  readonly store: Store<ShopActions>;
  /** Books what the chain has above a height. */
  see(deposits: readonly Deposit[], wholeAboveHeight?: number): Promise<ApplyDepositsResult>;
  state(): Promise<OrderState | undefined>;
  events(): Promise<readonly string[]>;
  depositState(id?: string): Promise<string | undefined>;
  /** Balances that are not zero. */
  balances(): Promise<Readonly<Record<string, bigint>>>;
}

async function openWatcher(orders: readonly string[] = ["ord_1"]): Promise<Watcher> {
  const store = await openShopStore();
  for (const id of orders)
    await store.transact("createOrder", { order: newOrder({ id }), idempotency: null });
  let pages = 0;
  return {
    store,
    see: async (deposits, wholeAboveHeight = 99) => {
      const before = (await store.read.cursors.byRail(RAIL_ID))?.cursor ?? null;
      const page = { ...pageOf(deposits, `c${++pages}`), wholeAboveHeight };
      const terms = { holdMs: 60_000, dustAtomic: {}, toleranceUsdMicro: 0n };
      const nowMs = NOW_MS + pages;
      return store.transact("applyDeposits", { railId: RAIL_ID, before, page, terms, nowMs });
    },
    state: async () => (await store.read.orders.byId("ord_1"))?.state,
    events: async () => (await store.read.events.after("ord_1", 1)).map(({ event }) => event),
    depositState: async (id = DEPOSIT_ID) => (await store.read.deposits.byId(id))?.state,
    balances: async () =>
      Object.fromEntries(
        (await store.read.ledger.balances())
          .filter(({ atomic }) => atomic !== 0n)
          .map(({ account, atomic }) => [account, atomic]),
      ),
  };
}

/** A payment of the whole price in a block that may be replaced. */
function seen(changes: Partial<Deposit> = {}): Deposit {
  return newDeposit({ isFinal: false, blockHash: "0xa", ...changes });
}

const final = (changes: Partial<Deposit> = {}): Deposit => seen({ isFinal: true, ...changes });

async function claim(store: Store<ShopActions>, orderId = "ord_1"): Promise<string> {
  return store.transact("claimAuthorization", {
    orderId,
    railId: RAIL_ID,
    authorization: {
      ref: REF,
      from: "payer",
      amount: { asset: USDC, atomic: PRICE },
      validUntilMs: NOW_MS + 900_000,
      body: {},
    },
    nowMs: NOW_MS,
  });
}

test("a payment that is not final buys nothing, counts nowhere and is owed to nobody", async () => {
  const watcher = await openWatcher();
  await watcher.see([seen({ amount: { asset: USDC, atomic: PRICE + 7n } })]);
  expect(await watcher.state()).toBe("confirming");
  expect(await watcher.balances()).toEqual({});
  expect(await watcher.store.read.payouts.ofDeposit(DEPOSIT_ID)).toEqual([]);
});

test("a payment that vanishes before it is final takes the order back, and another one can pay it", async () => {
  const watcher = await openWatcher();
  await watcher.see([seen()]);
  const { dropped } = await watcher.see([]);
  expect(dropped).toEqual([{ depositId: DEPOSIT_ID, answer: "dropped" }]);
  expect(await watcher.state()).toBe("awaiting_payment");
  expect((await watcher.store.read.orders.byId("ord_1"))?.payment).toBeNull();
  await watcher.see([final({ txId: "tx_2" })]);
  expect(await watcher.state()).toBe("paid");
});

test("a payment that comes back in another block starts to count anew and pays once", async () => {
  const watcher = await openWatcher();
  await watcher.see([seen()]);
  await watcher.see([]);
  await watcher.see([seen({ height: 103, blockHash: "0xb" })]);
  expect(await watcher.state()).toBe("confirming");
  await watcher.see([final({ height: 103, blockHash: "0xb" })]);
  await watcher.see([final({ height: 103, blockHash: "0xb" })]);
  expect(await watcher.events()).toEqual([
    "deposit_matched",
    "deposit_dropped",
    "deposit_matched",
    "payment_confirmed",
  ]);
  expect(await watcher.balances()).toEqual({ [`held:${RAIL_ID}`]: PRICE, "owed:orders": -PRICE });
});

test("a payment that moves to another block without being missed is the same payment", async () => {
  const watcher = await openWatcher();
  await watcher.see([seen()]);
  await watcher.see([seen({ height: 102, blockHash: "0xb" })]);
  expect(await watcher.events()).toEqual(["deposit_matched"]);
  const row = await watcher.store.read.deposits.byId(DEPOSIT_ID);
  expect([row?.height, row?.blockHash]).toEqual([102, "0xb"]);
});

test("of two payments under way the second pays when the first vanishes", async () => {
  const watcher = await openWatcher();
  await watcher.see([seen(), seen({ txId: "tx_2" })]);
  await watcher.see([final({ txId: "tx_2" })]);
  expect(await watcher.state()).toBe("paid");
  const order = await watcher.store.read.orders.byId("ord_1");
  expect(order?.payment?.depositId).toBe(`${RAIL_ID}|tx_2|1`);
});

test("a final payment that vanishes before anything was bought takes the order back, books included", async () => {
  const watcher = await openWatcher();
  await watcher.see([final({ amount: { asset: USDC, atomic: PRICE + 7n } })]);
  const { dropped } = await watcher.see([]);
  expect(dropped).toEqual([{ depositId: DEPOSIT_ID, answer: "dropped" }]);
  expect(await watcher.state()).toBe("awaiting_payment");
  expect(await watcher.balances()).toEqual({});
  const excess = await watcher.store.read.payouts.byId(payoutId("excess", DEPOSIT_ID));
  expect(excess?.state).toBe("blocked");
  await watcher.see([final({ amount: { asset: USDC, atomic: PRICE + 7n }, blockHash: "0xc" })]);
  expect((await watcher.store.read.payouts.byId(payoutId("excess", DEPOSIT_ID)))?.state).toBe(
    "due",
  );
});

/** Payouts of the first payment, as `cause: state`. */
async function payoutStates({ store }: Watcher): Promise<readonly string[]> {
  const payouts = await store.read.payouts.ofDeposit(DEPOSIT_ID);
  return payouts.map(({ cause, state }) => `${cause}: ${state}`).toSorted();
}

test("a payment with excess that comes back after another one paid goes back whole, and its excess not again", async () => {
  const watcher = await openWatcher();
  const amount = { asset: USDC, atomic: PRICE + 7n };
  await watcher.see([final({ amount })]);
  await watcher.see([final({ txId: "tx_2" })]);
  expect(await watcher.state()).toBe("paid");
  await watcher.see([final({ amount, blockHash: "0xc" }), final({ txId: "tx_2" })]);
  expect(await payoutStates(watcher)).toEqual(["excess: blocked", "unmatched: due"]);
  const moved = await watcher.store.transact("redirectPayout", {
    payoutId: payoutId("excess", DEPOSIT_ID),
    to: null,
    nowMs: NOW_MS + 90,
  });
  expect(moved).toBe(false);
});

test("a duplicate that comes back as the order's payment buys the goods and is not sent back as well", async () => {
  const watcher = await openWatcher();
  await watcher.see([final({ txId: "tx_2" }), final()]);
  expect(await payoutStates(watcher)).toEqual(["unmatched: due"]);
  await watcher.see([]);
  expect(await payoutStates(watcher)).toEqual(["unmatched: blocked"]);
  await watcher.see([final({ blockHash: "0xc" })]);
  expect(await watcher.state()).toBe("paid");
  expect(await payoutStates(watcher)).toEqual(["unmatched: blocked"]);
});

async function deliver({ store }: Watcher): Promise<void> {
  const attemptId = "att_1";
  const nowMs = NOW_MS + 50;
  await store.transact("startAttempt", {
    orderId: "ord_1",
    attemptId,
    supplierId: "sup",
    choice: [],
    nowMs,
  });
  await store.transact("recordStage", {
    attemptId,
    stage: "order",
    state: {},
    sealed: "sealed",
    costUsdMicro: null,
    isLast: true,
    nowMs,
  });
}

test("a payment that vanishes after delivery is a loss, the goods stay delivered, and nothing is delivered again", async () => {
  const watcher = await openWatcher();
  await claim(watcher.store);
  await watcher.see([final({ authorizationRef: REF })]);
  await deliver(watcher);
  const { dropped } = await watcher.see([]);
  expect(dropped).toEqual([{ depositId: DEPOSIT_ID, answer: "lost" }]);
  expect(await watcher.state()).toBe("delivered");
  expect(await watcher.balances()).toEqual({ [`lost:${RAIL_ID}`]: PRICE, revenue: -PRICE });
  // The promise is carried out again, and what it brings makes good the loss.
  expect((await watcher.store.read.authorizations.byRef(REF))?.state).toBe("settling");
  await watcher.see([final({ txId: "tx_2", authorizationRef: REF })]);
  expect((await watcher.store.read.authorizations.byRef(REF))?.state).toBe("settled");
  expect(await watcher.state()).toBe("delivered");
  expect(await watcher.balances()).toEqual({ [`held:${RAIL_ID}`]: PRICE, revenue: -PRICE });
  expect(await watcher.store.read.payouts.list(["due", "blocked"], 9)).toEqual([]);
});

test("a loss that comes back in the same transaction is made good once", async () => {
  const watcher = await openWatcher();
  await claim(watcher.store);
  const promised = { authorizationRef: REF };
  await watcher.see([final(promised)]);
  await deliver(watcher);
  await watcher.see([]);
  await watcher.see([seen({ ...promised, blockHash: "0xb" })]);
  expect(await watcher.depositState()).toBe("lost");
  for (let times = 0; times < 2; times++)
    await watcher.see([final({ ...promised, blockHash: "0xb" })]);
  expect((await watcher.store.read.authorizations.byRef(REF))?.state).toBe("settled");
  expect(await watcher.depositState()).toBe("final");
  expect(await watcher.balances()).toEqual({ [`held:${RAIL_ID}`]: PRICE, revenue: -PRICE });
});

test("money that vanished is not sent back until it is there again", async () => {
  const watcher = await openWatcher();
  const { store } = watcher;
  await watcher.see([final()]);
  const nowMs = NOW_MS + 60;
  await store.transact("startAttempt", {
    orderId: "ord_1",
    attemptId: "att_1",
    supplierId: "sup",
    choice: [],
    nowMs,
  });
  await watcher.see([]);
  await store.transact("rejectAttempt", { attemptId: "att_1", reason: "no stock", nowMs });
  const error = "no supplier";
  await store.transact("giveUp", { orderId: "ord_1", event: "suppliers_exhausted", error, nowMs });
  await store.transact("oweRefund", { orderId: "ord_1", nowMs });
  expect(await watcher.state()).toBe("in_review");
  const refund = payoutId("order_failed", DEPOSIT_ID);
  expect((await store.read.payouts.byId(refund))?.state).toBe("blocked");
  await watcher.see([final({ blockHash: "0xb" })]);
  expect((await store.read.payouts.byId(refund))?.state).toBe("due");
  expect(await watcher.state()).toBe("refund_due");
});

test("a promise whose payment vanished is carried out again, and the order stays under way", async () => {
  const watcher = await openWatcher();
  await claim(watcher.store);
  await watcher.see([seen({ authorizationRef: REF })]);
  expect((await watcher.store.read.authorizations.byRef(REF))?.state).toBe("settled");
  await watcher.see([]);
  expect((await watcher.store.read.authorizations.byRef(REF))?.state).toBe("settling");
  expect(await watcher.state()).toBe("confirming");
  expect(await watcher.events()).toEqual([
    "authorization_claimed",
    "deposit_matched",
    "deposit_dropped",
    "authorization_claimed",
  ]);
  await watcher.see([final({ txId: "tx_2", authorizationRef: REF })]);
  expect(await watcher.state()).toBe("paid");
});

test("a payer whose address may not be his is sent nothing unless the order names another", async () => {
  const watcher = await openWatcher(["ord_1"]);
  const other = newOrder({ id: "ord_2", refundTo: "GSAFE" });
  await watcher.store.transact("createOrder", { order: other, idempotency: null });
  const little = { amount: { asset: USDC, atomic: 5n }, isPayerSafe: false };
  await watcher.see([final(little), final({ ...little, txId: "tx_2", orderRef: "ord_2" })]);
  const [first, second] = await Promise.all(
    ["tx_1", "tx_2"].map((txId) =>
      watcher.store.read.payouts.byId(payoutId("unmatched", `${RAIL_ID}|${txId}|1`)),
    ),
  );
  expect([first?.state, second?.state, second?.to]).toEqual(["blocked", "due", "GSAFE"]);
});

/** One block's worth of a chain that forks: what it holds, and how much of the chain it replaces. */
const anyStep = fc.record({
  replaces: fc.constantFrom(0, 0, 0, 1, 2, 4),
  payments: fc.array(
    fc.record({
      tx: fc.integer({ min: 1, max: 4 }),
      order: fc.integer({ min: 1, max: 2 }),
      // Exact, too much and too little.
      over: fc.constantFrom(0n, 0n, 7n, 5_000n, -1n, -PRICE / 2n),
    }),
    { maxLength: 2 },
  ),
  delivers: fc.boolean(),
});
const FINAL_AFTER = 2;

/** What goes back out of each deposit is what it owes as it stands now, and nothing where it does not stand. */
async function expectRightPayouts({ store }: Watcher): Promise<void> {
  for (let tx = 1; tx <= 4; tx++) {
    const deposit = await store.read.deposits.byId(`${RAIL_ID}|tx_${tx}|1`);
    if (deposit === null) continue;
    const payouts = await store.read.payouts.ofDeposit(deposit.id);
    const live = payouts.filter(({ state }) => state !== "blocked");
    const order = await store.read.orders.byId(deposit.orderId ?? "");
    const owed = live.map(({ cause, atomic }) => `${cause} ${atomic}`);
    expect(owed).toEqual(debtsOf(deposit, order?.payment ?? null));
  }
}

function debtsOf(deposit: DepositRow, payment: Payment | null): readonly string[] {
  if (deposit.state !== "final") return [];
  if (payment?.depositId !== deposit.id) return [`unmatched ${deposit.atomic}`];
  const excess = deposit.atomic - payment.priceAtomic;
  return excess > 0n ? [`excess ${excess}`] : [];
}

test("whatever a forking chain does, the books hold what its final blocks hold, and no order has two payments", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 14 }), async (steps) => {
      const watcher = await openWatcher(["ord_1", "ord_2"]);
      let chain: Deposit[][] = [];
      let finalHeight = 0;
      for (const [number, step] of steps.entries()) {
        const kept = Math.max(0, chain.length - step.replaces);
        chain = chain.slice(0, kept);
        const present = new Set(chain.flat().map(({ txId }) => txId));
        const block = step.payments
          .filter(({ tx }, index, all) => all.findIndex((one) => one.tx === tx) === index)
          .filter(({ tx }) => !present.has(`tx_${tx}`))
          .map(({ tx, order, over }) =>
            seen({
              txId: `tx_${tx}`,
              amount: { asset: USDC, atomic: PRICE + over },
              orderRef: `ord_${(tx + order) % 2 === 0 ? 1 : 2}`,
              blockHash: `0x${number}`,
            }),
          );
        chain.push(block);
        finalHeight = Math.max(Math.min(finalHeight, kept), chain.length - FINAL_AFTER);
        const placed = chain.flatMap((deposits, index) =>
          deposits.map((deposit) => ({
            ...deposit,
            height: index + 1,
            isFinal: index + 1 <= finalHeight,
          })),
        );
        await watcher.see(placed, 0);
        if (step.delivers && (await watcher.state()) === "paid") await deliver(watcher);
        const held = (await watcher.balances())[`held:${RAIL_ID}`] ?? 0n;
        const counting = placed.filter(({ isFinal }) => isFinal);
        expect(held).toBe(counting.reduce((sum, { amount }) => sum + amount.atomic, 0n));
        await expectRightPayouts(watcher);
        for (const id of ["ord_1", "ord_2"]) {
          const rows = await watcher.store.read.deposits.ofOrder(id);
          const payments = rows.filter(
            ({ orderId, state }) => orderId === id && state !== "dropped",
          );
          expect(payments.length).toBeLessThanOrEqual(1);
          const order = await watcher.store.read.orders.byId(id);
          expect(order?.payment?.depositId).toBe(payments[0]?.id);
        }
      }
      const sums = new Map<string, bigint>();
      for (const { assetId, atomic } of await watcher.store.read.ledger.balances())
        sums.set(assetId, (sums.get(assetId) ?? 0n) + atomic);
      expect([...sums.values()].every((sum) => sum === 0n)).toBe(true);
    }),
    { numRuns: 60 },
  );
});
