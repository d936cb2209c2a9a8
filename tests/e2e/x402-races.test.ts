/** Copies, replays, late and lost payments over x402: one settlement, one order, the same answer. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { X402Challenge, X402OrderView } from "#wire/x402";
import type { EvmDevnet } from "../../devnet/evm/index.ts";
import { query, unsettled, wholesalerDoubts } from "../world/books.ts";
import { createEvmWorld, type EvmBuyer, type EvmWorld } from "../world/evm-world.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { signPayment } from "../world/stock-x402.ts";
import { createX402Buyer, type X402Buyer } from "../world/x402-buyer.ts";

const LIMIT_MS = 40_000;
const TEST_LIMIT_MS = 120_000;
const PURSE = 50_000_000n;
const ALL_REQUESTS = 1_000_000;

let world: EvmWorld;
let chain: EvmDevnet;
let shop: ShopProcess;
let buyer: X402Buyer;

beforeAll(async () => {
  world = await createEvmWorld({ env: { VEND402_SWEEP_EVERY: "1h" } });
  chain = world.network.chain;
  shop = await world.startShop();
  buyer = createX402Buyer(() => shop.url);
}, 90_000);

afterAll(() => world.close());

interface Asked {
  readonly order: X402Challenge;
  /** The 402 as it came. */
  readonly answer: Response;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function ask(country = "JP", days?: number): Promise<Asked> {
  const plan = await buyer.planFor(country, days);
  const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
  const body = JSON.stringify({ plan_id: plan.plan_id });
  const answer = await fetch(`${shop.url}/api/v1/x402/order`, { method: "POST", headers, body });
  expect(answer.status).toBe(402);
  return { order: (await answer.clone().json()) as X402Challenge, answer, body, headers };
}

const payAt = ({ order }: Asked, signed: Readonly<Record<string, string>>): Promise<Response> =>
  fetch(shop.url + order.pay_url, { method: "POST", headers: signed });

const newPayer = (): Promise<EvmBuyer> => world.network.newBuyer({ usdc: PURSE });

async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(wholesalerDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
}

const priceOf = ({ price }: Pick<X402OrderView, "price">): bigint =>
  BigInt(price.amount.replace(".", "")) * 10_000n;

const depositsOf = ({ order }: Asked): number =>
  query(world.databaseFile, "SELECT id FROM deposits WHERE order_ref = ?", order.order_id).length;

test(
  "eight copies of one payment at once are settled once and get the same order",
  async () => {
    const asked = await ask();
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, asked.answer);
    const answers = await Promise.all(Array.from({ length: 8 }, () => payAt(asked, signed)));
    for (const answer of answers) {
      expect([200, 202]).toContain(answer.status);
      expect(((await answer.json()) as X402OrderView).order_id).toBe(asked.order.order_id);
    }
    const end = await buyer.end(asked.order);
    expect(end.status).toBe("DELIVERED");
    expect(await world.network.usdcOf(payer.address)).toBe(PURSE - priceOf(end));
    expect(depositsOf(asked)).toBe(1);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "eight different signatures for one order move the money once",
  async () => {
    const asked = await ask();
    const payer = await newPayer();
    const signed = await Promise.all(
      Array.from({ length: 8 }, () => signPayment({ chain, buyer: payer }, asked.answer)),
    );
    const answers = await Promise.all(signed.map((headers) => payAt(asked, headers)));
    expect(answers.every(({ status }) => status === 202 || status === 200)).toBe(true);
    const end = await buyer.end(asked.order);
    expect(await world.network.usdcOf(payer.address)).toBe(PURSE - priceOf(end));
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a payment that is sent again after success is the same order, and nothing is settled again",
  async () => {
    const asked = await ask();
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, asked.answer);
    await payAt(asked, signed);
    const end = await buyer.end(asked.order);
    const again = await payAt(asked, signed);
    expect(again.status).toBe(200);
    expect(((await again.json()) as X402OrderView).order_id).toBe(asked.order.order_id);
    const fresh = await signPayment({ chain, buyer: payer }, asked.answer);
    expect((await payAt(asked, fresh)).status).toBe(200);
    expect(await world.network.usdcOf(payer.address)).toBe(PURSE - priceOf(end));
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "one signature pays one of two orders that cost the same",
  async () => {
    const [first, second] = [await ask(), await ask()];
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, first.answer);
    await payAt(first, signed);
    await payAt(second, signed);
    const end = await buyer.end(first.order);
    expect(end.status).toBe("DELIVERED");
    expect((await buyer.read(second.order)).status).toBe("PENDING_PAYMENT");
    expect(await world.network.usdcOf(payer.address)).toBe(PURSE - priceOf(end));
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a payer without money is asked again with the same order and the same terms",
  async () => {
    const asked = await ask();
    const poor = await world.network.newBuyer({ usdc: 1n });
    const signed = await signPayment({ chain, buyer: poor }, asked.answer);
    const refused = await payAt(asked, signed);
    expect(refused.status).toBe(402);
    const body = (await refused.json()) as X402Challenge;
    expect(body.order_id).toBe(asked.order.order_id);
    expect(body.accepts).toEqual(asked.order.accepts);
    const rich = await newPayer();
    await payAt(asked, await signPayment({ chain, buyer: rich }, asked.answer));
    expect((await buyer.end(asked.order)).status).toBe("DELIVERED");
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a chain that does not answer blames nobody: the payer is told to send the same payment again",
  async () => {
    const asked = await ask();
    const payer = await newPayer();
    const signed = await signPayment({ chain, buyer: payer }, asked.answer);
    chain.faults.plan({ kind: "drop" }, { times: ALL_REQUESTS });
    const down = await payAt(asked, signed);
    expect([502, 503]).toContain(down.status);
    chain.faults.clear();
    await expect
      .poll(async () => (await payAt(asked, signed)).status, { timeout: LIMIT_MS, interval: 300 })
      .toSatisfy((status) => status === 202 || status === 200);
    const end = await buyer.end(asked.order);
    expect(end.status).toBe("DELIVERED");
    expect(await world.network.usdcOf(payer.address)).toBe(PURSE - priceOf(end));
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test("the wholesaler fails at every call: one delivery or one refund each, and its ledger agrees", async () => {
  const days = [1, 2, 3, 4, 5, 6, 7, 8, 10];
  const visits = await Promise.all(
    days.map(async (day) => {
      const asked = await ask("AQ", day);
      const payer = await newPayer();
      await payAt(asked, await signPayment({ chain, buyer: payer }, asked.answer));
      return { asked, payer };
    }),
  );
  for (const { asked, payer } of visits) {
    const end = await buyer.end(asked.order, 100_000);
    const cost = end.status === "DELIVERED" ? priceOf(end) : 0n;
    expect(["DELIVERED", "REFUNDED"]).toContain(end.status);
    expect(await world.network.usdcOf(payer.address)).toBe(PURSE - cost);
  }
  await expectSettled();
}, 240_000);
