import { Asset, Keypair, Operation, TransactionBuilder, Account } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fundAccounts } from "../friendbot.ts";
import { startStellarDevnet, type StellarDevnet } from "../start.ts";
import { type Answer, call, post } from "./test-client.ts";

let devnet: StellarDevnet;
let url: string;

beforeAll(async () => {
  devnet = await startStellarDevnet({ closeEveryMs: "manual", testAsset: "USDC" });
  ({ url } = devnet);
});

afterAll(() => devnet.close());

test("what is no JSON-RPC is answered with its error codes, never with a crash", async () => {
  const error = async (body: string) =>
    ((await (await post(url, body)).json()) as Answer).error?.code;
  expect(await error("{")).toBe(-32700);
  expect(await error("")).toBe(-32700);
  expect(await error("null")).toBe(-32600);
  expect(await error('"hello"')).toBe(-32600);
  expect(await error('{"jsonrpc":"2.0","id":1}')).toBe(-32600);
  expect(await error('{"jsonrpc":"2.0","id":1,"method":"getMoney"}')).toBe(-32601);
  expect(await error('{"jsonrpc":"2.0","id":1,"method":"toString"}')).toBe(-32601);
  expect(await error('{"jsonrpc":"2.0","id":1,"method":"getEvents","params":"x"}')).toBe(-32602);
  expect(await error('{"jsonrpc":"2.0","id":1,"method":"getEvents","params":[1,2]}')).toBe(-32602);
});

test("an answer carries the id of its call, in a batch as well", async () => {
  expect((await call(url, "getHealth")).id).toBe(7);
  const batch = ["getHealth", "nothing"].map((method, id) => ({ jsonrpc: "2.0", id, method }));
  const answers = (await (await post(url, JSON.stringify(batch))).json()) as Answer[];
  expect(answers.map((one) => [one.id, one.error?.code])).toEqual([
    [0, undefined],
    [1, -32601],
  ]);
});

test("a body above half a megabyte is refused", async () => {
  const response = await post(url, JSON.stringify({ padding: "x".repeat(600_000) }));
  expect(response.status).toBe(413);
  expect((await call(url, "getHealth")).result?.["status"]).toBe("healthy");
});

test("pages of other origins may ask, other paths and methods get an honest answer", async () => {
  const preflight = await fetch(url, { method: "OPTIONS" });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  expect((await fetch(url)).status).toBe(405);
  expect((await fetch(`${url}/nothing`)).status).toBe(404);
});

test.each([
  ["sendTransaction", {}, "transaction must be a string"],
  ["sendTransaction", { transaction: "AAAA" }, "invalid_xdr"],
  ["sendTransaction", { transaction: "not base64 at all!" }, "invalid_xdr"],
  ["getTransaction", { hash: "abc" }, "unexpected hash length"],
  ["getTransaction", {}, "hash must be a string"],
  ["getLedgerEntries", { keys: ["AAAA"] }, "cannot unmarshal key value AAAA at index 0"],
  [
    "getLedgerEntries",
    { keys: Array.from({ length: 201 }, () => "") },
    "exceeds maximum supported",
  ],
  ["getTransactions", { startLedger: 999 }, "start ledger (999) must be between"],
  ["getLedgers", { startLedger: 1, pagination: { limit: 201 } }, "limit must not exceed 200"],
  ["getLedgers", { pagination: { cursor: "x" } }, "invalid cursor"],
  ["simulateTransaction", { transaction: 5 }, "transaction must be a string"],
])("%s %j is refused: %s", async (method, params, message) => {
  const { error } = await call(url, method, params);
  expect(error?.message).toContain(message);
  expect([-32602, -32600]).toContain(error?.code);
});

test("a simulation of what cannot be simulated says why, as a result", async () => {
  const simulate = async (transaction: string) =>
    (await call(url, "simulateTransaction", { transaction })).result?.["error"];
  expect(await simulate("AAAA")).toBe("Could not unmarshal transaction");
  const pay = Operation.payment({
    destination: Keypair.random().publicKey(),
    asset: Asset.native(),
    amount: "1",
  });
  expect(await simulate(unsigned([pay]))).toContain("unsupported operation type: payment");
  expect(await simulate(unsigned([pay, pay]))).toContain("more than one operation");
});

test("a transaction that nobody knows is NOT_FOUND, with the reach of the server's memory", async () => {
  const hash = "00".repeat(32);
  const { result } = await call(url, "getTransaction", { hash });
  const { latest, oldest } = devnet.chain.history;
  expect(result).toMatchObject({
    status: "NOT_FOUND",
    txHash: hash,
    latestLedger: latest.sequence,
    latestLedgerCloseTime: String(latest.closeTimeS),
    oldestLedger: oldest.sequence,
  });
});

test("friendbot and faucet refuse what they cannot give", async () => {
  const status = async (path: string) => (await fetch(`${url}${path}`)).status;
  const holder = Keypair.random().publicKey();
  expect(await status("/friendbot?addr=nobody")).toBe(400);
  expect(await status("/friendbot")).toBe(400);
  expect(await status(`/faucet?addr=${holder}`)).toBe(400);
  expect(await status(`/friendbot?addr=${holder}`)).toBe(200);
  expect(await status(`/friendbot?addr=${holder}`)).toBe(400);
  expect(await status(`/faucet?addr=${holder}`)).toBe(400);
});

test("friendbot leaves alone what waits", async () => {
  const alice = Keypair.random();
  fundAccounts(devnet.chain, [alice.publicKey()]);
  const waiting = devnet.chain.submit(signed(alice)).status;
  expect(waiting).toBe("PENDING");
  await fetch(`${url}/friendbot?addr=${Keypair.random().publicKey()}`);
  expect(devnet.chain.pending).toBe(1);
  expect(devnet.chain.closeLedger().transactions).toHaveLength(1);
});

function signed(source: Keypair): string {
  const { history, passphrase } = devnet.chain;
  const sequence = String(BigInt(history.latest.sequence) << 32n);
  const transaction = new TransactionBuilder(new Account(source.publicKey(), sequence), {
    fee: "100",
    networkPassphrase: passphrase,
  })
    .addOperation(Operation.bumpSequence({ bumpTo: "0" }))
    .setTimeout(0)
    .build();
  transaction.sign(source);
  return transaction.toEnvelope().toXdr("base64");
}

function unsigned(operations: Parameters<TransactionBuilder["addOperation"]>[0][]): string {
  const builder = new TransactionBuilder(new Account(Keypair.random().publicKey(), "1"), {
    fee: "100",
    networkPassphrase: devnet.passphrase,
  });
  for (const operation of operations) builder.addOperation(operation);
  return builder.setTimeout(0).build().toEnvelope().toXdr("base64");
}
