/** The client against the real server, the real contract and the local chain. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import ows from "@open-wallet-standard/core";
import { Operation } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ShopProcess } from "../../tests/world/shop-process.ts";
import { createWorld, type World } from "../../tests/world/world.ts";
import { purchaseCard, purchaseCardOWS } from "./buy.ts";
import { createClient } from "./client.ts";
import { OrderFailedError } from "./errors.ts";
import { memoryJournal } from "./journal.ts";
import { keypairSigner, owsSigner } from "./signer.ts";

let world: World;
let shop: ShopProcess;
let port: string;
let apiKey: string;

/** A port that stays the same when the shop starts again. */
async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: found } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return String(found);
}

beforeAll(async () => {
  world = await createWorld({ closeEveryMs: 200 });
  apiKey = await world.newApiKey();
  port = await freePort();
  shop = await world.startShop({ VEND402_PORT: port });
}, 120_000);

afterAll(async () => {
  await shop.stop();
  await world.close();
});

function options() {
  const { devnet, cast } = world.network;
  return {
    baseUrl: shop.url,
    apiKey,
    journal: memoryJournal(),
    deadlineMs: 60_000,
    network: {
      passphrase: devnet.passphrase,
      rpcUrl: devnet.url,
      usdcIssuer: cast.issuer.publicKey(),
    },
  };
}

test("one call buys a card with USDC, step by step", { timeout: 90_000 }, async () => {
  const payer = await world.network.newPayer("50");
  const bought = await purchaseCard({
    ...options(),
    signer: keypairSigner(payer.secret()),
    amountUsdc: "10.00",
  });
  expect(bought.card.number).toMatch(/^\d{16}$/);
  expect(bought.payment).toMatchObject({ asset: "usdc", amount: "10.00" });
  const told = bought.steps.map(({ step }) => step);
  expect(told.filter((step) => step !== "ledger")).toEqual([
    "quote",
    "signed",
    "sent",
    "processing",
    "delivered",
  ]);
  const [listed] = await createClient(options()).listOrders({ limit: 1 });
  expect(listed).toMatchObject({ id: bought.orderId, status: "delivered" });
  expect((await createClient(options()).usage()).orders.delivered).toBe(1);
});

test("a vault's wallet buys with XLM", { timeout: 90_000 }, async () => {
  const vault = mkdtempSync(path.join(tmpdir(), "vend402-vault-"));
  onTestFinished(() => rmSync(vault, { recursive: true }));
  ows.createWallet("agent", "pass", 12, vault);
  const wallet = { wallet: "agent", credential: "pass", vault };
  const { publicKey } = await owsSigner(wallet);
  const { network } = world;
  await network.send(network.cast.keeper, [
    Operation.createAccount({ destination: publicKey, startingBalance: "200" }),
  ]);
  const bought = await purchaseCardOWS({ ...options(), ...wallet, amountUsdc: "5.00" });
  expect(bought.card.number).toMatch(/^\d{16}$/);
  expect(bought.payment?.asset).toBe("xlm");
});

test(
  "what cannot be delivered comes back, and the error names the refund",
  { timeout: 90_000 },
  async () => {
    const payer = await world.network.newPayer("50");
    // This face value is out of stock at the simulated supplier.
    const buying = purchaseCard({
      ...options(),
      signer: keypairSigner(payer.secret()),
      amountUsdc: "13.13",
    });
    const error = await buying.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(OrderFailedError);
    expect(error).toMatchObject({
      refund: { amount: "13.13", stellar_txid: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    });
    expect((await world.network.balances(payer.publicKey())).usdc).toBe(500_000_000n);
  },
);

test(
  "a shop that is killed and started again while its buyer waits delivers all the same",
  { timeout: 90_000 },
  async () => {
    const payer = await world.network.newPayer("50");
    let restarting = Promise.resolve();
    const bought = await purchaseCard({
      ...options(),
      signer: keypairSigner(payer.secret()),
      amountUsdc: "10.00",
      pollMs: 100,
      onStep({ step }) {
        if (step !== "sent") return;
        restarting = shop.kill().then(async () => {
          shop = await world.startShop({ VEND402_PORT: port });
        });
      },
    });
    await restarting;
    expect(bought.card.number).toMatch(/^\d{16}$/);
    expect((await world.network.balances(payer.publicKey())).usdc).toBe(400_000_000n);
  },
);

test(
  "a purchase repeated by key, by id and from an empty journal stays one purchase",
  { timeout: 90_000 },
  async () => {
    const payer = await world.network.newPayer("50");
    const signer = keypairSigner(payer.secret());
    const first = await purchaseCard({
      ...options(),
      signer,
      amountUsdc: "10.00",
      idempotencyKey: "errand-1",
    });
    const byKey = await purchaseCard({
      ...options(),
      signer,
      amountUsdc: "10.00",
      idempotencyKey: "errand-1",
    });
    const byId = await purchaseCard({ ...options(), signer, orderId: first.orderId });
    for (const again of [byKey, byId])
      expect(again).toMatchObject({ orderId: first.orderId, card: first.card, payment: null });
    expect((await world.network.balances(payer.publicKey())).usdc).toBe(400_000_000n);
  },
);
