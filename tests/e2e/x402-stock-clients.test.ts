/** The published x402 clients, unmodified, buy an eSIM on a local chain with one request. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { X402PaidOrder } from "#wire/x402";
import { unsettled, wholesalerDoubts } from "../world/books.ts";
import { createEvmWorld, type EvmWorld } from "../world/evm-world.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { approvePermit2, stockFetchV1, stockFetchV2, type Fetch } from "../world/stock-x402.ts";
import { createX402Buyer, type X402Buyer } from "../world/x402-buyer.ts";

const LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 90_000;
const PURSE = 20_000_000n;
const COIN = 10n ** 18n;

let world: EvmWorld;
let shop: ShopProcess;
let buyer: X402Buyer;

beforeAll(async () => {
  world = await createEvmWorld();
  shop = await world.startShop();
  buyer = createX402Buyer(() => shop.url);
}, 90_000);

afterAll(() => world.close());

/** One request with a client that pays by itself; the order's URL is all that it needs afterwards. */
async function buy(pay: Fetch, days?: number): Promise<X402PaidOrder> {
  const plan = await buyer.planFor(days === undefined ? "JP" : "AQ", days);
  const answer = await pay(`${shop.url}/api/v1/x402/order`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ plan_id: plan.plan_id, client_ref: crypto.randomUUID() }),
  });
  expect([200, 202]).toContain(answer.status);
  expect(answer.headers.get("location")).toMatch(/^\/api\/v1\/x402\/order\/ord_/);
  return (await answer.json()) as X402PaidOrder;
}

async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(wholesalerDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
}

/** A buyer without any of the chain's own coin: the shop's facilitator pays for gas. */
test(
  "@x402/fetch pays in USDC by a signature alone and receives an eSIM",
  async () => {
    const { chain } = world.network;
    const wallet = await world.network.newBuyer({ usdc: PURSE });
    const order = await buy(stockFetchV2({ chain, buyer: wallet }));
    const end = await buyer.end(order as never);
    expect(end.status).toBe("DELIVERED");
    expect(end.esim?.activation_code).toMatch(/^LPA:1\$/);
    expect(end.payment).toMatchObject({ state: "final", rail: "eip155:137/x402", asset: "USDC" });
    const price = BigInt(end.price.amount.replace(".", "")) * 10_000n;
    expect(await world.network.usdcOf(wallet.address)).toBe(PURSE - price);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "@x402/fetch pays in USDT by Permit2 and receives an eSIM",
  async () => {
    const { chain } = world.network;
    const wallet = await world.network.newBuyer({ usdt: PURSE, native: COIN });
    const options = { chain, buyer: wallet, token: chain.usdt };
    await approvePermit2(options);
    const order = await buy(stockFetchV2(options));
    const end = await buyer.end(order as never);
    expect(end.status).toBe("DELIVERED");
    expect(end.payment).toMatchObject({ state: "final", rail: "eip155:137/x402", asset: "USDT" });
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "the legacy x402-fetch pays in USDC and receives an eSIM",
  async () => {
    const { chain } = world.network;
    const wallet = await world.network.newBuyer({ usdc: PURSE });
    const order = await buy(stockFetchV1({ chain, buyer: wallet }));
    const end = await buyer.end(order as never);
    expect(end.status).toBe("DELIVERED");
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a buyer whose order the wholesaler refuses has the money back, by either client",
  async () => {
    const { chain } = world.network;
    for (const pay of [stockFetchV2, stockFetchV1]) {
      const wallet = await world.network.newBuyer({ usdc: PURSE });
      const order = await buy(pay({ chain, buyer: wallet }), 1);
      expect((await buyer.end(order as never)).status).toBe("REFUNDED");
      expect(await world.network.usdcOf(wallet.address)).toBe(PURSE);
    }
    await expectSettled();
  },
  TEST_LIMIT_MS,
);
