/** Buying a plan for a paid order: the real store, board, vault and adapter against the simulated wholesaler. */
import { expect, onTestFinished, test } from "vitest";
import { startEsimSupplier, type EsimFaultRule } from "../../devnet/suppliers/index.ts";
import { JAPAN_WEEK } from "../../tests/fixtures/plan.ts";
import {
  applyPage,
  newDeposit,
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  silentLog,
} from "../../tests/fixtures/shop-store.ts";
import { systemClock, type Clock } from "../clock.ts";
import { systemRandom } from "../ids.ts";
import { planIdOf, storePlanRequest } from "../products/plan.ts";
import { travelEsim } from "../products/travel-esim/index.ts";
import { openEsimAccess } from "../suppliers/esim-access/index.ts";
import { parseKeyring } from "../vault/keyring.ts";
import { openVault } from "../vault/seal.ts";
import { fulfilOrder } from "./fulfil.ts";
import { salvageAttempt } from "./salvage.ts";
import { createSupplierBoard } from "./supplier-board.ts";

const startedAtMs = Date.now();
/** Every pause that was asked for, milliseconds. */
const pauses: number[] = [];
/** The time of the stored order, running; pauses are short, so that look-ups come soon. */
const clock: Clock = {
  now: () => NOW_MS + 10_000 + (Date.now() - startedAtMs),
  sleep: (ms, signal) => {
    pauses.push(ms);
    return systemClock.sleep(Math.min(ms, 10), signal);
  },
};

/** A shop with one paid order of a plan, and the wholesaler it may buy from. */
async function startPaid(...faults: readonly EsimFaultRule[]) {
  const twin = await startEsimSupplier({
    speed: 1,
    seed: "fulfil",
    clock,
    callLatencyMs: 0,
    allocationMs: 40,
    requestsPerSecond: 10_000,
    faults,
  });
  onTestFinished(() => twin.close());
  const supplier = openEsimAccess({
    ...twin.credentials,
    url: twin.url,
    callTimeoutMs: 5_000,
    callsPerSecond: 10_000,
    pollMs: 5,
    catalogueMaxAgeMs: 60_000,
    allocateTimeoutMs: 200,
    clock,
  });
  const store = await openShopStore();
  const keyring = parseKeyring(`k1:${Buffer.from(systemRandom(32)).toString("hex")}`);
  if (typeof keyring === "string") throw new Error(keyring);
  const suppliers = new Map([[supplier.id, supplier]]);
  const board = createSupplierBoard({ suppliers, store, clock, log: silentLog });
  await board.refresh(AbortSignal.timeout(10_000));
  const request = storePlanRequest(planIdOf(JAPAN_WEEK), JAPAN_WEEK);
  const order = newOrder({ product: travelEsim.id, request });
  await store.transact("createOrder", { order, idempotency: null });
  await applyPage(store, pageOf([newDeposit()]));
  const vault = openVault(keyring, systemRandom);
  const limits = { maxCostBps: 10_000n, offersMaxAgeMs: 60_000 };
  const context = { store, clock, random: systemRandom, log: silentLog, vault, board, limits };
  const deps = { ...context, rails: new Map(), suppliers };
  const [fulfil, salvage] = [fulfilOrder(deps), salvageAttempt(deps)];
  const signal = AbortSignal.timeout(20_000);
  return {
    twin,
    store,
    vault,
    fulfil: () => fulfil(order.id, signal),
    salvage: (attemptId: string) => salvage(attemptId, signal),
  };
}

type Paid = Awaited<ReturnType<typeof startPaid>>;

const stateOf = async ({ store }: Paid) => (await store.read.orders.byId("ord_1"))?.state;

/** The job is run again until the order has left the worker. */
async function settled(paid: Paid): Promise<string | undefined> {
  const step = async () => {
    const end = await paid.fulfil();
    return end.kind;
  };
  await expect.poll(step, { timeout: 15_000 }).toBe("finish");
  return stateOf(paid);
}

test("a paid plan is ordered, waited for and delivered, its goods sealed under its attempt", async () => {
  const paid = await startPaid();
  expect(await settled(paid)).toBe("delivered");
  const row = await paid.store.read.goods.ofOrder("ord_1");
  const goods = paid.vault.open(row?.attemptId ?? "", row?.sealed ?? "");
  expect(Object.keys(goods).toSorted()).toEqual(travelEsim.goodsFields.toSorted());
  const [attempt] = await paid.store.read.attempts.ofOrder("ord_1");
  expect(attempt).toMatchObject({
    state: "delivered",
    stage: "allocate",
    costUsdMicro: 1_100_000n,
  });
  expect(JSON.stringify(attempt?.stageState)).not.toContain(goods["iccid"]);
  expect(paid.twin.ledger().map(({ transactionId }) => transactionId)).toEqual([attempt?.id]);
});

test.each<EsimFaultRule>([
  { call: "order", fault: "reset", when: "after" },
  { call: "order", fault: "busy", when: "after" },
  { call: "order", fault: "error_500" },
  { call: "order", fault: "price_changed" },
  { call: "order", fault: "rate_limited" },
  { call: "query", fault: "server_error", times: 3 },
])("$call $fault: delivered all the same, and bought once", async (rule) => {
  const paid = await startPaid(rule);
  expect(await settled(paid)).toBe("delivered");
  expect(paid.twin.ledger()).toHaveLength(1);
});

test.each<EsimFaultRule>([
  { call: "order", fault: "out_of_profiles", times: "always" },
  { call: "order", fault: "insufficient_balance", times: "always" },
])("$call $fault: refunded, and nothing was bought", async (rule) => {
  const paid = await startPaid(rule);
  expect(await settled(paid)).toBe("refund_due");
  expect(paid.twin.ledger()).toEqual([]);
});

test("a profile that never comes is refunded, and not bought a second time", async () => {
  const paid = await startPaid({ call: "query", fault: "still_allocating", times: "always" });
  expect(await settled(paid)).toBe("refund_due");
  expect(paid.twin.ledger()).toHaveLength(1);
});

test.each([
  { times: 3, end: "delivered", sold: 1 },
  { times: "always", end: "refund_due", sold: 0 },
] as const)(
  "a wholesaler that puts off an order $times times is tried again after 5, 10 and 15 seconds: $end",
  async ({ times, end, sold }) => {
    pauses.length = 0;
    const paid = await startPaid({ call: "order", fault: "rate_limited", times });
    expect(await settled(paid)).toBe(end);
    expect(pauses.filter((ms) => ms >= 5_000)).toEqual([5_000, 10_000, 15_000]);
    expect(paid.twin.ledger()).toHaveLength(sold);
  },
);

test("what was bought for a buyer who was given up is given back as soon as the wholesaler takes it, and costs nothing", async () => {
  const paid = await startPaid({ call: "query", fault: "still_allocating", times: "always" });
  await settled(paid);
  const [attempt] = await paid.store.read.attempts.ofOrder("ord_1");
  const attemptId = attempt?.id ?? "";
  expect(attempt?.state).toBe("stranded");
  expect((await paid.salvage(attemptId)).kind).toBe("retry");
  expect((await paid.store.read.attempts.byId(attemptId))?.state).toBe("stranded");
  paid.twin.faults.clear();
  expect((await paid.salvage(attemptId)).kind).toBe("finish");
  expect((await paid.store.read.attempts.byId(attemptId))?.state).toBe("salvaged");
  expect(paid.twin.ledger().map(({ status }) => status)).toEqual(["cancelled"]);
  const costs = await paid.store.read.ledger.balances();
  expect(costs.filter(({ account }) => account.startsWith("cost:"))).toEqual([
    expect.objectContaining({ atomic: 0n }),
  ]);
  expect((await paid.salvage(attemptId)).kind).toBe("finish");
});

test("what was paid before a restored copy was opened is not bought, since it may have been", async () => {
  const paid = await startPaid();
  const nowMs = clock.now();
  await paid.store.transact("openRestored", { isDeclared: true, nowMs });
  expect(await settled(paid)).toBe("refund_due");
  expect(paid.twin.ledger()).toEqual([]);
  await paid.store.transact("oweRefund", { orderId: "ord_1", nowMs });
  expect(await stateOf(paid)).toBe("in_review");
});

test("a purchase that the copy knows of is looked up and delivered", async () => {
  const paid = await startPaid({ call: "order", fault: "reset", when: "after" });
  await paid.fulfil();
  const [attempt] = await paid.store.read.attempts.ofOrder("ord_1");
  expect(attempt).toBeDefined();
  await paid.store.transact("openRestored", { isDeclared: true, nowMs: clock.now() });
  expect(await settled(paid)).toBe("delivered");
  expect(paid.twin.ledger()).toHaveLength(1);
});
