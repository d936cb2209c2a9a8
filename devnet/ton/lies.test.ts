import { Cell, loadTransaction, toNano } from "@ton/core";
import { JettonMaster } from "@ton/ton";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTonDevnet, type TonDevnet } from "./start.ts";
import { clientOf, inventedAfter, strangerAddress } from "./test-clients.ts";

let devnet: TonDevnet;
const shop = strangerAddress();
const always = { times: Number.POSITIVE_INFINITY };

beforeEach(async () => {
  devnet = await startTonDevnet({ blockTimeMs: "manual" });
  await devnet.fund(shop, { ton: toNano("1") });
  await devnet.fund(shop, { ton: toNano("2") });
});

afterEach(() => devnet.close());

test("a server keeps transactions back, and makes its block later than it was", async () => {
  const client = clientOf(devnet);
  const [newest, before] = await client.getTransactions(shop, { limit: 2 });
  const { timestampt } = await client.getContractState(shop);
  const hiddenFromLt = String(newest?.lt);
  devnet.faults.plan({ kind: "false_state", hiddenFromLt, laterSeconds: 600 });
  const state = await client.getContractState(shop);
  expect(state.lastTransaction?.lt).toBe(String(before?.lt));
  expect(state.timestampt - timestampt).toBeGreaterThanOrEqual(600);
  expect((await client.getContractState(shop)).lastTransaction?.lt).toBe(hiddenFromLt);
});

test("a server invents a transaction that hangs together with the history", async () => {
  const client = clientOf(devnet);
  const [newest] = await client.getTransactions(shop, { limit: 1 });
  if (!newest) throw new Error("there is a transaction");
  const boc = inventedAfter(newest, newest);
  devnet.faults.plan({ kind: "invented_transaction", boc }, always);
  const { lastTransaction } = await client.getContractState(shop);
  const cell = Cell.fromBase64(boc);
  expect(lastTransaction?.hash).toBe(cell.hash().toString("base64"));
  const { lt = "", hash = "" } = lastTransaction ?? {};
  const list = await client.getTransactions(shop, { limit: 10, lt, hash, inclusive: true });
  expect(list.map((one) => one.lt)).toEqual([BigInt(lt), newest.lt, newest.prevTransactionLt]);
  expect(list[0]?.prevTransactionHash).toBe(loadTransaction(cell.beginParse()).prevTransactionHash);
  expect((await client.getContractState(devnet.minter)).lastTransaction?.hash).not.toBe(hash);
});

test("a server names a jetton wallet that is not the owner's", async () => {
  const master = clientOf(devnet).open(JettonMaster.create(devnet.minter));
  devnet.faults.plan({ kind: "wrong_wallet", address: shop.toRawString() });
  expect((await master.getWalletAddress(shop)).equals(shop)).toBe(true);
  expect((await master.getWalletAddress(shop)).equals(devnet.jettonWalletOf(shop))).toBe(true);
});
