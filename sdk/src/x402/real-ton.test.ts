/** Paying the real shop on TON: a local chain, the shop's relay, its watcher and its refunds. */
import { randomBytes } from "node:crypto";
import { keyPairFromSeed } from "@ton/crypto";
import { WalletContractV5R1 } from "@ton/ton";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { createEvmWorld, type EvmWorld } from "../../../tests/world/evm-world.ts";
import type { ShopProcess } from "../../../tests/world/shop-process.ts";
import { OrderFailedError } from "../errors.ts";
import { memoryJournal } from "../journal.ts";
import { errorOf } from "../testing/esim-stage.ts";
import { listPlans, purchaseEsim } from "./buy.ts";
import { tonKeySigner } from "./ton.ts";

const PURSE = 20_000_000n;

let stage: TonStage;
let world: EvmWorld;
let shop: ShopProcess;

beforeAll(async () => {
  stage = await openTonStage();
  const texts = Object.entries(stage.texts()).map(([name, text]) => [`VEND402_TON_${name}`, text]);
  world = await createEvmWorld({ env: Object.fromEntries(texts) as Record<string, string> });
  shop = await world.startShop();
}, 120_000);

afterAll(async () => {
  await shop.stop();
  await world.close();
  await stage.close();
});

/** A buyer whose wallet is not on chain yet and holds no TON. */
async function newPurchase(country: string, days: number | null) {
  const seed = randomBytes(32);
  const { publicKey } = keyPairFromSeed(seed);
  const { address } = WalletContractV5R1.create({ workchain: 0, publicKey });
  await stage.devnet.fund(address, { jetton: PURSE });
  const baseUrl = shop.url;
  const plan = (await listPlans({ baseUrl, country })).find(
    (each) => each.countries.length === 1 && (days === null || each.validity_days === days),
  );
  if (plan === undefined) throw new Error(`no plan for ${country}`);
  const { caip2: network } = stage.config().network;
  const options = {
    baseUrl,
    planId: plan.plan_id,
    network,
    tokens: [{ network, address: stage.devnet.minter.toRawString(), symbol: "USDT", decimals: 6 }],
    ton: { signer: tonKeySigner(seed), rpcUrl: stage.devnet.url },
    maxUsd: "20.00",
    journal: memoryJournal(),
    deadlineMs: 60_000,
    idempotencyKey: "trip",
  };
  return { address, options, price: BigInt(plan.price.amount.replace(".", "")) * 10_000n };
}

test("a wallet with USDT and no TON buys an eSIM, once", { timeout: 90_000 }, async () => {
  const { address, options, price } = await newPurchase("JP", null);
  const bought = await purchaseEsim(options);
  expect(bought.esim.activation_code).toMatch(/^LPA:1\$/);
  expect(bought.payment).toMatchObject({ asset: "USDT", payer: address.toRawString() });
  expect((await purchaseEsim(options)).orderId).toBe(bought.orderId);
  expect(await stage.held(address)).toBe(PURSE - price);
});

test("what the wholesaler refuses comes back to the wallet", { timeout: 90_000 }, async () => {
  const { address, options } = await newPurchase("AQ", 1);
  const error = await errorOf(purchaseEsim(options));
  expect(error).toBeInstanceOf(OrderFailedError);
  expect(error).toMatchObject({ refund: { asset: "USDT" } });
  expect(await stage.held(address)).toBe(PURSE);
});
