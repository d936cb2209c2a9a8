import { parseEther } from "viem";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readFault } from "./faults.ts";
import { type EvmDevnet, startEvmDevnet } from "./start.ts";
import { clientOf, type Wallet, walletOf } from "./test-clients.ts";

let devnet: EvmDevnet;
let payer: Wallet;
const payee = "0x00000000000000000000000000000000005ea501";

beforeEach(async () => {
  devnet = await startEvmDevnet({ blockTimeMs: "instant" });
  payer = walletOf(devnet, 0);
});

afterEach(() => devnet.close());

async function signed(): Promise<`0x${string}`> {
  const request = await payer.prepareTransactionRequest({ to: payee, value: parseEther("1") });
  return payer.signTransaction(request);
}

const paid = () => clientOf(devnet).getBalance({ address: payee });

test("a dropped request did nothing", async () => {
  const serializedTransaction = await signed();
  devnet.faults.plan({ kind: "drop" }, { method: "eth_sendRawTransaction" });
  await expect(payer.sendRawTransaction({ serializedTransaction })).rejects.toThrow("fetch failed");
  expect(await paid()).toBe(0n);
  await payer.sendRawTransaction({ serializedTransaction });
  expect(await paid()).toBe(parseEther("1"));
});

test("a dropped answer did everything", async () => {
  const serializedTransaction = await signed();
  devnet.faults.plan({ kind: "drop_answer" }, { method: "eth_sendRawTransaction" });
  await expect(payer.sendRawTransaction({ serializedTransaction })).rejects.toThrow("fetch failed");
  expect(await paid()).toBe(parseEther("1"));
});

test("a lost transaction has a hash and never comes", async () => {
  const serializedTransaction = await signed();
  devnet.faults.plan({ kind: "lose_transaction" });
  const hash = await payer.sendRawTransaction({ serializedTransaction });
  expect(await payer.sendRawTransaction({ serializedTransaction })).toBe(hash);
  expect((await payer.getTransactionReceipt({ hash })).status).toBe("success");
});

test("a server that lags behind has no receipt yet", async () => {
  const hash = await payer.sendTransaction({ to: payee, value: 1n });
  devnet.faults.plan({ kind: "no_receipt" });
  await expect(payer.getTransactionReceipt({ hash })).rejects.toThrow("could not be found");
  expect((await payer.getTransactionReceipt({ hash })).status).toBe("success");
});

test("a burst of server errors ends when it is spent", async () => {
  const client = clientOf(devnet);
  devnet.faults.plan({ kind: "http_status", status: 503 }, { times: 2 });
  await expect(client.getChainId()).rejects.toThrow("503");
  await expect(client.getChainId()).rejects.toThrow("503");
  expect(await client.getChainId()).toBe(137);
});

test("a dead server stays dead until the plan is cleared, while the chain goes on", async () => {
  const client = clientOf(devnet);
  devnet.faults.plan({ kind: "drop" }, { times: Number.POSITIVE_INFINITY });
  for (let tries = 0; tries < 3; tries += 1) {
    await expect(client.getChainId()).rejects.toThrow("fetch failed");
  }
  await devnet.mine();
  expect(await devnet.latestBlock()).toBe(1);
  devnet.faults.clear();
  expect(await client.getChainId()).toBe(137);
});

test("a delayed answer comes, later than a client waits", async () => {
  devnet.faults.plan({ kind: "delay", delayMs: 400 }, { method: "eth_chainId" });
  const impatient = post({ id: 1, method: "eth_chainId" }, AbortSignal.timeout(50));
  await expect(impatient).rejects.toThrow("timeout");
  devnet.faults.plan({ kind: "delay", delayMs: 10 }, { method: "eth_chainId" });
  expect(await post({ id: 1, method: "eth_chainId" })).toMatchObject({ result: "0x89" });
});

test("an error of the server's own reaches the caller with its code", async () => {
  devnet.faults.plan({ kind: "rpc_error", code: -32005, message: "limit exceeded" });
  const error = { code: -32005, message: "limit exceeded" };
  expect(await post({ id: 7, method: "eth_chainId" })).toEqual({ jsonrpc: "2.0", id: 7, error });
});

test("in a batch, only the call it was planned for fails", async () => {
  devnet.faults.plan({ kind: "rpc_error", code: -1, message: "no" }, { method: "eth_gasPrice" });
  const calls = ["eth_chainId", "eth_gasPrice", "eth_blockNumber"];
  const answers = await post(calls.map((method, id) => ({ id, method })));
  expect(answers).toMatchObject([{ id: 0, result: "0x89" }, { error: { code: -1 } }, { id: 2 }]);
});

async function post(calls: object | readonly object[], signal?: AbortSignal): Promise<unknown> {
  const versioned = (call: object) => ({ jsonrpc: "2.0", params: [], ...call });
  const body = JSON.stringify(Array.isArray(calls) ? calls.map(versioned) : versioned(calls));
  const headers = { "content-type": "application/json" };
  const response = await fetch(devnet.url, {
    method: "POST",
    headers,
    body,
    ...(signal && { signal }),
  });
  return response.json();
}

test("what is no JSON is told so", async () => {
  const response = await fetch(devnet.url, { method: "POST", body: "{" });
  expect(await response.json()).toMatchObject({ error: { code: -32700 } });
});

async function control(
  method: string,
  path: string,
  body: object | null = null,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`${devnet.url}/__devnet${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

test("faults, blocks, reorgs and gifts can be had over HTTP", async () => {
  const fault = { kind: "http_status", status: 429 };
  const planned = await control("POST", "/faults", { fault, times: "always" });
  expect(planned).toMatchObject({ status: 200, body: { faults: [{ fault, times: "always" }] } });
  await expect(clientOf(devnet).getChainId()).rejects.toThrow("429");
  expect((await control("DELETE", "/faults")).body).toMatchObject({ faults: [] });

  const mined = await control("POST", "/blocks", { count: 3, advanceSeconds: 60 });
  expect(mined.body).toMatchObject({ latestBlock: 3 });
  const { hash } = await clientOf(devnet).getBlock();
  await control("POST", "/reorg", { depth: 1 });
  expect((await clientOf(devnet).getBlock()).hash).not.toBe(hash);
  await control("POST", "/fund", { address: payee, native: "5" });
  expect(await paid()).toBe(5n);
});

test("the controls refuse what they do not understand, and pages of a browser", async () => {
  expect((await control("POST", "/faults", { fault: { kind: "fire" } })).status).toBe(400);
  expect((await control("POST", "/fund", { address: "me" })).status).toBe(400);
  expect((await control("POST", "/nothing")).status).toBe(404);
  const page = await control("GET", "", null, { origin: "https://example.com" });
  expect(page.status).toBe(403);
});

test("a fault that is none is named", () => {
  expect(() => readFault({ kind: "toString" })).toThrow("unknown fault toString");
  expect(readFault({ kind: "delay" })).toEqual({ kind: "delay", delayMs: 1000 });
});
