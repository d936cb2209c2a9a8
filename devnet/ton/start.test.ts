import { Cell, toNano } from "@ton/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTonDevnet, type TonDevnet } from "./start.ts";
import { clientOf, purseOf, signedPayment, strangerAddress } from "./test-clients.ts";

let devnet: TonDevnet;
beforeEach(async () => {
  devnet = await startTonDevnet({ blockTimeMs: "manual" });
});
afterEach(() => devnet.close());

interface Answer {
  readonly ok: boolean;
  readonly result: unknown;
  readonly error?: string;
}

async function get(path: string, init?: RequestInit): Promise<[number, Answer]> {
  const response = await fetch(new URL(path, devnet.url), init);
  return [response.status, (await response.json()) as Answer];
}

async function control(path: string, body: unknown, method = "POST"): Promise<[number, unknown]> {
  return get(`/__devnet/${path}`, { method, body: JSON.stringify(body) });
}

function rpc(method: string, params: unknown): Promise<[number, Answer]> {
  return get("/api/v2/jsonRPC", {
    method: "POST",
    body: JSON.stringify({ id: "1", jsonrpc: "2.0", method, params }),
  });
}

test("nothing runs on after close, and the port is free again", async () => {
  const port = Number(new URL(devnet.url).port);
  await expect(startTonDevnet({ port })).rejects.toThrow("EADDRINUSE");
  await devnet.close();
  await expect(fetch(devnet.url)).rejects.toThrow("fetch failed");
  devnet = await startTonDevnet({ port, blockTimeMs: "manual" });
  expect(new URL(devnet.url).port).toBe(String(port));
});

test("two chains in one process know nothing of each other", async () => {
  const other = await startTonDevnet({ blockTimeMs: "manual" });
  const account = strangerAddress();
  await devnet.fund(account, { ton: 5n });
  expect(await clientOf(devnet).getBalance(account)).toBe(5n);
  expect(await clientOf(other).getBalance(account)).toBe(0n);
  await other.close();
});

test("the API is at URLs too, by GET and by POST", async () => {
  const account = strangerAddress();
  await devnet.fund(account, { ton: 5n });
  const path = "/api/v2/getAddressBalance";
  expect(await get(`${path}?address=${account.toRawString()}`)).toMatchObject([
    200,
    { ok: true, result: "5" },
  ]);
  const body = JSON.stringify({ address: account.toString() });
  expect(await get(path, { method: "POST", body })).toMatchObject([200, { result: "5" }]);
  const [, state] = await get(`/api/v2/getAddressState?address=${account.toString()}`);
  expect(state.result).toBe("uninitialized");
});

test("get-methods take and give every kind of value", async () => {
  const owner = strangerAddress();
  await devnet.fund(owner, { jetton: 5n });
  const wallet = devnet.jettonWalletOf(owner);
  const { stack } = await clientOf(devnet).runMethod(wallet, "get_wallet_data");
  expect(stack.readBigNumber()).toBe(5n);
  expect(stack.readAddress().equals(owner)).toBe(true);
  expect(stack.readAddress().equals(devnet.minter)).toBe(true);
  expect(stack.readCell()).toBeInstanceOf(Cell);
});

test("a method that is not there, and an account without code, have the exit codes they have elsewhere", async () => {
  const run = (address: string) => rpc("runGetMethod", { address, method: "no_such", stack: [] });
  expect(await run(devnet.minter.toString())).toMatchObject([200, { result: { exit_code: 11 } }]);
  expect(await run(strangerAddress().toString())).toMatchObject([
    200,
    { result: { exit_code: -13 } },
  ]);
  const call = clientOf(devnet).runMethod(strangerAddress(), "seqno");
  await expect(call).rejects.toThrow("exit_code: -13");
});

test.each([
  ["getAddressInformation", {}, 422, "address is missing"],
  ["getAddressInformation", { address: "EQnonsense" }, 422, "address is no address"],
  ["getTransactions", { address: "0:00", lt: "1" }, 422, "address is no address"],
  [
    "runGetMethod",
    { address: `0:${"0".repeat(64)}`, method: "x", stack: [["what", 1]] },
    422,
    "stack item",
  ],
  ["sendBoc", { boc: "AAAA" }, 422, "failed to parse boc"],
  ["sendBoc", { boc: Cell.EMPTY.toBoc().toString("base64") }, 422, "failed to parse boc"],
  ["getBlockHeader", { workchain: -1, seqno: 999 }, 500, "not in db"],
  [
    "tryLocateTx",
    { source: `0:${"0".repeat(64)}`, destination: `0:${"0".repeat(64)}`, created_lt: "1" },
    404,
    "locate",
  ],
  ["constructor", {}, 404, "no method constructor"],
])("%s with %j is told to be wrong", async (method, params, status, message) => {
  const [code, answer] = await rpc(method, params);
  expect(code).toBe(status);
  expect(answer).toMatchObject({ ok: false, code: status });
  expect(answer.error).toContain(message);
});

test("what is no call at all is told so", async () => {
  expect((await get("/api/v3/masterchainInfo"))[0]).toBe(404);
  expect((await get("/api/v2/jsonRPC", { method: "POST", body: "{" }))[0]).toBe(422);
  expect((await get("/api/v2/jsonRPC", { method: "POST", body: "{}" }))[0]).toBe(422);
});

test("programs on this machine control the chain over HTTP", async () => {
  const payer = await purseOf(devnet, { ton: toNano("1") });
  const address = payer.address.toString();
  expect((await control("fund", { address, jetton: "100" }))[0]).toBe(200);
  await clientOf(devnet).sendFile(
    signedPayment(devnet, payer, { amountAtomic: 5n, to: strangerAddress() }),
  );
  const before = devnet.latestBlock();
  expect(await control("blocks", { count: 2, advanceSeconds: 60 })).toMatchObject([
    200,
    { latestBlock: before + 2, waiting: 0, faults: [] },
  ]);
  await control("lock", { address, lock: "sending" });
  const wallet = devnet.jettonWalletOf(payer.address);
  const { stack } = await clientOf(devnet).runMethod(wallet, "get_status");
  expect(stack.readNumber()).toBe(1);
  await control("history", { isForGood: true });
  const history = clientOf(devnet).getTransactions(wallet, { limit: 1, archival: true });
  await expect(history).rejects.toThrow("500");
});

test("faults are planned and taken back over HTTP", async () => {
  const fault = { kind: "http_status", status: 503 };
  const planned = { fault, method: "getMasterchainInfo", times: "always" };
  expect(await control("faults", planned)).toMatchObject([200, { faults: [planned] }]);
  await expect(clientOf(devnet).getMasterchainInfo()).rejects.toThrow("503");
  expect(await get("/__devnet/faults", { method: "DELETE" })).toMatchObject([200, { faults: [] }]);
  expect((await clientOf(devnet).getMasterchainInfo()).latestSeqno).toBe(devnet.latestBlock());
});

test("the lite server's faults are planned apart, and lies are told back as they were planned", async () => {
  const behind = { fault: { kind: "behind", blocks: 2 }, method: null, times: 1 };
  const fault = { kind: "false_state", hiddenFromLt: "5", laterSeconds: 60 };
  await control("faults", { fault });
  const planned = [
    { fault, method: "getAddressInformation", times: 1 },
    { ...behind, server: "lite" },
  ];
  const answer = await control("faults", { ...behind, server: "lite" });
  expect(answer).toMatchObject([200, { faults: planned }]);
  expect(devnet.liteFaults.planned()).toHaveLength(1);
  expect(await get("/__devnet/faults", { method: "DELETE" })).toMatchObject([200, { faults: [] }]);
});

test.each([
  ["faults", { server: "lite", fault: { kind: "http_status" } }, "one of drop"],
  ["fund", { address: "me" }, "no address"],
  ["fund", { address: `0:${"0".repeat(64)}`, ton: 5 }, "base units as text"],
  ["lock", { address: `0:${"0".repeat(64)}`, lock: "tight" }, "none, sending, receiving, both"],
  ["blocks", { count: -1 }, "non-negative integer"],
  ["faults", { fault: { kind: "nothing" } }, "unknown fault"],
])("a control that cannot be carried out is told why: %s %j", async (path, body, message) => {
  const [status, answer] = await control(path, body);
  expect(status).toBe(400);
  expect(JSON.stringify(answer)).toContain(message);
});

test("pages in a browser control nothing", async () => {
  const headers = { origin: "http://example.com" };
  expect((await get("/__devnet", { headers }))[0]).toBe(403);
  expect((await get("/__devnet/nothing"))[0]).toBe(404);
});
