/** Buying over x402 from the real shop, on a local EVM chain and from a simulated wholesaler. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { privateKeyToAccount } from "viem/accounts";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { balanceOf } from "../../../devnet/evm/test-clients.ts";
import { createEvmWorld, type EvmWorld } from "../../../tests/world/evm-world.ts";
import type { ShopProcess } from "../../../tests/world/shop-process.ts";
import { sendToken } from "../../../tests/world/x402-buyer.ts";
import { OrderFailedError } from "../errors.ts";
import { fileJournal, memoryJournal } from "../journal.ts";
import { PaymentFailedError } from "../pay/errors.ts";
import { errorOf } from "../testing/esim-stage.ts";
import { runBuyer } from "../testing/run-buyer.ts";
import { AllowanceRequiredError } from "./approval.ts";
import { createEsimOrder, listPlans, payEsimOrder, purchaseEsim, waitForEsim } from "./buy.ts";

let world: EvmWorld;
let shop: ShopProcess;

beforeAll(async () => {
  world = await createEvmWorld();
  shop = await world.startShop();
}, 120_000);

afterAll(async () => {
  await shop.stop();
  await world.close();
});

const PURSE = 20_000_000n;
const LIMIT = { timeout: 90_000 };

async function newPurchase(
  money: Parameters<EvmWorld["network"]["newBuyer"]>[0],
  plan = { country: "JP", days: 0 },
) {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-esim-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const buyer = await world.network.newBuyer(money);
  const baseUrl = shop.url;
  const fitting = (await listPlans({ baseUrl, country: plan.country })).find(
    ({ countries, validity_days: days }) =>
      countries.length === 1 && (plan.days === 0 || days === plan.days),
  );
  if (fitting === undefined) throw new Error(`no plan for ${plan.country}`);
  const options = {
    baseUrl,
    planId: fitting.plan_id,
    account: privateKeyToAccount(buyer.key),
    maxUsd: "20.00",
    journal: fileJournal(folder),
    deadlineMs: 60_000,
    pollMs: 100,
    idempotencyKey: "trip",
  };
  const price = BigInt(fitting.price.amount.replace(".", "")) * 10_000n;
  return { buyer, options, price, folder };
}

test("an account without gas buys an eSIM with USDC", LIMIT, async () => {
  const { buyer, options, price } = await newPurchase({ usdc: PURSE });
  const bought = await purchaseEsim(options);
  expect(bought.esim.activation_code).toMatch(/^LPA:1\$/);
  expect(bought.payment?.txId).toMatch(/^0x[0-9a-f]{64}$/);
  expect(await world.network.usdcOf(buyer.address)).toBe(PURSE - price);
});

test(
  "USDT is paid through Permit2: first it says what to approve, then it approves by itself",
  LIMIT,
  async () => {
    const { chain } = world.network;
    const { buyer, options, price } = await newPurchase({ usdt: PURSE, native: 10n ** 18n });
    const error = await errorOf(purchaseEsim({ ...options, asset: "USDT" }));
    expect(error).toBeInstanceOf(AllowanceRequiredError);
    expect(error).toMatchObject({ token: chain.usdt, owner: buyer.address });
    const allowance = { permit2Approval: "exact", evmRpcUrl: { "eip155:137": chain.url } } as const;
    const bought = await purchaseEsim({ ...options, asset: "USDT", ...allowance });
    expect(bought.payment).toMatchObject({ asset: "USDT", id: error.purchase?.paymentHash });
    expect(await balanceOf(chain, chain.usdt, buyer.address)).toBe(PURSE - price);
  },
);

test("an empty wallet is told so, and the same call goes on once it is funded", LIMIT, async () => {
  const { buyer, options, price } = await newPurchase({ usdc: 1n });
  const error = await errorOf(purchaseEsim(options));
  expect(error).toBeInstanceOf(PaymentFailedError);
  expect(error.advice).toContain("fund the wallet");
  await world.network.chain.fund(buyer.address, { usdc: PURSE });
  const { payment } = await purchaseEsim(options);
  expect(payment?.id).toBe(error.purchase?.paymentHash);
  expect(await world.network.usdcOf(buyer.address)).toBe(PURSE + 1n - price);
});

test("what the wholesaler refuses comes back, and the error names the refund", LIMIT, async () => {
  const { buyer, options } = await newPurchase({ usdc: PURSE }, { country: "AQ", days: 1 });
  const error = await errorOf(purchaseEsim(options));
  expect(error).toBeInstanceOf(OrderFailedError);
  expect(error).toMatchObject({
    refund: { asset: "USDC", tx_id: expect.stringMatching(/^0x[0-9a-f]{64}$/) as string },
  });
  expect(await world.network.usdcOf(buyer.address)).toBe(PURSE);
});

test.each(["before promise entry", "after promise entry", "signed", "sent"])(
  "a buyer that is killed at %s pays once",
  LIMIT,
  async (dieAt) => {
    const { buyer, options, price, folder: journalFolder } = await newPurchase({ usdc: PURSE });
    const { baseUrl, planId, idempotencyKey } = options;
    const esim = { planId, idempotencyKey };
    expect(await runBuyer({ baseUrl, journalFolder, dieAt, key: buyer.key, esim })).toBe("SIGKILL");
    const bought = await purchaseEsim(options);
    expect(bought.esim.activation_code).toMatch(/^LPA:1\$/);
    expect(await world.network.usdcOf(buyer.address)).toBe(PURSE - price);
  },
);

test(
  "two machines that share a key of the shop and no journal pay an order once",
  LIMIT,
  async () => {
    const { buyer, options, price } = await newPurchase({ usdc: PURSE });
    const apiKey = await world.newApiKey();
    const { planId: _plan, idempotencyKey: _key, ...rest } = { ...options, apiKey };
    const { orderId } = await createEsimOrder({ ...options, apiKey });
    const machines = [memoryJournal(), memoryJournal(), memoryJournal()];
    const bought = await Promise.all(
      machines.map((journal) => purchaseEsim({ ...rest, orderId, journal })),
    );
    expect(new Set(bought.map(({ esim }) => esim.iccid)).size).toBe(1);
    expect(await world.network.usdcOf(buyer.address)).toBe(PURSE - price);
  },
);

test("a shop that is killed while its buyer waits delivers all the same", LIMIT, async () => {
  const { buyer, options, price } = await newPurchase({ usdc: PURSE });
  const { port } = new URL(shop.url);
  let restarting = Promise.resolve();
  const bought = await purchaseEsim({
    ...options,
    onStep: ({ step }) => {
      if (step !== "sent") return;
      restarting = shop.kill().then(async () => {
        shop = await world.startShop({ VEND402_PORT: port });
      });
    },
  });
  await restarting;
  expect(bought.esim.activation_code).toMatch(/^LPA:1\$/);
  expect(await world.network.usdcOf(buyer.address)).toBe(PURSE - price);
});

test("an order is also paid by a plain transfer to its own address", LIMIT, async () => {
  const { chain } = world.network;
  const { buyer, options, price } = await newPurchase({ usdc: PURSE, native: 10n ** 18n });
  const { orderId, asked } = await createEsimOrder(options);
  const deposit = asked?.terms.deposits.find(({ type }) => type === "evm_deposit");
  expect(deposit).toMatchObject({ network: "eip155:137" });
  const to = deposit?.["address"] as `0x${string}`;
  await sendToken(chain, buyer, { token: chain.usdc, to, atomic: price });
  expect((await waitForEsim({ ...options, orderId })).activation_code).toMatch(/^LPA:1\$/);
  expect(await payEsimOrder({ ...options, orderId })).toBeNull();
  expect(await world.network.usdcOf(buyer.address)).toBe(PURSE - price);
});
