/** Payments whose blocks are replaced, at every confirmation count and after the goods are out. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { X402Challenge } from "#wire/x402";
import type { EvmDevnet } from "../../devnet/evm/index.ts";
import { heldOf, query, unsettled, wholesalerDoubts } from "../world/books.ts";
import { createEvmWorld, type EvmBuyer, type EvmWorld } from "../world/evm-world.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { signPayment } from "../world/stock-x402.ts";
import { createX402Buyer, depositOf, sendToken, type X402Buyer } from "../world/x402-buyer.ts";

const LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 90_000;
const COIN = 10n ** 18n;
const FINAL_AT = 6;

let world: EvmWorld;
let chain: EvmDevnet;
let shop: ShopProcess;
let buyer: X402Buyer;
let payer: EvmBuyer;

beforeAll(async () => {
  const env = { VEND402_EVM_137_FINALITY: String(FINAL_AT), VEND402_SWEEP_EVERY: "1h" };
  world = await createEvmWorld({ blockTimeMs: "manual", env });
  chain = world.network.chain;
  await chain.mine(2 * FINAL_AT);
  shop = await world.startShop();
  buyer = createX402Buyer(() => shop.url);
  payer = await world.network.newBuyer({ usdc: 100_000_000n, native: COIN });
  // No reorg of these tests reaches back to where the money comes from.
  await chain.mine(4 * FINAL_AT);
}, 90_000);

afterAll(() => world.close());

async function order(): Promise<X402Challenge> {
  const plan = await buyer.planFor("JP");
  return buyer.order({ plan_id: plan.plan_id }, { "Idempotency-Key": crypto.randomUUID() });
}

/** Pays into the next block, which is the newest one afterwards. */
async function pay(made: X402Challenge): Promise<`0x${string}`> {
  const { address, atomic } = depositOf(made);
  const hash = await sendToken(chain, payer, { token: chain.usdc, to: address, atomic });
  await chain.mine(1);
  return hash;
}

/** Pays by a signature that the shop carries out; resolves when its transaction waits for a block. */
async function promise(made: X402Challenge): Promise<void> {
  const asked = await fetch(shop.url + made.pay_url);
  expect(asked.status).toBe(402);
  const signed = await signPayment({ chain, buyer: payer }, asked);
  // The answer waits for news of the payment, which this test makes.
  void fetch(shop.url + made.pay_url, { method: "POST", headers: signed });
  await untilWaiting();
}

/** Until a transaction waits for a block. */
async function untilWaiting(): Promise<void> {
  const waiting = async (): Promise<number> => {
    const status = (await chain.rpc("txpool_status", [])) as { readonly pending: string };
    return Number(status.pending);
  };
  await expect.poll(waiting, { timeout: LIMIT_MS, interval: 20 }).toBeGreaterThan(0);
}

const eventsOf = ({ order_id }: X402Challenge): readonly unknown[] =>
  query(
    world.databaseFile,
    "SELECT event FROM order_events WHERE order_id = ? ORDER BY seq",
    order_id,
  ).map(({ event }) => event);

async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(wholesalerDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
}

const salesFor = ({ order_id }: X402Challenge): number => {
  const attempts = query(
    world.databaseFile,
    "SELECT id FROM attempts WHERE order_id = ?",
    order_id,
  );
  const ids = new Set(attempts.map(({ id }) => id));
  return world.supplier.ledger().filter(({ transactionId }) => ids.has(transactionId)).length;
};

test.each(Array.from({ length: FINAL_AT - 1 }, (_, index) => index + 1))(
  "a payment that vanishes with %i confirmations has bought nothing, and another one pays the order",
  async (confirmations) => {
    const made = await order();
    await pay(made);
    await chain.mine(confirmations - 1);
    await buyer.until(made, ({ payment }) => payment.confirmations === confirmations);
    const view = await buyer.read(made);
    expect([view.status, view.payment.required]).toEqual(["PENDING_PAYMENT", FINAL_AT]);
    await chain.reorg(confirmations);
    await buyer.until(made, ({ payment }) => payment.state === "none");
    expect(salesFor(made)).toBe(0);
    await pay(made);
    await chain.mine(FINAL_AT - 1);
    expect((await buyer.end(made)).status).toBe("DELIVERED");
    expect(salesFor(made)).toBe(1);
    expect(eventsOf(made).filter((event) => event === "deposit_dropped")).toHaveLength(1);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test.each(Array.from({ length: FINAL_AT - 1 }, (_, index) => index + 1))(
  "a signed payment that vanishes with %i confirmations is carried out again from what is stored",
  async (confirmations) => {
    const before = await world.network.usdcOf(payer.address);
    const made = await order();
    await promise(made);
    await chain.mine(confirmations);
    const seen = await buyer.until(made, ({ payment }) => payment.confirmations === confirmations);
    await chain.reorg(confirmations);
    await untilWaiting();
    expect(salesFor(made)).toBe(0);
    await chain.mine(FINAL_AT);
    const end = await buyer.end(made);
    expect(end.status).toBe("DELIVERED");
    expect(end.payment.tx_id).not.toBe(seen.payment.tx_id);
    expect(eventsOf(made).filter((event) => event === "deposit_dropped")).toHaveLength(1);
    expect(salesFor(made)).toBe(1);
    const price = BigInt(end.price.amount.replace(".", "")) * 10_000n;
    expect(await world.network.usdcOf(payer.address)).toBe(before - price);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a signed payment that vanishes after delivery is carried out again, which makes good the loss",
  async () => {
    const held = heldOf(world.databaseFile, chain.usdc);
    const made = await order();
    await promise(made);
    await chain.mine(FINAL_AT);
    const end = await buyer.end(made);
    expect(end.status).toBe("DELIVERED");
    await chain.reorg(FINAL_AT + 1);
    await untilWaiting();
    expect(heldOf(world.databaseFile, chain.usdc)).toBe(held);
    await chain.mine(FINAL_AT + 2);
    const price = BigInt(end.price.amount.replace(".", "")) * 10_000n;
    await expect
      .poll(() => heldOf(world.databaseFile, chain.usdc), { timeout: LIMIT_MS })
      .toBe(held + price);
    expect((await buyer.read(made)).status).toBe("DELIVERED");
    expect(salesFor(made)).toBe(1);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a payment that is taken into another block starts to count anew and delivers once",
  async () => {
    const made = await order();
    const hash = await pay(made);
    await chain.mine(3);
    await buyer.until(made, ({ payment }) => payment.confirmations === 4);
    await chain.reorg(4, [{ hash, blockOffset: 3 }]);
    await buyer.until(made, ({ payment }) => payment.confirmations === 1);
    await chain.mine(FINAL_AT - 2);
    await buyer.until(made, ({ payment }) => payment.confirmations === FINAL_AT - 1);
    expect(salesFor(made)).toBe(0);
    await chain.mine(1);
    expect((await buyer.end(made)).status).toBe("DELIVERED");
    expect(salesFor(made)).toBe(1);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a payment that vanishes after delivery is booked as a loss with an alarm, and nothing is delivered again",
  async () => {
    const before = heldOf(world.databaseFile, chain.usdc);
    const made = await order();
    await pay(made);
    await chain.mine(FINAL_AT - 1);
    expect((await buyer.end(made)).status).toBe("DELIVERED");
    await chain.reorg(FINAL_AT);
    await chain.mine(1);
    const lost = "SELECT state FROM deposits WHERE order_ref = ?";
    await expect
      .poll(() => query(world.databaseFile, lost, made.order_id), { timeout: LIMIT_MS })
      .toEqual([{ state: "lost" }]);
    expect(shop.lines.some((line) => line.includes("booked as a loss"))).toBe(true);
    expect(heldOf(world.databaseFile, chain.usdc)).toBe(before);
    await chain.mine(2 * FINAL_AT);
    expect((await buyer.read(made)).status).toBe("DELIVERED");
    expect(salesFor(made)).toBe(1);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);
