/** A supplier that fails in every way it can: the buyer gets one card or the money, and the shop closes in time. */
import { DatabaseSync } from "node:sqlite";
import type { Keypair } from "@stellar/stellar-sdk";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { CreateOrderResponse, ErrorBody } from "#wire";
import { magicFaceValues } from "../../devnet/suppliers/index.ts";
import { BREAKER_TERMS } from "../../src/suppliers/breaker.ts";
import { query, supplierDoubts, unsettled } from "../world/books.ts";
import { createBuyer, type Buyer } from "../world/buyer.ts";
import { sendPayment } from "../world/pay.ts";
import type { Environment, ShopProcess } from "../world/shop-process.ts";
import { createWorld, type World } from "../world/world.ts";

const LEDGER_MS = 100;
const LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 90_000;

let world: World;
let apiKey: string;
let buyer: Buyer;
let shop: ShopProcess;
let payer: Keypair;
/** Doubts about the supplier that are its own doing. */
const oversold: string[] = [];

beforeAll(async () => {
  const env = { VEND402_SUPPLIER_REFRESH: "1s" };
  world = await createWorld({ closeEveryMs: LEDGER_MS, env });
  apiKey = await world.newApiKey();
  payer = await world.network.newPayer("1000");
  shop = await world.startShop();
  buyer = createBuyer(() => shop.url, apiKey);
}, 90_000);

afterEach(() => world.supplier.faults.clear());

afterAll(() => world.close());

async function restart(extra?: Environment): Promise<void> {
  await shop.stop();
  shop = await world.startShop(extra);
}

async function orderAndPay(amount: string): Promise<CreateOrderResponse> {
  const order = await buyer.create(amount);
  await sendPayment(world.network, payer, order.payment);
  return order;
}

const usdcOfPayer = async (): Promise<bigint> =>
  (await world.network.balances(payer.publicKey())).usdc ?? 0n;

async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(supplierDoubts(world.databaseFile, world.supplier.ledger())).toEqual(oversold);
}

const soldOf = (faceValue: string) =>
  world.supplier.ledger().filter((card) => card.faceValue === faceValue);

const attemptOf = (orderId: string) =>
  query(world.databaseFile, "SELECT * FROM attempts WHERE order_id = ?", orderId);

test.each([
  ["42.90", "turns the shop away once"],
  ["50.01", "fails before it has sold anything"],
  ["50.02", "sells a card and then fails"],
  ["50.03", "sells a card and cuts the connection"],
  ["50.05", "sells a card and answers half a text"],
  ["66.61", "fails once to activate a card"],
])(
  "an order for %s is delivered with one card by a supplier that %s",
  async (amount) => {
    expect(magicFaceValues.map(({ faceValue }) => faceValue)).toContain(amount);
    const { order_id } = await orderAndPay(amount);
    expect((await buyer.waitFor(order_id, ["ready", "refunded"])).phase).toBe("ready");
    expect(soldOf(amount)).toMatchObject([{ status: "active" }]);
    expect(attemptOf(order_id)).toHaveLength(1);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "of two cards that a supplier sold for one purchase the buyer gets one, and the other is on record",
  async () => {
    const { supplier } = world;
    const amount = "21.00";
    supplier.faults.add({ call: "issue", fault: "reset", when: "after", faceValue: amount });
    // The first look-up fails, so that the second card is there before the next one.
    supplier.faults.add({ call: "find", fault: "error_503" });
    const { order_id } = await orderAndPay(amount);
    await expect.poll(() => soldOf(amount).length, { timeout: LIMIT_MS, interval: 10 }).toBe(1);
    supplier.faults.add({ call: "issue", fault: "duplicate", faceValue: amount });
    const reference = soldOf(amount)[0]?.reference ?? "";
    const answer = await fetch(`${supplier.url}/v1/cards`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${supplier.apiKey}`,
        "Content-Type": "application/json",
        "Idempotency-Key": reference,
      },
      body: JSON.stringify({ reference, face_value: amount, currency: "USD" }),
    });
    expect(answer.status).toBe(201);
    const view = await buyer.waitFor(order_id, ["ready", "refunded"]);
    expect(view.phase).toBe("ready");
    const [first, second] = soldOf(amount);
    expect([first?.status, second?.status]).toEqual(["active", "issued"]);
    const [attempt] = attemptOf(order_id);
    expect(JSON.parse(String(attempt?.["stage_state"]))).toMatchObject({
      cardId: first?.cardId,
      duplicateCardIds: [second?.cardId],
    });
    oversold.push(`2 pieces were bought for ${order_id}`);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

interface Status {
  readonly frozen: boolean;
  readonly suppliers: readonly { readonly breaker: string }[];
}

async function breakerOf(): Promise<string | undefined> {
  const { suppliers } = (await (await fetch(`${shop.url}/status`)).json()) as Status;
  return suppliers[0]?.breaker;
}

/** What a POST is answered while nothing is to be sold, which must cost nobody anything. */
async function expectRefused(): Promise<void> {
  const countOrders = () => query(world.databaseFile, "SELECT COUNT(*) AS count FROM orders");
  const before = countOrders();
  const answer = await fetch(`${shop.url}/v1/orders`, {
    method: "POST",
    headers: { "X-Api-Key": apiKey, "Content-Type": "application/json" },
    body: JSON.stringify({ amount_usdc: "10.00" }),
  });
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  const body = (await answer.json()) as ErrorBody;
  expect(body).toMatchObject({ error: "service_temporarily_unavailable", retryable: true });
  expect(countOrders()).toEqual(before);
}

/** Lets the breaker's cool-down pass without waiting for it. */
function passCoolDown(): void {
  const db = new DatabaseSync(world.databaseFile, { timeout: 10_000 });
  db.exec(`UPDATE breakers SET opened_at_ms = opened_at_ms - ${BREAKER_TERMS.coolDownMs}`);
  db.close();
}

test(
  "three faults in a row close the shop before any money moves; a probe and a good purchase open it again",
  async () => {
    const { faults } = world.supplier;
    const usdcBefore = await usdcOfPayer();
    const outage = faults.add({ call: "any", fault: "rate_limited", times: "always" });
    const { order_id } = await orderAndPay("10.00");
    expect((await buyer.waitFor(order_id, ["ready", "refunded"])).phase).toBe("refunded");
    expect(await usdcOfPayer()).toBe(usdcBefore);
    await expect.poll(breakerOf, { timeout: LIMIT_MS, interval: 200 }).toBe("open");
    await expectRefused();

    const openedAt = () =>
      Number(query(world.databaseFile, "SELECT opened_at_ms FROM breakers")[0]?.["opened_at_ms"]);
    const firstMs = openedAt();
    passCoolDown();
    // The probe fails as well, which begins a new cool-down.
    await expect.poll(openedAt, { timeout: LIMIT_MS }).toBeGreaterThan(firstMs);
    await expectRefused();

    faults.clear(outage);
    passCoolDown();
    await expect.poll(breakerOf, { timeout: LIMIT_MS, interval: 200 }).toBe("half_open");
    const trial = await orderAndPay("10.00");
    expect((await buyer.waitFor(trial.order_id, ["ready", "refunded"])).phase).toBe("ready");
    await expect.poll(breakerOf, { timeout: LIMIT_MS, interval: 200 }).toBe("closed");
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a buyer who has waited long enough is refunded, and the card that turns up late is inventory",
  async () => {
    await restart({ VEND402_FULFIL_DEADLINE: "3s" });
    const usdcBefore = await usdcOfPayer();
    const { order_id } = await orderAndPay("50.04"); // sold, then no answer
    const view = await buyer.waitFor(order_id, ["ready", "refunded"]);
    expect(view.phase).toBe("refunded");
    expect(view.card).toBeUndefined();
    expect(view.error).toMatch(/in time/);
    expect(await usdcOfPayer()).toBe(usdcBefore);
    await expectSettled();
    const [attempt, ...others] = attemptOf(order_id);
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ state: "stranded", stage: "issue" });
    const goods = "SELECT order_id FROM goods WHERE attempt_id = ?";
    expect(query(world.databaseFile, goods, String(attempt?.["id"]))).toEqual([{ order_id: null }]);
    expect(soldOf("50.04")).toHaveLength(1);
    expect((await buyer.get(order_id)).card).toBeUndefined();
  },
  TEST_LIMIT_MS,
);
