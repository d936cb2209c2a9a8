import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import ows from "@open-wallet-standard/core";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { payOrder, purchaseCard, purchaseCardOWS, type PurchaseCardOptions } from "./buy.ts";
import { createClient } from "./client.ts";
import {
  IdempotencyConflictError,
  OrderFailedError,
  ShopUnavailableError,
  WaitTimeoutError,
} from "./errors.ts";
import { fileJournal, memoryJournal } from "./journal.ts";
import { owsSigner } from "./signer.ts";
import { answerJson, API_KEY, CARD, ORDER_ID, startPeer } from "./testing/peer.ts";
import { openPayStage, startPeerShop, type PayStage, type PeerShop } from "./testing/stage.ts";

let place: PayStage;

beforeAll(async () => {
  place = await openPayStage();
});
beforeEach(() => place.pace(50));
afterAll(() => place.close());

const AMOUNT = "10.00";

function optionsFor(shop: PeerShop) {
  return {
    baseUrl: shop.baseUrl,
    apiKey: API_KEY,
    network: place.network,
    journal: memoryJournal(),
    deadlineMs: 20_000,
    pollMs: 50,
  };
}

test("one call buys a card with USDC and tells each step once, in order", async () => {
  const shop = await startPeerShop(place);
  const { signer } = place.newSigner("50");
  const told: string[] = [];
  const bought = await purchaseCard({
    ...optionsFor(shop),
    signer,
    amountUsdc: AMOUNT,
    onStep: ({ step }) => told.push(step),
  });
  expect(bought.card).toEqual(CARD);
  expect(bought.payment).toMatchObject({ asset: "usdc", amount: "10.00" });
  const [event, ...others] = place.paymentsOf(bought.orderId);
  expect(others).toEqual([]);
  expect(event?.txHash).toBe(bought.payment?.hash);
  expect(told.filter((step) => step !== "ledger")).toEqual([
    "quote",
    "signed",
    "sent",
    "delivered",
  ]);
  expect(bought.steps.map(({ step }) => step)).toEqual(told);
  expect(bought.steps.every(({ atMs }, at) => atMs >= (bought.steps[at - 1]?.atMs ?? 0))).toBe(
    true,
  );
});

test("a wallet that holds no USDC pays in XLM, unless told otherwise", async () => {
  const shop = await startPeerShop(place);
  const { signer } = place.newSigner();
  const options = { ...optionsFor(shop), signer, amountUsdc: AMOUNT };
  const error = await purchaseCard({ ...options, asset: "usdc" }).catch(
    (caught: unknown) => caught,
  );
  expect(error).toMatchObject({
    code: "missing_trustline",
    purchase: { orderId: shop.orderIds[0] },
  });
  const bought = await purchaseCard(options);
  expect(bought.payment).toMatchObject({ asset: "xlm", amount: "64.516129" });
  expect(place.paymentsOf(bought.orderId)).toHaveLength(1);
});

test("a wallet of a vault buys a card with one call", async () => {
  const shop = await startPeerShop(place);
  const vault = mkdtempSync(path.join(tmpdir(), "vend402-vault-"));
  onTestFinished(() => rmSync(vault, { recursive: true }));
  ows.createWallet("agent", "pass", 12, vault);
  const { publicKey } = await owsSigner({ wallet: "agent", credential: "pass", vault });
  place.stage.run(
    place.stage.keeper,
    (await import("@stellar/stellar-sdk")).Operation.createAccount({
      destination: publicKey,
      startingBalance: "500",
    }),
  );
  const bought = await purchaseCardOWS({
    ...optionsFor(shop),
    wallet: "agent",
    credential: "pass",
    vault,
    amountUsdc: AMOUNT,
  });
  expect(bought.card).toEqual(CARD);
  expect(bought.payment?.asset).toBe("xlm");
});

test("a failed order throws with its refund", async () => {
  const shop = await startPeerShop(place, { fate: "refunded" });
  const { signer } = place.newSigner("50");
  const error = await purchaseCard({
    ...optionsFor(shop),
    signer,
    amountUsdc: AMOUNT,
    idempotencyKey: "k",
  }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(OrderFailedError);
  expect(error).toMatchObject({
    refund: { stellar_txid: "cd".repeat(32) },
    purchase: {
      orderId: shop.orderIds[0],
      idempotencyKey: "k",
      paymentHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    },
  });
});

test("a held order is paid once its owner agrees", async () => {
  let isApproved = false;
  const shop = await startPeerShop(place, { isApproved: () => isApproved });
  const { signer } = place.newSigner("50");
  const told: string[] = [];
  const buying = purchaseCard({
    ...optionsFor(shop),
    signer,
    amountUsdc: AMOUNT,
    onStep({ step }) {
      told.push(step);
      if (step === "approval") setTimeout(() => (isApproved = true), 200);
    },
  });
  await expect(buying).resolves.toMatchObject({ card: CARD });
  expect(told.slice(0, 3)).toEqual(["approval", "quote", "signed"]);
});

test("a sandbox order needs no payment, and its wallet is never asked", async () => {
  const sandbox = {
    order_id: ORDER_ID,
    status: "delivered",
    phase: "ready",
    amount_usdc: "10.00",
    sandbox: true,
    card: CARD,
  };
  const shop = await startPeer((_request, response) => answerJson(response, 201, sandbox));
  const signer = {
    publicKey: "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
    signHash: () => Promise.reject(new Error("asked to sign")),
  };
  const bought = await purchaseCard({
    baseUrl: shop.baseUrl,
    apiKey: API_KEY,
    signer,
    amountUsdc: "10.00",
    journal: memoryJournal(),
  });
  expect(bought).toMatchObject({ card: CARD, payment: null, orderId: ORDER_ID });
  expect(shop.requests).toHaveLength(1);
});

test("nothing is signed when the shop cannot sell", async () => {
  const shop = await startPeer((_request, response) =>
    answerJson(
      response,
      503,
      { error: "service_temporarily_unavailable", message: "No cards." },
      { "Retry-After": "60" },
    ),
  );
  const { signer } = place.newSigner("50");
  const error = await purchaseCard({
    ...optionsFor(shop as PeerShop),
    signer,
    amountUsdc: AMOUNT,
    idempotencyKey: "k-5",
  }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ShopUnavailableError);
  expect(error).toMatchObject({
    retryAfterS: 60,
    purchase: { orderId: null, idempotencyKey: "k-5", paymentHash: null },
  });
});

test("the same key again waits for its own order instead of ordering or paying", async () => {
  const shop = await startPeerShop(place);
  const { signer } = place.newSigner("50");
  const options = { ...optionsFor(shop), signer, amountUsdc: "10", idempotencyKey: "once" };
  const first = await purchaseCard(options);
  const posts = () => shop.requests.filter(({ method }) => method === "POST").length;
  expect(posts()).toBe(1);
  const again = await purchaseCard({ ...options, amountUsdc: "10.00" });
  expect(again).toMatchObject({ orderId: first.orderId, card: CARD });
  expect(posts()).toBe(1);
  const byId = await purchaseCard({ ...optionsFor(shop), signer, orderId: first.orderId });
  expect(byId).toMatchObject({ orderId: first.orderId, idempotencyKey: null, payment: null });
  expect(place.paymentsOf(first.orderId)).toHaveLength(1);
  await expect(purchaseCard({ ...options, amountUsdc: "11" })).rejects.toThrow(
    IdempotencyConflictError,
  );
  expect(shop.orderIds).toHaveLength(1);
});

test("two calls with the same key at the same time pay once", async () => {
  const shop = await startPeerShop(place);
  const { signer } = place.newSigner("50");
  const folder = place.newFolder();
  const buy = () =>
    purchaseCard({
      ...optionsFor(shop),
      journal: fileJournal(folder),
      signer,
      amountUsdc: AMOUNT,
      idempotencyKey: "twin",
    });
  const bought = await Promise.all([buy(), buy(), buy()]);
  expect(new Set(bought.map(({ orderId }) => orderId)).size).toBe(1);
  expect(place.paymentsOf(bought[0].orderId)).toHaveLength(1);
});

test("one wallet buys several cards at once", async () => {
  const shop = await startPeerShop(place);
  const { signer } = place.newSigner("50");
  const bought = await Promise.all(
    [1, 2, 3, 4].map(() => purchaseCard({ ...optionsFor(shop), signer, amountUsdc: AMOUNT })),
  );
  expect(new Set(bought.map(({ payment }) => payment?.hash)).size).toBe(4);
  for (const { orderId } of bought) expect(place.paymentsOf(orderId)).toHaveLength(1);
});

test("a resumed purchase without its journal sees on chain that it was paid", async () => {
  let isBlind = false;
  const shop = await startPeerShop(place, { isBlind: () => isBlind });
  const { signer } = place.newSigner("50");
  const options = { ...optionsFor(shop), signer, amountUsdc: AMOUNT, idempotencyKey: "lost" };
  isBlind = true;
  await expect(purchaseCard({ ...options, deadlineMs: 1_500 })).rejects.toThrow(WaitTimeoutError);
  const [orderId = ""] = shop.orderIds;
  expect(place.paymentsOf(orderId)).toHaveLength(1);
  setTimeout(() => (isBlind = false), 500);
  const bought = await purchaseCard({ ...options, journal: memoryJournal() });
  expect(bought.card).toEqual(CARD);
  expect(place.paymentsOf(orderId)).toHaveLength(1);
});

test("an order is created, paid and awaited in three calls", async () => {
  const shop = await startPeerShop(place, { fate: "processing" });
  const { signer } = place.newSigner("50");
  const options = optionsFor(shop);
  const { order_id: orderId } = await createClient(options).createOrder({ amountUsdc: AMOUNT });
  const receipt = await payOrder({ ...options, orderId, signer });
  expect(receipt).toMatchObject({ asset: "usdc", amount: "10.00" });
  const again = await payOrder({ ...options, orderId, signer });
  expect(again).toBeNull();
  expect(place.paymentsOf(orderId)).toHaveLength(1);
});

test("an aborted signal ends the purchase with its own reason and can be continued", async () => {
  const shop = await startPeerShop(place);
  const { signer } = place.newSigner("50");
  place.pace(null);
  const stop = new AbortController();
  const reason = new Error("enough");
  const options = {
    ...optionsFor(shop),
    signer,
    amountUsdc: AMOUNT,
    idempotencyKey: "k",
  } satisfies PurchaseCardOptions;
  await expect(
    purchaseCard({
      ...options,
      signal: stop.signal,
      onStep: ({ step }) => step === "sent" && stop.abort(reason),
    }),
  ).rejects.toBe(reason);
  place.pace(50);
  const bought = await purchaseCard(options);
  expect(place.paymentsOf(bought.orderId)).toHaveLength(1);
});
