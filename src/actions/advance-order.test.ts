import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KEY_ID, newOrder, NOW_MS, silentLog } from "../../tests/fixtures/shop-store.ts";
import {
  TRANSITIONS,
  transitionFor,
  type OrderEvent,
  type OrderState,
  type Transition,
} from "../orders/lifecycle.ts";
import type { Order } from "../orders/order.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { ApiKeyRow, JobKind, JobRow } from "../store/rows.ts";
import type { Store, Tx } from "../store/tx.ts";
import { advanceOrder, type OrderStep } from "./advance-order.ts";
import { createOrder } from "./create-order.ts";
import { createKey } from "./manage-keys.ts";

/** The writer itself as an action, so that each row of the table can be fired alone. */
const actions = {
  createKey,
  createOrder,
  advance: async (
    tx: Tx,
    input: { readonly orderId: string; readonly step: OrderStep },
  ): Promise<Order | null> => advanceOrder(tx, input.orderId, input.step),
  finishJobs: async (
    tx: Tx,
    input: { readonly kinds: readonly JobKind[] },
  ): Promise<readonly JobRow[]> => {
    const jobs = await tx.jobs.claim(input.kinds, 1_000, NOW_MS + 1e12, NOW_MS + 2e12);
    for (const job of jobs) await tx.jobs.finish(job);
    return jobs;
  },
};

const states: readonly OrderState[] = [
  ...new Set(TRANSITIONS.flatMap(([from, , to]) => [from, to])),
];
const events: readonly OrderEvent[] = [
  "created",
  ...new Set(TRANSITIONS.map(([, event]) => event)),
];
const PRICE = 10_000_000n;

const folder = mkdtempSync(path.join(tmpdir(), "vend402-advance-"));
let store: Store<typeof actions>;
let made = 0;

beforeAll(async () => {
  store = await openSqliteStore({
    file: path.join(folder, "shop.db"),
    thread: "inline",
    actions,
    log: silentLog,
    onFatal: (error) => {
      throw error;
    },
  });
  await store.transact("createKey", {
    id: KEY_ID,
    hash: "hash",
    label: null,
    limitUsdMicro: null,
    spentUsdMicro: 0n,
    inFlightUsdMicro: 0n,
    ordersPerHour: null,
    isSuspended: false,
    expiresAtMs: null,
    createdAtMs: NOW_MS,
  });
});

afterAll(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The shortest way from a new order to a state, by rows of the table. */
function wayTo(goal: OrderState): readonly Transition[] {
  const ways = new Map<OrderState, readonly Transition[]>([["awaiting_approval", []]]);
  for (const [state, way] of ways)
    for (const row of TRANSITIONS)
      if (row[0] === state && !ways.has(row[2])) ways.set(row[2], [...way, row]);
  const way = ways.get(goal);
  if (way === undefined) throw new Error(`${goal} cannot be reached`);
  return way;
}

const step = (event: OrderEvent): OrderStep => ({ event, nowMs: NOW_MS + 1 });

/** A new order that has come to `state` by events, with the jobs that they left done. */
async function orderIn(state: OrderState): Promise<Order> {
  const id = `ord_${++made}`;
  const order = newOrder({ id, state: "awaiting_approval" });
  await store.transact("createOrder", { order, idempotency: null });
  for (const [, event] of wayTo(state))
    await store.transact("advance", { orderId: id, step: step(event) });
  await store.transact("finishJobs", { kinds: ["fulfil", "refund", "expire"] });
  const found = await store.read.orders.byId(id);
  if (found === null) throw new Error("the order was not stored");
  expect(found.state).toBe(state);
  return found;
}

/** All that an event could have changed. */
async function snapshot(orderId: string) {
  return {
    order: await store.read.orders.byId(orderId),
    events: await store.read.events.after(orderId, 0),
    key: await store.read.keys.byId(KEY_ID),
    jobs: await store.read.jobs.count(),
  };
}

async function budget(): Promise<Pick<ApiKeyRow, "spentUsdMicro" | "inFlightUsdMicro">> {
  const key = await store.read.keys.byId(KEY_ID);
  if (key === null) throw new Error("the key is gone");
  return key;
}

const settled: readonly OrderState[] = ["delivered"];
const released: readonly OrderState[] = ["refunded", "rejected", "expired"];

/** Where the price counts in a state: reserved until the order ends, spent once it is delivered. */
function budgetPart(state: OrderState): { readonly spent: bigint; readonly inFlight: bigint } {
  if (settled.includes(state)) return { spent: PRICE, inFlight: 0n };
  return { spent: 0n, inFlight: released.includes(state) ? 0n : PRICE };
}

test.each(TRANSITIONS)(
  "%s + %s: the order is %s, with its event, its job and the key's budget",
  async (from, event, to, job) => {
    const order = await orderIn(from);
    const before = await budget();
    const facts = { tx_id: "ab", height: 7 };
    const advanced = await store.transact("advance", {
      orderId: order.id,
      step: { ...step(event), facts, changes: { error: "why" }, nowMs: NOW_MS + 2 },
    });

    const stored = await store.read.orders.byId(order.id);
    expect(stored).toEqual({
      ...order,
      state: to,
      seq: order.seq + 1,
      error: "why",
      updatedAtMs: NOW_MS + 2,
    });
    expect(advanced).toEqual(stored);
    expect((await store.read.events.after(order.id, order.seq)).map((row) => ({ ...row }))).toEqual(
      [{ orderId: order.id, seq: order.seq + 1, event, state: to, facts, atMs: NOW_MS + 2 }],
    );
    const jobs = await store.transact("finishJobs", { kinds: ["fulfil", "refund", "expire"] });
    expect(jobs.map(({ kind, subject }) => ({ kind, subject }))).toEqual(
      job === null ? [] : [{ kind: job, subject: order.id }],
    );
    const after = await budget();
    expect({
      spent: after.spentUsdMicro - before.spentUsdMicro,
      inFlight: after.inFlightUsdMicro - before.inFlightUsdMicro,
    }).toEqual({
      spent: budgetPart(to).spent - budgetPart(from).spent,
      inFlight: budgetPart(to).inFlight - budgetPart(from).inFlight,
    });
  },
);

test.each(states)("%s: an event without a row changes nothing at all", async (state) => {
  const order = await orderIn(state);
  const before = await snapshot(order.id);
  const strangers = events.filter((event) => transitionFor(state, event) === undefined);
  expect(strangers.length).toBeGreaterThan(0);
  for (const event of strangers) {
    const advanced = await store.transact("advance", {
      orderId: order.id,
      step: { ...step(event), changes: { error: "must not be written" } },
    });
    expect([event, advanced]).toEqual([event, null]);
  }
  expect(await snapshot(order.id)).toEqual(before);
});

test.each(TRANSITIONS.filter(([, event, to]) => transitionFor(to, event) === undefined))(
  "%s + %s arrives twice: the second changes nothing",
  async (from, event) => {
    const order = await orderIn(from);
    await store.transact("advance", { orderId: order.id, step: step(event) });
    const before = await snapshot(order.id);
    const again = await store.transact("advance", { orderId: order.id, step: step(event) });
    expect(again).toBeNull();
    expect(await snapshot(order.id)).toEqual(before);
  },
);

test("of two events at once that both have a row, one happens and the other finds the new state", async () => {
  const order = await orderIn("paid");
  const both = await Promise.all(
    (["attempt_started", "suppliers_exhausted"] as const).map((event) =>
      store.transact("advance", { orderId: order.id, step: step(event) }),
    ),
  );
  expect(both.map((one) => one?.state ?? null)).toEqual(["fulfilling", null]);
  const history = await store.read.events.after(order.id, order.seq);
  expect(history.map(({ seq, event }) => [seq, event])).toEqual([
    [order.seq + 1, "attempt_started"],
  ]);
});

test("an order's events are numbered from 1 without gaps, from its creation to its end", async () => {
  const order = await orderIn("refunded");
  const history = await store.read.events.after(order.id, 0);
  expect(history.map(({ seq }) => seq)).toEqual(history.map((_, i) => i + 1));
  expect(history[0]).toMatchObject({ event: "created", state: "awaiting_approval" });
  expect(history.at(-1)).toMatchObject({ state: "refunded", seq: order.seq });
});

test("an event for an order that does not exist is nothing", async () => {
  expect(
    await store.transact("advance", { orderId: "ord_none", step: step("approved") }),
  ).toBeNull();
});
