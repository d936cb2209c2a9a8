/** Paying on TON: the real server's requests, the shop's own rail as the judge, a local chain that carries it out. */
import { randomBytes } from "node:crypto";
import { toNano } from "@ton/core";
import { keyPairFromSeed } from "@ton/crypto";
import { WalletContractV5R1 } from "@ton/ton";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { systemClock } from "../../../src/clock.ts";
import { createLog } from "../../../src/log.ts";
import type { Authorization, Rail } from "../../../src/rails/rail.ts";
import { tonJetton } from "../../../src/rails/ton-jetton/index.ts";
import { InvalidOptionError, NetworkError } from "../errors.ts";
import { PaymentFailedError } from "../pay/errors.ts";
import { errorOf, openEsimStage, type EsimStage } from "../testing/esim-stage.ts";
import { createEsimOrder, payEsimOrder, purchaseEsim } from "./buy.ts";
import { tonKeySigner } from "./ton.ts";

let stage: TonStage;
let rail: Rail;

beforeAll(async () => {
  stage = await openTonStage();
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  rail = tonJetton.open(stage.config(), { clock: systemClock, log });
});
afterAll(() => stage.close());

/** A shop whose one x402 rail is the real one of TON. */
async function openShop(): Promise<EsimStage> {
  const { id, assets, x402 } = rail;
  if (x402 === undefined) throw new Error("the rail takes no promises");
  const [network = ""] = id.split("/");
  return openEsimStage({
    wrap: (deps) => ({
      ...deps,
      rails: [
        ...deps.rails.filter((each) => each.x402 === undefined),
        {
          id,
          kind: "ton-jetton",
          assets,
          confirmations: null,
          x402,
          instructions: (order) => {
            const accepts = x402.terms(order);
            return accepts.length === 0 ? null : { type: "x402", network, accepts };
          },
        },
      ],
      pricing: (priced, nowMs) =>
        priced.id.startsWith(network) ? { kind: "dollar" } : deps.pricing(priced, nowMs),
    }),
  });
}

/** A buyer whose wallet is not on chain yet and holds no TON. */
async function newBuyer(shop: EsimStage, atomic = 5_000_000n) {
  const seed = randomBytes(32);
  const { publicKey } = keyPairFromSeed(seed);
  const { address } = WalletContractV5R1.create({ workchain: 0, publicKey });
  if (atomic > 0n) await stage.devnet.fund(address, { jetton: atomic });
  const { account: _account, ...options } = shop.buyer();
  const [network = ""] = rail.id.split("/");
  const tokens = [
    { network, address: stage.devnet.minter.toRawString(), symbol: "USDT", decimals: 6 },
  ];
  const signer = tonKeySigner(seed.toString("hex"));
  return { address, options: { ...options, tokens, ton: { signer, rpcUrl: stage.devnet.url } } };
}

/** The stored promise of an order, carried out by the rail as the shop's worker does. */
async function settle(shop: EsimStage, orderId: string): Promise<void> {
  const [row] = await shop.promises(orderId);
  if (row === undefined) throw new Error("no promise is stored");
  const { ref, from, validUntilMs, body, atomic } = row;
  const [asset] = rail.assets;
  if (asset === undefined) throw new Error("the rail has no asset");
  const authorization: Authorization = { ref, from, validUntilMs, body, amount: { asset, atomic } };
  expect(await rail.x402?.settle(authorization)).toMatchObject({ kind: "done" });
}

test("a wallet without any TON pays; the chain credits the shop with exactly the price", async () => {
  const shop = await openShop();
  const { address, options } = await newBuyer(shop);
  const { orderId } = await createEsimOrder(options);
  const payment = await payEsimOrder({ ...options, orderId });
  expect(payment).toMatchObject({ asset: "USDT", amount: "2.04", payer: address.toRawString() });
  const before = await stage.held(stage.treasury);
  await settle(shop, orderId);
  await expect.poll(() => stage.held(stage.treasury)).toBe(before + 2_040_000n);
  expect(await stage.held(address)).toBe(2_960_000n);
});

test("a wallet that is on chain already pays with its next sequence number", async () => {
  const shop = await openShop();
  const { address, options } = await newBuyer(shop);
  await stage.devnet.fund(address, { ton: toNano("1") });
  for (const left of [2_960_000n, 920_000n]) {
    const { orderId } = await createEsimOrder(options);
    await payEsimOrder({ ...options, orderId });
    await settle(shop, orderId);
    await expect.poll(() => stage.held(address)).toBe(left);
  }
});

test("sent again after a lost answer it is the same promise, and a second one is not signed", async () => {
  const shop = await openShop();
  const { options } = await newBuyer(shop);
  const { orderId } = await createEsimOrder(options);
  await payEsimOrder({ ...options, orderId });
  await payEsimOrder({ ...options, orderId });
  expect(shop.sent).toHaveLength(1);
  expect(await shop.promises(orderId)).toHaveLength(1);
});

test("a wallet that holds too little is told so", async () => {
  const shop = await openShop();
  const { options } = await newBuyer(shop, 2_039_999n);
  const error = await errorOf(purchaseEsim(options));
  expect(error).toBeInstanceOf(PaymentFailedError);
  expect(error).toMatchObject({ reason: "insufficient_funds" });
});

test("a jetton that nobody vouches for is not paid", async () => {
  const shop = await openShop();
  const { options } = await newBuyer(shop);
  const error = await errorOf(purchaseEsim({ ...options, tokens: [] }));
  expect(error.code).toBe("wrong_asset");
});

test("a TON server that cannot be reached is a network error, and nothing is signed", async () => {
  const shop = await openShop();
  const { options } = await newBuyer(shop);
  const ton = { ...options.ton, rpcUrl: "http://127.0.0.1:9/" };
  expect(await errorOf(purchaseEsim({ ...options, ton }))).toBeInstanceOf(NetworkError);
  expect(shop.sent).toEqual([]);
});

test.each(["", "00", "zz".repeat(32), "ab".repeat(33)])("%j is no TON key", (seed) => {
  expect(() => tonKeySigner(seed)).toThrow(InvalidOptionError);
});

test("the same key as the TON packages' own", () => {
  const seed = randomBytes(32);
  const { publicKey } = keyPairFromSeed(seed);
  expect(Buffer.from(tonKeySigner(seed).publicKey)).toEqual(publicKey);
});
