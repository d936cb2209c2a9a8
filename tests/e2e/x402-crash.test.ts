/** The server is killed at every step that an x402 order stores, and each order still ends once. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { X402Challenge } from "#wire/x402";
import { heldOf, query, unsettled, wholesalerDoubts } from "../world/books.ts";
import { whileDown } from "../world/buyer.ts";
import { createEvmWorld, type EvmBuyer, type EvmWorld } from "../world/evm-world.ts";
import { signPayment } from "../world/stock-x402.ts";
import { createX402Buyer, type X402Buyer } from "../world/x402-buyer.ts";
import type { CrashPoint } from "./fuse.ts";
import { openCrashingShop, type CrashingShop } from "./supervisor.ts";

/** An answer that was lost is believed to be none only after a minute. */
const LIMIT_MS = 120_000;
const CASE_LIMIT_MS = 240_000;
const PURSE = 100_000_000n;

let world: EvmWorld;
let shop: CrashingShop;
let buyer: X402Buyer;
let payer: EvmBuyer;

beforeAll(async () => {
  world = await createEvmWorld({ env: { VEND402_SWEEP_EVERY: "1h" } });
  shop = await openCrashingShop(world);
  buyer = createX402Buyer(() => shop.url);
  payer = await world.network.newBuyer({ usdc: PURSE });
}, 90_000);

afterAll(() => world.close());

const post = (path: string, init: RequestInit): Promise<Response> =>
  whileDown(() =>
    fetch(shop.url + path, { ...init, method: "POST", signal: AbortSignal.timeout(30_000) }),
  );

/** Orders by a key of its own and pays by one signature, each request repeated until somebody answers. */
async function buy(country: string, days?: number): Promise<X402Challenge> {
  const plan = await whileDown(() => buyer.planFor(country, days));
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  const body = JSON.stringify({ plan_id: plan.plan_id });
  const asked = await post("/api/v1/x402/order", { headers, body });
  expect(asked.status).toBe(402);
  const order = (await asked.clone().json()) as X402Challenge;
  const signed = await signPayment({ chain: world.network.chain, buyer: payer }, asked);
  const paid = await post(order.pay_url, { headers: signed });
  expect([200, 202]).toContain(paid.status);
  return order;
}

interface Crash {
  readonly story: keyof typeof STORIES;
  readonly when: string;
  readonly points: readonly CrashPoint[];
}

const STORIES = {
  "a good order": { country: "JP", days: undefined, end: "DELIVERED" },
  "an order that the wholesaler refuses": { country: "AQ", days: 1, end: "REFUNDED" },
  "an order whose purchase loses its answer": { country: "AQ", days: 6, end: "DELIVERED" },
} as const;

const both = (
  story: Crash["story"],
  step: string,
  action: CrashPoint["action"],
  of?: string,
): readonly Crash[] =>
  (["before", "after"] as const).map((side) => ({
    story,
    when: `${side} ${step} is stored`,
    points: [of === undefined ? { action, side } : { action, side, of }],
  }));

const CRASHES: readonly Crash[] = [
  ...both("a good order", "the order", "createX402Order"),
  ...both("a good order", "the payer's promise", "claimAuthorization"),
  ...both("a good order", "that it was sent", "noteSent"),
  ...both("a good order", "its payment", "applyDeposits"),
  ...both("a good order", "the intent to buy", "startAttempt"),
  ...both("a good order", "the purchase", "recordStage", "order"),
  ...both("a good order", "the profile", "recordStage", "allocate"),
  ...both("an order whose purchase loses its answer", "the doubt", "markUnknown"),
  ...both("an order that the wholesaler refuses", "the refusal", "rejectAttempt"),
  ...both("an order that the wholesaler refuses", "the surrender", "giveUp"),
  ...both("an order that the wholesaler refuses", "the debt", "oweRefund"),
  ...both("an order that the wholesaler refuses", "the signed refund", "storeSignedPayout"),
  ...both("an order that the wholesaler refuses", "the final refund", "confirmPayout"),
  {
    story: "a good order",
    when: "after the promise, after it was sent and before its payment is stored",
    points: [
      { action: "claimAuthorization", side: "after" },
      { action: "noteSent", side: "after" },
      { action: "applyDeposits", side: "before" },
    ],
  },
];

test.each(CRASHES)(
  "$story ends once when the server is killed $when",
  async ({ story, points }) => {
    const { country, days, end } = STORIES[story];
    const before = await world.network.usdcOf(payer.address);
    const crashes = shop.crashAt(points);
    const order = await buy(country, days);
    await crashes;
    const view = await buyer.end(order, LIMIT_MS);
    expect(view.status).toBe(end);
    await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
    expect(wholesalerDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
    const price = BigInt(view.price.amount.replace(".", "")) * 10_000n;
    const cost = end === "DELIVERED" ? price : 0n;
    expect(await world.network.usdcOf(payer.address)).toBe(before - cost);
    expect(await world.network.takings()).toBe(
      heldOf(world.databaseFile, world.network.chain.usdc),
    );
  },
  CASE_LIMIT_MS,
);

test("no request was counted twice: one order and one promise each", () => {
  const rows = query(
    world.databaseFile,
    "SELECT (SELECT COUNT(*) FROM orders) AS orders, (SELECT COUNT(*) FROM authorizations) AS promises",
  );
  expect(rows).toEqual([{ orders: CRASHES.length, promises: CRASHES.length }]);
});
