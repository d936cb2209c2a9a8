import { describe, expect, test } from "vitest";
import { Bug } from "../../../src/errors.ts";
import type { Order, Payment } from "../../../src/orders/order.ts";
import type { OrderChanges, OrderFilter } from "../../../src/store/rows.ts";
import { step, within, type ContractStore } from "./actions.ts";
import {
  HUGE,
  newAnswer,
  newEvent,
  newKey,
  newOrder,
  NOW_MS,
  RAIL_ID,
  UNICODE,
  USDC_ID,
} from "./rows.ts";
import type { StoreBench } from "../store.ts";

const PAYMENT: Payment = {
  depositId: `${RAIL_ID}|tx_1|0`,
  railId: RAIL_ID,
  assetId: USDC_ID,
  symbol: "USDC",
  atomic: HUGE,
  priceAtomic: HUGE - 1n,
  from: "GPAYER",
};

/** Every member filled, with whatever is hard to store. */
const FULL = newOrder({
  request: { [UNICODE]: [UNICODE, 1.5, true, null, { deep: [[]] }] },
  state: "fulfilling",
  seq: 7,
  priceUsdMicro: HUGE,
  quote: {
    legs: [
      {
        assetId: USDC_ID,
        symbol: "USDC",
        decimals: 7,
        atomic: HUGE.toString(),
        expiresAtMs: NOW_MS,
        rateUsdMicro: "64516129",
      },
    ],
    missing: [{ symbol: "XLM", reason: "price_unavailable" }],
  },
  deadlineAtMs: NOW_MS + 1,
  payment: PAYMENT,
  stage: "issue",
  error: UNICODE,
  metadata: { note: UNICODE, "": null },
  webhookUrl: "https://example.org/hook?a=1",
});

async function openWithKey(open: StoreBench): Promise<ContractStore> {
  const { store } = await open();
  await within(store, "keys", "insert", newKey());
  return store;
}

const ALL: OrderFilter = {
  keyId: "key_1",
  states: null,
  createdSinceMs: null,
  updatedSinceMs: null,
  limit: 100,
  offset: 0,
};

export function orderContract(open: StoreBench): void {
  describe("an order", () => {
    test("comes back as it was stored", async () => {
      const store = await openWithKey(open);
      await within(store, "orders", "insert", FULL);
      expect(await store.read.orders.byId("ord_1")).toEqual(FULL);
      expect(await within(store, "orders", "byId", "ord_1")).toEqual(FULL);
      expect(await store.read.orders.byId("ord_2")).toBeNull();
    });

    test("is stored once", async () => {
      const store = await openWithKey(open);
      await within(store, "orders", "insert", newOrder());
      const same = within(store, "orders", "insert", newOrder({ product: "other" }));
      await expect(same).rejects.toThrow(Bug);
      expect(await store.read.orders.byId("ord_1")).toEqual(newOrder());
    });

    test("moves when it is where the mover saw it, to the next seq", async () => {
      const store = await openWithKey(open);
      await within(store, "orders", "insert", newOrder());
      const moved = await within(store, "orders", "move", newOrder(), "expired", {}, NOW_MS + 5);
      expect(moved).toBe(true);
      expect(await store.read.orders.byId("ord_1")).toEqual({
        ...newOrder(),
        state: "expired",
        seq: 2,
        updatedAtMs: NOW_MS + 5,
      });
    });

    test.each([
      ["another has moved it to another state", { state: "confirming" }],
      ["another has moved it within its state", { seq: 2 }],
      ["it does not exist", { id: "ord_2" }],
    ] as const)("does not move when %s", async (_, seen) => {
      const store = await openWithKey(open);
      await within(store, "orders", "insert", newOrder());
      const moved = await within(
        store,
        "orders",
        "move",
        newOrder(seen),
        "paid",
        { stage: "issue" },
        NOW_MS + 5,
      );
      expect(moved).toBe(false);
      expect(await store.read.orders.byId("ord_1")).toEqual(newOrder());
    });

    test("is moved by exactly one of many who saw the same", async () => {
      const store = await openWithKey(open);
      await within(store, "orders", "insert", newOrder());
      const moves = await Promise.all(
        Array.from({ length: 20 }, () =>
          within(store, "orders", "move", newOrder(), "expired", {}, NOW_MS),
        ),
      );
      expect(moves.filter(Boolean)).toHaveLength(1);
    });

    test("changes only what a move names, and null is a change", async () => {
      const store = await openWithKey(open);
      await within(store, "orders", "insert", FULL);
      let order: Order = FULL;
      const move = async (changes: OrderChanges) => {
        await within(store, "orders", "move", order, order.state, changes, NOW_MS + order.seq);
        order = { ...order, ...changes, seq: order.seq + 1, updatedAtMs: NOW_MS + order.seq };
        expect(await store.read.orders.byId("ord_1")).toEqual(order);
      };
      await move({});
      await move({ stage: null });
      await move({ error: null });
      await move({ stage: "activate", error: "again", deadlineAtMs: 1, windowClosesAtMs: 2 });
      await move({ payment: { ...PAYMENT, atomic: 3n } });
    });
  });
  orderListContract(open);
  orderCountContract(open);
  eventContract(open);
  answerContract(open);
}

function orderListContract(open: StoreBench): void {
  /** Five orders of key_1, a second apart; the third and the fifth are expired, two seconds after they were made. */
  async function openWithOrders(): Promise<ContractStore> {
    const store = await openWithKey(open);
    await within(store, "keys", "insert", newKey({ id: "key_2" }));
    const orders = [1, 2, 3, 4, 5].map((i) =>
      newOrder({ id: `ord_${i}`, createdAtMs: NOW_MS + i * 1000 }),
    );
    await store.transact("run", [
      ...orders.map((order) => step("orders", "insert", order)),
      step("orders", "insert", newOrder({ id: "ord_other", keyId: "key_2" })),
    ]);
    for (const i of [3, 5]) {
      const expiredAtMs = NOW_MS + i * 1000 + 2000;
      await within(
        store,
        "orders",
        "move",
        newOrder({ id: `ord_${i}` }),
        "expired",
        {},
        expiredAtMs,
      );
    }
    return store;
  }
  const idsOf = async (store: ContractStore, filter: Partial<OrderFilter>) =>
    (await store.read.orders.list({ ...ALL, ...filter })).map(({ id }) => Number(id.slice(4)));

  describe("a list of orders", () => {
    test("has the orders of one key, newest first", async () => {
      const store = await openWithOrders();
      expect(await idsOf(store, {})).toEqual([5, 4, 3, 2, 1]);
      expect(await idsOf(store, { keyId: "nobody" })).toEqual([]);
      const [newest] = await store.read.orders.list(ALL);
      expect(newest).toEqual(await store.read.orders.byId("ord_5"));
    });

    test("comes in pages that neither overlap nor leave gaps, also among orders of the same instant", async () => {
      const store = await openWithKey(open);
      const orders = Array.from({ length: 23 }, (_, i) => newOrder({ id: `ord_${i}` }));
      await store.transact(
        "run",
        orders.map((order) => step("orders", "insert", order)),
      );
      const pages = await Promise.all(
        [0, 10, 20].map((offset) => idsOf(store, { limit: 10, offset })),
      );
      expect(pages.map((page) => page.length)).toEqual([10, 10, 3]);
      expect(new Set(pages.flat()).size).toBe(23);
    });

    test("can be narrowed to states", async () => {
      const store = await openWithOrders();
      expect(await idsOf(store, { states: ["expired"] })).toEqual([5, 3]);
      expect(await idsOf(store, { states: ["expired", "awaiting_payment"] })).toHaveLength(5);
      expect(await idsOf(store, { states: ["delivered"] })).toEqual([]);
      expect(await idsOf(store, { states: [] })).toEqual([]);
    });

    test("can begin at an instant of creation or change, which counts", async () => {
      const store = await openWithOrders();
      expect(await idsOf(store, { createdSinceMs: NOW_MS + 4000 })).toEqual([5, 4]);
      expect(await idsOf(store, { createdSinceMs: NOW_MS + 4001 })).toEqual([5]);
      expect(await idsOf(store, { updatedSinceMs: NOW_MS + 5000 })).toEqual([5, 3]);
      expect(await idsOf(store, { updatedSinceMs: NOW_MS + 5001 })).toEqual([5]);
      expect(
        await idsOf(store, {
          createdSinceMs: NOW_MS + 2000,
          updatedSinceMs: NOW_MS + 4000,
          states: ["awaiting_payment"],
        }),
      ).toEqual([4]);
    });
  });
}

function orderCountContract(open: StoreBench): void {
  test("orders are counted by state as they move", async () => {
    const store = await openWithKey(open);
    await within(store, "keys", "insert", newKey({ id: "key_2" }));
    expect(await store.read.orders.countByState(null)).toEqual({});
    const insert = (id: string, keyId: string, createdAtMs: number) =>
      within(store, "orders", "insert", newOrder({ id, keyId, createdAtMs }));
    await insert("ord_1", "key_1", NOW_MS);
    await insert("ord_2", "key_1", NOW_MS + 1);
    await insert("ord_3", "key_2", NOW_MS + 2);
    await within(store, "orders", "move", newOrder({ id: "ord_2" }), "confirming", {}, NOW_MS);
    await within(
      store,
      "orders",
      "move",
      newOrder({ id: "ord_2", state: "confirming", seq: 2 }),
      "confirming",
      {},
      NOW_MS,
    );
    const stale = within(store, "orders", "move", newOrder({ id: "ord_2" }), "paid", {}, NOW_MS);
    expect(await stale).toBe(false);
    expect(await store.read.orders.countByState("key_1")).toEqual({
      awaiting_payment: 1,
      confirming: 1,
    });
    expect(await store.read.orders.countByState("nobody")).toEqual({});
    expect(await store.read.orders.countByState(null)).toEqual({
      awaiting_payment: 2,
      confirming: 1,
    });
    expect(await store.read.orders.countCreatedSince(NOW_MS + 1)).toEqual({
      awaiting_payment: 1,
      confirming: 1,
    });
    expect(await store.read.orders.countCreatedSince(NOW_MS + 3)).toEqual({});
    await within(store, "orders", "move", newOrder(), "confirming", {}, NOW_MS);
    expect(await store.read.orders.countByState("key_1")).toEqual({ confirming: 2 });
  });
}

function eventContract(open: StoreBench): void {
  test("events come in order, after the one that was read last, and each number is taken once", async () => {
    const store = await openWithKey(open);
    const events = [1, 2, 3].map((seq) => newEvent({ seq, facts: { seq, text: UNICODE } }));
    const [first, second, third] = events.map((event) => step("events", "insert", event));
    if (first === undefined || second === undefined || third === undefined)
      throw new Error("three");
    await store.transact("run", [
      step("orders", "insert", newOrder()),
      step("orders", "insert", newOrder({ id: "ord_2" })),
      third,
      first,
      second,
      step("events", "insert", newEvent({ orderId: "ord_2" })),
    ]);
    expect(await store.read.events.after("ord_1", 0)).toEqual(events);
    expect(await store.read.events.after("ord_1", 2)).toEqual(events.slice(2));
    expect(await store.read.events.after("ord_1", 3)).toEqual([]);
    await expect(store.transact("run", [second])).rejects.toThrow(Bug);
  });
}

function answerContract(open: StoreBench): void {
  describe("an idempotent answer", () => {
    test("is found by its key, of its own API key only", async () => {
      const store = await openWithKey(open);
      await within(store, "keys", "insert", newKey({ id: "key_2" }));
      const answer = newAnswer({ key: UNICODE, body: UNICODE });
      await within(store, "idempotency", "insert", answer);
      expect(await store.read.idempotency.find("key_1", UNICODE)).toEqual(answer);
      expect(await store.read.idempotency.find("key_2", UNICODE)).toBeNull();
      expect(await store.read.idempotency.find("key_1", "other")).toBeNull();
      await expect(within(store, "idempotency", "insert", answer)).rejects.toThrow(Bug);
      await within(store, "idempotency", "insert", { ...answer, keyId: "key_2" });
    });

    test("is removed when it is older than asked, and only then", async () => {
      const store = await openWithKey(open);
      const ages = Array.from({ length: 20 }, (_, i) => NOW_MS + i);
      await store.transact(
        "run",
        ages.map((createdAtMs) =>
          step("idempotency", "insert", newAnswer({ key: `at ${createdAtMs}`, createdAtMs })),
        ),
      );
      expect(await within(store, "idempotency", "prune", NOW_MS + 15)).toBe(15);
      expect(await within(store, "idempotency", "prune", NOW_MS + 15)).toBe(0);
      expect(await store.read.idempotency.find("key_1", `at ${NOW_MS + 14}`)).toBeNull();
      expect(await store.read.idempotency.find("key_1", `at ${NOW_MS + 15}`)).not.toBeNull();
    });
  });
}
