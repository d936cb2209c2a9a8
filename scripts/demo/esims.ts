/** eSIMs bought over x402 on local EVM and TON chains, by agents that hold dollars and no coin for gas. */
import { randomBytes, randomUUID } from "node:crypto";
import path from "node:path";
import { keyPairFromSeed } from "@ton/crypto";
import { WalletContractV5R1 } from "@ton/ton";
import { privateKeyToAccount } from "viem/accounts";
import { fileJournal, listPlans, purchaseEsim, tonKeySigner } from "../../sdk/src/index.ts";
import { follow, type DemoShop } from "./follow.ts";
import type { OrderStory } from "./timeline.ts";

const PURSE_ATOMIC = 20_000_000n;
const MAX_USD = "20.00";
const JAPAN = { country: "JP" };
/** The wholesaler's plan that is always sold out. */
const SOLD_OUT = { country: "AQ", days: 1 };
/** The order whose block is replaced once its payment has so many confirmations. */
const REPLACED_AT = 2;
const LOOK_MS = 50;

const EVM = { product: "travel-esim", rail: "evm-x402", asset: "USDC" } as const;
const TON = { product: "travel-esim", rail: "ton-jetton", asset: "USDT" } as const;

/** On each chain one that goes well and one that the wholesaler refuses; and one whose payment the chain takes back. */
export function buyEsims(shop: DemoShop): readonly Promise<OrderStory>[] {
  const about = {
    evm: "an eSIM paid in USDC over x402",
    evmRefused: "an eSIM that the wholesaler refuses",
    replaced: "an eSIM whose payment's block is replaced",
    ton: "an eSIM paid on TON by an agent without any TON",
    tonRefused: "an eSIM on TON that the wholesaler refuses",
  };
  const first = [
    follow(shop, { ...EVM, about: about.evm, wanted: "delivered" }, (onStep) =>
      buyOnEvm(shop, JAPAN, onStep),
    ),
    follow(shop, { ...EVM, about: about.evmRefused, wanted: "refunded" }, (onStep) =>
      buyOnEvm(shop, SOLD_OUT, onStep),
    ),
  ];
  // The chain forgets blocks for everybody, so this one waits until the others are through.
  const replaced = Promise.allSettled(first).then(() =>
    follow(shop, { ...EVM, about: about.replaced, wanted: "delivered" }, (onStep) =>
      buyThroughReorg(shop, onStep),
    ),
  );
  return [
    ...first,
    replaced,
    follow(shop, { ...TON, about: about.ton, wanted: "delivered" }, (onStep) =>
      buyOnTon(shop, JAPAN, onStep),
    ),
    follow(shop, { ...TON, about: about.tonRefused, wanted: "refunded" }, (onStep) =>
      buyOnTon(shop, SOLD_OUT, onStep),
    ),
  ];
}

type OnStep = Parameters<Parameters<typeof follow>[2]>[0];

/** Where to, and with which of several plans. */
interface Wish {
  readonly country: string;
  readonly days?: number;
}

/** What the agent tells the SDK of a purchase, whatever pays for it. */
async function purchaseOf({ url: baseUrl, folder }: DemoShop, { country, days }: Wish) {
  const plans = await listPlans({ baseUrl, country });
  const plan = plans.find(
    ({ countries, validity_days: validity }) =>
      countries.length === 1 && (days === undefined || days === validity),
  );
  if (plan === undefined) throw new Error(`no plan for ${country}`);
  const journal = fileJournal(path.join(folder, `esim-${randomUUID()}`));
  return { baseUrl, planId: plan.plan_id, maxUsd: MAX_USD, journal };
}

async function buyOnEvm(shop: DemoShop, wish: Wish, onStep: OnStep): Promise<unknown> {
  const wallet = await shop.evm.newBuyer({ usdc: PURSE_ATOMIC });
  const account = privateKeyToAccount(wallet.key);
  return purchaseEsim({ ...(await purchaseOf(shop, wish)), account, onStep });
}

async function buyOnTon(shop: DemoShop, wish: Wish, onStep: OnStep): Promise<unknown> {
  const { devnet } = shop.ton;
  const seed = randomBytes(32);
  const { publicKey } = keyPairFromSeed(seed);
  const { address } = WalletContractV5R1.create({ workchain: 0, publicKey });
  await devnet.fund(address, { jetton: PURSE_ATOMIC });
  const { caip2 } = shop.ton.config().network;
  const usdt = {
    network: caip2,
    address: devnet.minter.toRawString(),
    symbol: "USDT",
    decimals: 6,
  };
  const ton = { signer: tonKeySigner(seed), rpcUrl: devnet.url };
  return purchaseEsim({ ...(await purchaseOf(shop, wish)), ton, tokens: [usdt], onStep });
}

async function buyThroughReorg(shop: DemoShop, onStep: OnStep): Promise<unknown> {
  let orderId: string | null = null;
  const buying = buyOnEvm(shop, JAPAN, (step) => {
    ({ orderId } = step);
    onStep(step);
  });
  const replacing = replaceOnceSeen(shop, () => orderId);
  await Promise.all([buying, replacing]);
  return buying;
}

/** Waits until the payment is in a block, and replaces that. */
async function replaceOnceSeen({ url, evm, step }: DemoShop, orderId: () => string | null) {
  for (;;) {
    const id = orderId();
    const confirmations = id === null ? 0 : await confirmationsOf(url, id);
    if (confirmations >= REPLACED_AT) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  step(`the chain replaces the block that holds the payment of order ${String(orderId())}`);
  await evm.chain.reorg(REPLACED_AT);
}

async function confirmationsOf(url: string, orderId: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/x402/order/${orderId}`);
  const { payment } = (await answer.json()) as {
    readonly payment?: { readonly confirmations: number | null };
  };
  return payment?.confirmations ?? 0;
}
