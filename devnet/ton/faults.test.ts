import { toNano } from "@ton/core";
import { JettonWallet, type TonClient } from "@ton/ton";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFault } from "./faults.ts";
import { startTonDevnet, type TonDevnet } from "./start.ts";
import { clientOf, type Purse, purseOf, signedPayment, strangerAddress } from "./test-clients.ts";

let devnet: TonDevnet;
let client: TonClient;
let payer: Purse;
const shop = strangerAddress();
const always = { times: Number.POSITIVE_INFINITY };

beforeEach(async () => {
  devnet = await startTonDevnet({ blockTimeMs: "instant" });
  client = clientOf(devnet);
  payer = await purseOf(devnet, { ton: toNano("10"), jetton: 100_000_000n });
});

afterEach(() => devnet.close());

function paid(): Promise<bigint> {
  return client.open(JettonWallet.create(devnet.jettonWalletOf(shop))).getBalance();
}

const payment = () => signedPayment(devnet, payer, { amountAtomic: 5n, to: shop });

test("a dropped request did nothing", async () => {
  devnet.faults.plan({ kind: "drop" }, { method: "sendBoc" });
  await expect(client.sendFile(payment())).rejects.toThrow("socket hang up");
  expect(await paid()).toBe(0n);
});

test("a dropped answer did everything, and sending it again is refused", async () => {
  const boc = payment();
  devnet.faults.plan({ kind: "drop_answer" }, { method: "sendBoc" });
  await expect(client.sendFile(boc)).rejects.toThrow("socket hang up");
  expect(await paid()).toBe(5n);
  await expect(client.sendFile(boc)).rejects.toThrow("500");
  expect(await paid()).toBe(5n);
});

test("a lost message is taken and never comes; it can be sent again", async () => {
  const boc = payment();
  devnet.faults.plan({ kind: "lose_message" });
  await client.sendFile(boc);
  expect(await paid()).toBe(0n);
  await client.sendFile(boc);
  expect(await paid()).toBe(5n);
});

test("a burst of errors ends when it is spent", async () => {
  devnet.faults.plan({ kind: "http_status", status: 429 }, { times: 2 });
  await expect(client.getMasterchainInfo()).rejects.toThrow("429");
  await expect(client.getMasterchainInfo()).rejects.toThrow("429");
  expect((await client.getMasterchainInfo()).latestSeqno).toBeGreaterThan(0);
});

test("an error of the API comes with its words", async () => {
  devnet.faults.plan({ kind: "api_error", code: 429, message: "Ratelimit exceed" });
  const error = await client.getBalance(shop).catch((reason: unknown) => reason);
  const data = { ok: false, error: "Ratelimit exceed", code: 429 };
  expect(error).toMatchObject({ response: { status: 429, data } });
});

test("a dead server stays dead until the plan is cleared, while the chain goes on", async () => {
  devnet.faults.plan({ kind: "drop" }, always);
  for (let tries = 0; tries < 3; tries += 1) {
    await expect(client.getBalance(shop)).rejects.toThrow("socket hang up");
  }
  await devnet.fund(shop, { ton: 7n });
  devnet.faults.clear();
  expect(await client.getBalance(shop)).toBe(7n);
});

test("a delayed answer comes, later than a client waits", async () => {
  devnet.faults.plan({ kind: "delay", delayMs: 400 }, { method: "getMasterchainInfo" });
  const call = { id: "1", jsonrpc: "2.0", method: "getMasterchainInfo", params: {} };
  const request = { method: "POST", body: JSON.stringify(call) };
  const signal = AbortSignal.timeout(50);
  await expect(fetch(devnet.url, { ...request, signal })).rejects.toThrow("timeout");
  devnet.faults.plan({ kind: "delay", delayMs: 10 }, { method: "getMasterchainInfo" });
  expect((await fetch(devnet.url, request)).status).toBe(200);
});

test("history that one server has pruned is in the archive", async () => {
  const wallet = devnet.jettonWalletOf(payer.address);
  devnet.faults.plan({ kind: "pruned_history" }, always);
  const error = await client
    .getTransactions(wallet, { limit: 1 })
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    response: { data: { error: "LITE_SERVER_NOTREADY: block is not in db" } },
  });
  expect(await client.getTransactions(wallet, { limit: 1, archival: true })).toHaveLength(1);
});

test("a fault that is none is told with those there are", () => {
  expect(readFault({ kind: "delay" })).toEqual({ kind: "delay", delayMs: 1000 });
  expect(readFault({ kind: "api_error", code: 429 })).toMatchObject({ code: 429 });
  expect(() => readFault({ kind: "toString" })).toThrow("one of drop, drop_answer, lose_message");
});
