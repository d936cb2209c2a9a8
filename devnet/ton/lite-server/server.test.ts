import { once } from "node:events";
import { connect } from "node:net";
import { beginCell, Cell, loadTransaction, toNano } from "@ton/core";
import { JettonMaster, JettonWallet } from "@ton/ton";
import { LiteClient, LiteSingleEngine } from "ton-lite-client";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { startTonDevnet, type TonDevnet } from "../start.ts";
import { clientOf, type Purse, purseOf, signedPayment, strangerAddress } from "../test-clients.ts";

let devnet: TonDevnet;
let client: LiteClient;
let payer: Purse;
const shop = strangerAddress();
const always = { times: Number.POSITIVE_INFINITY };

beforeEach(async () => {
  devnet = await startTonDevnet({ blockTimeMs: "manual" });
  client = await stockClient(devnet);
  payer = await purseOf(devnet, { ton: toNano("10"), jetton: 100_000_000n });
});

afterEach(() => devnet.close());

/** As anybody would make it. */
async function stockClient({ liteServer }: TonDevnet): Promise<LiteClient> {
  const engine = new LiteSingleEngine({
    host: `tcp://${liteServer.host}:${liteServer.port}`,
    publicKey: Buffer.from(liteServer.publicKey, "base64"),
    reconnectTimeout: 10,
  });
  // Its errors say nothing; without a listener they would end the process.
  engine.on("error", () => {});
  await once(engine, "ready");
  onTestFinished(() => engine.close());
  return new LiteClient({ engine });
}

const payment = () => signedPayment(devnet, payer, { amountAtomic: 5n, to: shop });

test("the stock client learns the newest block, its time and the version", async () => {
  await devnet.closeBlocks(2);
  const { last, init } = await client.getMasterchainInfo();
  expect(last).toMatchObject({ seqno: devnet.latestBlock(), workchain: -1 });
  expect(init.workchain).toBe(-1);
  const ext = await client.getMasterchainInfoExt();
  expect(ext.last).toEqual(last);
  const { timestampt } = await clientOf(devnet).getContractState(shop);
  expect(ext.lastUtime).toBe(timestampt);
  expect(await client.getCurrentTime()).toBe(timestampt);
  expect((await client.getVersion()).version).toBeGreaterThan(0);
});

test("it reads accounts out of their proofs, the same that toncenter shows", async () => {
  const { last } = await client.getMasterchainInfo();
  for (const address of [payer.address, devnet.minter, devnet.jettonWalletOf(payer.address)]) {
    const { state, lastTx, balance } = await client.getAccountState(address, last);
    const shown = await clientOf(devnet).getContractState(address);
    expect(lastTx?.lt.toString()).toBe(shown.lastTransaction?.lt);
    const hash = Buffer.from(shown.lastTransaction?.hash ?? "", "base64").toString("hex");
    expect(lastTx?.hash.toString(16).padStart(64, "0")).toBe(hash);
    expect(balance.coins).toBe(shown.balance);
    const storage = state?.storage.state;
    expect(storage?.type === "active" ? storage.state.data?.toBoc() : null).toEqual(shown.data);
  }
  expect(await client.getAccountState(shop, last)).toMatchObject({ state: null, lastTx: null });
});

test("an account is shown as it was in the block that is asked for", async () => {
  const { last } = await client.getMasterchainInfo();
  const before = await client.getAccountState(payer.address, last);
  await devnet.fund(payer.address, { ton: toNano("1") });
  const { last: next } = await client.getMasterchainInfo();
  const again = await client.getAccountStateRaw(payer.address, last);
  expect(again.lastTx).toEqual(before.lastTx);
  expect(again.balance).toEqual(before.balance);
  const after = await client.getAccountState(payer.address, next);
  expect(after.balance.coins).toBeGreaterThan(before.balance.coins);
});

test("it runs get-methods and pages through transactions", async () => {
  const master = client.open(JettonMaster.create(devnet.minter));
  const wallet = await master.getWalletAddress(payer.address);
  expect(wallet.equals(devnet.jettonWalletOf(payer.address))).toBe(true);
  expect(await client.open(JettonWallet.create(wallet)).getBalance()).toBe(100_000_000n);
  await devnet.fund(payer.address, { jetton: 1n });
  const { last } = await client.getMasterchainInfo();
  const { lastTx } = await client.getAccountState(wallet, last);
  const hash = Buffer.from(lastTx?.hash.toString(16).padStart(64, "0") ?? "", "hex");
  const lt = lastTx?.lt.toString() ?? "";
  const { ids, transactions } = await client.getAccountTransactions(wallet, lt, hash, 10);
  const cells = Cell.fromBoc(transactions);
  expect(cells).toHaveLength(2);
  expect(ids).toHaveLength(2);
  const [newer, older] = cells.map((cell) => loadTransaction(cell.beginParse()));
  expect(newer?.hash()).toEqual(hash);
  expect(newer?.prevTransactionLt).toBe(older?.lt);
  const unknown = client.getAccountTransactions(wallet, lt, Buffer.alloc(32, 1), 1);
  await expect(unknown).rejects.toThrow("cannot locate transaction");
});

test("a method that is not there, and one of nobody, end with their exit codes", async () => {
  const { last } = await client.getMasterchainInfo();
  const empty = Buffer.alloc(0);
  expect((await client.runMethod(devnet.minter, "nothing", empty, last)).exitCode).toBe(11);
  expect((await client.runMethod(shop, "nothing", empty, last)).exitCode).toBeLessThan(0);
});

test("a message is taken once, and refused in the words of a lite server", async () => {
  expect(await client.sendMessage(payment())).toEqual({ status: 1 });
  await devnet.closeBlocks();
  const till = client.open(JettonWallet.create(devnet.jettonWalletOf(shop)));
  expect(await till.getBalance()).toBe(5n);
  await expect(client.sendMessage(payment())).rejects.toThrow(/cannot apply.*exitcode=133/s);
  await expect(client.sendMessage(Buffer.from("nonsense"))).rejects.toThrow("parse");
  const internal = beginCell().storeUint(0, 64).endCell().toBoc();
  await expect(client.sendMessage(internal)).rejects.toThrow("parse");
});

test("who waits for a block is answered when it comes, or told that it did not", async () => {
  const awaitSeqno = devnet.latestBlock() + 1;
  const waiting = client.getMasterchainInfo({ awaitSeqno, timeout: 5_000 });
  await devnet.closeBlocks();
  expect((await waiting).last.seqno).toBe(awaitSeqno);
  const late = client.getMasterchainInfo({ awaitSeqno: awaitSeqno + 1, timeout: 50 });
  await expect(late).rejects.toThrow(/timeout/i);
});

test("a server that lags knows neither the newest blocks nor what is in them", async () => {
  const { last } = await client.getMasterchainInfo();
  const before = await client.getAccountState(payer.address, last);
  await devnet.fund(payer.address, { ton: 1n });
  const newest = await client.getMasterchainInfo();
  const { lastTx } = await client.getAccountState(payer.address, newest.last);
  devnet.liteFaults.plan({ kind: "behind", blocks: 1 }, always);
  const info = await client.getMasterchainInfo();
  expect(info.last).toEqual(last);
  const state = await client.getAccountStateRaw(payer.address, info.last);
  expect(state.lastTx).toEqual(before.lastTx);
  await expect(client.getAccountStateRaw(payer.address, newest.last)).rejects.toThrow("block");
  const hash = Buffer.from(lastTx?.hash.toString(16).padStart(64, "0") ?? "", "hex");
  const unknown = client.getAccountTransactions(payer.address, String(lastTx?.lt), hash, 1);
  await expect(unknown).rejects.toThrow("block not found");
});

test("it fails on demand, by itself: toncenter's faults are others", async () => {
  devnet.faults.plan({ kind: "drop" }, always);
  devnet.liteFaults.plan({ kind: "lite_error", code: 651, message: "block is not in db" });
  await expect(client.getMasterchainInfo()).rejects.toThrow("block is not in db");
  expect((await client.getMasterchainInfo()).last.seqno).toBe(devnet.latestBlock());
  devnet.liteFaults.plan({ kind: "lose_message" });
  expect(await client.sendMessage(payment())).toEqual({ status: 1 });
  expect(devnet.waiting()).toBe(0);
  devnet.liteFaults.plan({ kind: "delay", delayMs: 200 }, { method: "getTime" });
  await expect(client.getCurrentTime({ timeout: 20 })).rejects.toThrow("Timeout");
  devnet.liteFaults.plan({ kind: "drop_answer" }, { method: "sendMessage" });
  // It was taken; the stock client connects again and repeats what was not answered.
  expect(await client.sendMessage(payment())).toEqual({ status: 1 });
  expect(devnet.waiting()).toBe(2);
});

test("who sends more than any question takes is cut off, and may come again", async () => {
  const { last } = await client.getMasterchainInfo();
  const much = Buffer.alloc(1 << 20);
  const call = client.runMethod(devnet.minter, "get_jetton_data", much, last, { timeout: 1_000 });
  await expect(call).rejects.toThrow("Timeout");
  expect((await (await stockClient(devnet)).getMasterchainInfo()).last).toEqual(last);
});

test.each([
  ["nothing but noise", Buffer.alloc(300, 7)],
  ["a beginning without an end", Buffer.alloc(10)],
])("strangers who send %s are cut off, and harm nobody", async (_, noise) => {
  const socket = connect(devnet.liteServer.port, devnet.liteServer.host);
  socket.on("error", () => {});
  socket.write(noise);
  socket.end();
  await once(socket.resume(), "close");
  expect((await client.getMasterchainInfo()).last.seqno).toBe(devnet.latestBlock());
});
