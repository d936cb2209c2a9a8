/** eSIMs bought over x402 on a local EVM chain, by agents that hold USDC and no coin for gas. */
import path from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { fileJournal, listPlans, purchaseEsim } from "../../sdk/src/index.ts";
import { follow, type DemoShop } from "./follow.ts";
import type { OrderStory, StoryPlan } from "./timeline.ts";

const PURSE_ATOMIC = 20_000_000n;
const MAX_USD = "20.00";
/** The wholesaler's plan that is always sold out. */
const SOLD_OUT = { country: "AQ", days: 1 };
/** The order whose block is replaced once its payment has so many confirmations. */
const REPLACED_AT = 2;
const LOOK_MS = 50;

/** One that goes well, one that the wholesaler refuses, one whose payment the chain takes back. */
export function buyEsims(shop: DemoShop): readonly Promise<OrderStory>[] {
  const plain = esim("an eSIM paid in USDC over x402", "delivered");
  const refused = esim("an eSIM that the wholesaler refuses", "refunded");
  const replaced = esim("an eSIM whose payment's block is replaced", "delivered");
  const [first, second] = [
    follow(shop, plain, (onStep) => buy(shop, { country: "JP" }, onStep)),
    follow(shop, refused, (onStep) => buy(shop, SOLD_OUT, onStep)),
  ];
  // The chain forgets blocks for everybody, so this one waits until the others are through.
  const third = Promise.allSettled([first, second]).then(() =>
    follow(shop, replaced, (onStep) => buyThroughReorg(shop, onStep)),
  );
  return [first, second, third];
}

function esim(about: string, wanted: StoryPlan["wanted"]): StoryPlan {
  return { product: "travel-esim", rail: "evm-x402", asset: "USDC", about, wanted };
}

type OnStep = Parameters<Parameters<typeof follow>[2]>[0];

async function buy(
  { url: baseUrl, evm, folder }: DemoShop,
  wish: { readonly country: string; readonly days?: number },
  onStep: OnStep,
): Promise<unknown> {
  const plans = await listPlans({ baseUrl, country: wish.country });
  const plan = plans.find(
    ({ countries, validity_days: days }) =>
      countries.length === 1 && (wish.days === undefined || days === wish.days),
  );
  if (plan === undefined) throw new Error(`no plan for ${wish.country}`);
  const wallet = await evm.newBuyer({ usdc: PURSE_ATOMIC });
  return purchaseEsim({
    baseUrl,
    planId: plan.plan_id,
    account: privateKeyToAccount(wallet.key),
    maxUsd: MAX_USD,
    journal: fileJournal(path.join(folder, `esim-${wallet.address}`)),
    onStep,
  });
}

async function buyThroughReorg(shop: DemoShop, onStep: OnStep): Promise<unknown> {
  let orderId: string | null = null;
  const buying = buy(shop, { country: "JP" }, (step) => {
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
