/** Every product on every rail, delivered and refunded: the buyer chooses the rail when he pays. */
import type { Keypair } from "@stellar/stellar-sdk";
import { Address, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { PaymentOption } from "#wire";
import type { X402Challenge } from "#wire/x402";
import { purseOf, type Purse } from "../../devnet/ton/test-clients.ts";
import type { PaymentTerms } from "../../src/rails/rail.ts";
import { payByX402 } from "../fixtures/ton-agent.ts";
import { supplierDoubts, unsettled } from "../world/books.ts";
import { openEveryRail, type EveryRail } from "../world/every-rail.ts";
import type { EvmBuyer } from "../world/evm-world.ts";
import { sendPayment, stroops, type PaymentTerms as SorobanTerms } from "../world/pay.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { signPayment } from "../world/stock-x402.ts";
import { createX402Buyer, depositOf, sendToken, type X402Buyer } from "../world/x402-buyer.ts";

const BLOCK_MS = 250;
const LIMIT_MS = 60_000;
const TEST_LIMIT_MS = 180_000;
const PURSE = 50_000_000n;
const COIN = 10n ** 18n;

let everything: EveryRail;
let shop: ShopProcess;
let buyer: X402Buyer;

beforeAll(async () => {
  everything = await openEveryRail({ blockTimeMs: BLOCK_MS, supplierSpeed: 100 });
  shop = await everything.world.startShop();
  buyer = createX402Buyer(() => shop.url);
}, 120_000);

afterAll(() => everything.close());

/** A wallet on one rail: what it has (base units of the dollar), and how it pays an order. */
interface Wallet {
  readonly held: () => Promise<bigint>;
  readonly pay: (order: X402Challenge, asked: Response) => Promise<unknown>;
  /** Base units of a price in dollars. */
  readonly atomic: (usd: string) => bigint;
}

const sixDecimals = (usd: string): bigint => BigInt(usd.replace(".", "")) * 10_000n;

const optionOf = ({ deposits }: X402Challenge, type: string): PaymentOption => {
  const option = deposits.find((one) => one.type === type);
  if (option === undefined) throw new Error(`the order cannot be paid by ${type}`);
  return option;
};

const present = async (
  { pay_url }: X402Challenge,
  headers: Readonly<Record<string, string>>,
): Promise<void> => {
  const answer = await fetch(shop.url + pay_url, { method: "POST", headers });
  if (answer.status !== 202 && answer.status !== 200)
    throw new Error(`pay: ${answer.status} ${await answer.text()}`);
};

const WALLETS: Readonly<Record<string, () => Promise<Wallet>>> = {
  "stellar-contract": async () => {
    const { network } = everything.world;
    const payer: Keypair = await network.newPayer("50");
    return {
      held: async () => (await network.balances(payer.publicKey())).usdc ?? 0n,
      atomic: stroops,
      pay: (order) =>
        sendPayment(network, payer, optionOf(order, "soroban_contract") as unknown as SorobanTerms),
    };
  },
  "evm-x402": async () => {
    const { evm } = everything;
    const payer: EvmBuyer = await evm.newBuyer({ usdc: PURSE });
    return {
      held: () => evm.usdcOf(payer.address),
      atomic: sixDecimals,
      pay: async (order, asked) =>
        present(order, await signPayment({ chain: evm.chain, buyer: payer }, asked)),
    };
  },
  "evm-deposit": async () => {
    const { evm } = everything;
    const payer = await evm.newBuyer({ usdc: PURSE, native: COIN });
    return {
      held: () => evm.usdcOf(payer.address),
      atomic: sixDecimals,
      pay: (order) => {
        const { address: to, atomic } = depositOf(order);
        return sendToken(evm.chain, payer, { token: evm.chain.usdc, to, atomic });
      },
    };
  },
  "ton-jetton": async () => {
    const { ton } = everything;
    const agent: Purse = await purseOf(ton.devnet, { jetton: PURSE });
    expect(await ton.client.getBalance(agent.address)).toBe(toNano("0"));
    return {
      held: () => ton.held(agent.address),
      atomic: sixDecimals,
      pay: async (order, asked) => {
        const terms = termsIn(asked).find(({ network }) => network.startsWith("tvm:"));
        if (terms === undefined) throw new Error("the order cannot be paid on TON");
        const payload = await payByX402(ton, agent, terms);
        const header = Buffer.from(JSON.stringify(payload)).toString("base64");
        return present(order, { "PAYMENT-SIGNATURE": header });
      },
    };
  },
  "ton-deposit": async () => {
    const { ton } = everything;
    const payer: Purse = await purseOf(ton.devnet, { ton: toNano("1"), jetton: PURSE });
    return {
      held: () => ton.held(payer.address),
      atomic: sixDecimals,
      pay(order) {
        const { address, amount_atomic } = optionOf(order, "ton_deposit");
        const to = Address.parse(String(address));
        return ton.pay({ payer, to, atomic: BigInt(String(amount_atomic)) });
      },
    };
  },
};

/** What the ids of a rail's chain begin with. */
const CHAINS: Readonly<Record<string, string>> = {
  stellar: "stellar:",
  evm: "eip155:",
  ton: "tvm:",
};

function termsIn(asked: Response): readonly PaymentTerms[] {
  const header = asked.headers.get("payment-required") ?? "";
  const required = JSON.parse(Buffer.from(header, "base64").toString()) as {
    readonly accepts: readonly PaymentTerms[];
  };
  return required.accepts;
}

/** What is asked for, and what comes of it. */
const WISHES = {
  "an eSIM": { country: "JP", days: undefined, end: "DELIVERED" },
  "an eSIM that is sold out": { country: "AQ", days: 1, end: "REFUNDED" },
  "a card": { amount_usdc: "10.00", end: "DELIVERED" },
  "a card that is refused": { amount_usdc: "13.13", end: "REFUNDED" },
} as const;

async function bodyOf(wish: (typeof WISHES)[keyof typeof WISHES]): Promise<object> {
  if ("amount_usdc" in wish) return { product: "prepaid-card", amount_usdc: wish.amount_usdc };
  return { plan_id: (await buyer.planFor(wish.country, wish.days)).plan_id };
}

const CASES = Object.keys(WALLETS).flatMap((rail) =>
  (Object.keys(WISHES) as (keyof typeof WISHES)[]).map((wish) => ({ rail, wish })),
);

test.each(CASES)(
  "$wish paid by $rail ends as it must, with the money where it belongs",
  async ({ rail, wish }) => {
    const open = WALLETS[rail];
    if (open === undefined) throw new Error(`no wallet for ${rail}`);
    const wallet = await open();
    const before = await wallet.held();
    const asked = await fetch(`${shop.url}/api/v1/x402/order`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
      body: JSON.stringify(await bodyOf(WISHES[wish])),
    });
    expect(asked.status).toBe(402);
    const order = (await asked.clone().json()) as X402Challenge;
    await wallet.pay(order, asked);
    const end = await buyer.end(order, LIMIT_MS);
    expect(end.status).toBe(WISHES[wish].end);
    const isDelivered = end.status === "DELIVERED";
    expect(end.esim?.iccid ?? end.card?.number ?? "").toMatch(isDelivered ? /^\d{15,20}$/ : /^$/);
    const cost = isDelivered ? wallet.atomic(end.price.amount) : 0n;
    await expect.poll(() => wallet.held(), { timeout: LIMIT_MS }).toBe(before - cost);
    const [chain = "", scheme = ""] = rail.split("-");
    expect(end.payment.rail).toMatch(new RegExp(`^${CHAINS[chain]}.*/${scheme}$`));
  },
  TEST_LIMIT_MS,
);

test(
  "nothing is owed, open or unbalanced afterwards",
  async () => {
    const { world } = everything;
    await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
    const sold = world.supplier.ledger();
    const esims = everything.wholesaler.ledger();
    expect(sold).toHaveLength(Object.keys(WALLETS).length);
    expect(esims).toHaveLength(Object.keys(WALLETS).length);
    // Only the eSIMs are unknown to the card supplier.
    expect(supplierDoubts(world.databaseFile, sold)).toHaveLength(esims.length);
  },
  TEST_LIMIT_MS,
);
