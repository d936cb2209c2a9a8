/** eSIMs paid by plain transfers to an address of the order's own: rounding, excess and failures. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { X402Challenge } from "#wire/x402";
import type { EvmDevnet } from "../../devnet/evm/index.ts";
import { heldOf, query, unsettled, wholesalerDoubts } from "../world/books.ts";
import { createEvmWorld, type EvmBuyer, type EvmWorld } from "../world/evm-world.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { createX402Buyer, depositOf, sendToken, type X402Buyer } from "../world/x402-buyer.ts";

const LIMIT_MS = 40_000;
const TEST_LIMIT_MS = 120_000;
const COIN = 10n ** 18n;
const PURSE = 100_000_000n;
/** The wholesaler never has this one. */
const ALWAYS_SOLD_OUT = { country: "AQ", days: 1 };

let world: EvmWorld;
let chain: EvmDevnet;
let shop: ShopProcess;
let buyer: X402Buyer;
let payer: EvmBuyer;

beforeAll(async () => {
  world = await createEvmWorld();
  chain = world.network.chain;
  shop = await world.startShop();
  buyer = createX402Buyer(() => shop.url);
  payer = await world.network.newBuyer({ usdc: PURSE, native: COIN });
}, 90_000);

afterAll(() => world.close());

async function order(country = "JP", days?: number): Promise<X402Challenge> {
  const plan = await buyer.planFor(country, days);
  return buyer.order({ plan_id: plan.plan_id }, { "Idempotency-Key": crypto.randomUUID() });
}

/** Pays the price and so much more or less. */
async function pay(made: X402Challenge, more = 0n, from = payer): Promise<string> {
  const { address, atomic } = depositOf(made);
  return sendToken(chain, from, { token: chain.usdc, to: address, atomic: atomic + more });
}

/** Nothing is owed or open, and chain, wholesaler and ledger say the same. */
async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(wholesalerDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
}

const spent = async (who = payer): Promise<bigint> =>
  PURSE - (await world.network.usdcOf(who.address));

test(
  "a refused order goes back to the wallet that paid it, well within five minutes",
  async () => {
    const before = await spent();
    const made = await order(ALWAYS_SOLD_OUT.country, ALWAYS_SOLD_OUT.days);
    await pay(made);
    const end = await buyer.end(made);
    expect(end.status).toBe("REFUNDED");
    expect(end.refunds).toEqual([
      expect.objectContaining({ reason: "fulfilment_failed", state: "final", asset: "USDC" }),
    ]);
    expect(await spent()).toBe(before);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a little less than the price is the price, a little more comes back",
  async () => {
    const before = await spent();
    const [short, over] = [await order(), await order()];
    const price = depositOf(short).atomic;
    await pay(short, -(price / 10n));
    await pay(over, 5_000_000n);
    expect((await buyer.end(short)).status).toBe("DELIVERED");
    expect((await buyer.end(over)).status).toBe("DELIVERED");
    await expectSettled();
    expect(await spent()).toBe(before + price - price / 10n + price);
  },
  TEST_LIMIT_MS,
);

test(
  "much less than the price, and a second payment, go back by themselves",
  async () => {
    const before = await spent();
    const [short, twice] = [await order(), await order()];
    const price = depositOf(short).atomic;
    await pay(short, -(price / 2n));
    await pay(twice);
    await pay(twice);
    expect((await buyer.end(twice)).status).toBe("DELIVERED");
    const reasons = "SELECT reason FROM deposits WHERE order_ref = ? AND reason IS NOT NULL";
    for (const [{ order_id }, reason] of [
      [short, "underpaid"],
      [twice, "duplicate"],
    ] as const)
      await expect
        .poll(() => query(world.databaseFile, reasons, order_id), { timeout: LIMIT_MS })
        .toEqual([{ reason }]);
    await expectSettled();
    expect(await spent()).toBe(before + price);
    expect((await buyer.read(short)).payment.state).toBe("none");
  },
  TEST_LIMIT_MS,
);

test(
  "a server that is stopped while payments arrive counts every one when it is back",
  async () => {
    const orders = [await order(), await order(), await order()];
    await shop.kill();
    for (const made of orders) await pay(made);
    shop = await world.startShop();
    for (const made of orders) expect((await buyer.end(made)).status).toBe("DELIVERED");
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "what was paid to addresses reaches the treasury, and the ledger holds what the chain holds",
  async () => {
    await shop.stop();
    shop = await world.startShop({ VEND402_SWEEP_EVERY: "1s" });
    const held = (): bigint => heldOf(world.databaseFile, chain.usdc);
    await expect.poll(() => world.network.takings(), { timeout: LIMIT_MS }).toBe(held());
    expect(held()).toBeGreaterThan(0n);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);
