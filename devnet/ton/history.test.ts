import { Cell, loadTransaction, toNano } from "@ton/core";
import type { TonClient } from "@ton/ton";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTonDevnet, type TonDevnet } from "./start.ts";
import { clientOf, purseOf, signedPayment, strangerAddress } from "./test-clients.ts";

let devnet: TonDevnet;
let client: TonClient;
const account = strangerAddress();
const GIFTS = 25;

beforeEach(async () => {
  devnet = await startTonDevnet({ blockTimeMs: "manual" });
  client = clientOf(devnet);
  for (let i = 1; i <= GIFTS; i += 1) await devnet.fund(account, { ton: BigInt(i) });
});

afterEach(() => devnet.close());

type Transactions = Awaited<ReturnType<TonClient["getTransactions"]>>;

/** Where a page goes on, as a watcher has it. */
function linkOf(transaction: Transactions[number] | undefined) {
  const hash = transaction?.prevTransactionHash.toString(16).padStart(64, "0") ?? "";
  return {
    lt: String(transaction?.prevTransactionLt),
    hash: Buffer.from(hash, "hex").toString("base64"),
  };
}

function amounts(transactions: Transactions): number[] {
  return transactions.map(({ inMessage }) =>
    inMessage?.info.type === "internal" ? Number(inMessage.info.value.coins) : Number.NaN,
  );
}

function reason(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => "no error",
    (error: { response?: { data?: { error?: string } } }) => error.response?.data?.error,
  );
}

test("the state names the newest transaction, and each one the one before, back to the first", async () => {
  const { lastTransaction } = await client.getContractState(account);
  if (!lastTransaction) throw new Error("there were transactions");
  const seen: number[] = [];
  let from = lastTransaction;
  while (from.lt !== "0") {
    const page = await client.getTransactions(account, { ...from, limit: 10, inclusive: true });
    expect(page[0]?.hash().toString("base64")).toBe(from.hash);
    seen.push(...amounts(page));
    from = linkOf(page.at(-1));
  }
  expect(seen).toEqual(Array.from({ length: GIFTS }, (_, i) => GIFTS - i));
});

test("without inclusive a page begins behind the transaction named", async () => {
  const [newest] = await client.getTransactions(account, { limit: 1 });
  const from = { lt: String(newest?.lt), hash: newest?.hash().toString("base64") ?? "" };
  const page = await client.getTransactions(account, { ...from, limit: 3 });
  expect(amounts(page)).toEqual([24, 23, 22]);
});

test("a page ends before the transactions that are as old as to_lt", async () => {
  const page = await client.getTransactions(account, { limit: 5 });
  const toLt = String(page[2]?.lt);
  expect(amounts(await client.getTransactions(account, { limit: 5, to_lt: toLt }))).toEqual([
    25, 24,
  ]);
});

test("one transaction is found by its time and hash, and its bytes are whole", async () => {
  const [newest] = await client.getTransactions(account, { limit: 1 });
  const hash = newest?.hash().toString("base64") ?? "";
  const found = await client.getTransaction(account, String(newest?.lt), hash);
  expect(found?.hash().toString("base64")).toBe(hash);
  const raw = found?.raw ?? Cell.EMPTY;
  expect(loadTransaction(raw.beginParse()).lt).toBe(newest?.lt);
});

test("a time with another hash is an error, never another page", async () => {
  const [newest] = await client.getTransactions(account, { limit: 1 });
  const wrong = { lt: String(newest?.lt), hash: Buffer.alloc(32, 7).toString("base64") };
  const page = client.getTransactions(account, { ...wrong, limit: 3, inclusive: true });
  expect(await reason(page)).toMatch("cannot locate transaction");
});

test("an account that was never used has no transactions and no state", async () => {
  const nobody = strangerAddress();
  expect(await client.getTransactions(nobody, { limit: 5 })).toEqual([]);
  expect(await client.getContractState(nobody)).toMatchObject({
    state: "uninitialized",
    balance: 0n,
  });
});

test("pruned history is an error where it begins, a short page where it is reached, whole in the archive", async () => {
  const page = await client.getTransactions(account, { limit: GIFTS });
  const limit = page[4]?.lt;
  if (limit === undefined) throw new Error("there is a fifth");
  devnet.pruneHistory({ beforeLt: limit });
  expect(amounts(await client.getTransactions(account, { limit: 10 }))).toEqual([
    25, 24, 23, 22, 21,
  ]);
  const beyond = { ...linkOf(page[4]), limit: 3, inclusive: true };
  expect(await reason(client.getTransactions(account, { ...beyond }))).toBe(
    "LITE_SERVER_NOTREADY: block is not in db",
  );
  const kept = await client.getTransactions(account, { ...beyond, archival: true });
  expect(amounts(kept)).toEqual([20, 19, 18]);
});

test("what is pruned for good is gone from archives too, while the state still names it", async () => {
  devnet.pruneHistory({ isForGood: true });
  const { lastTransaction } = await client.getContractState(account);
  if (!lastTransaction) throw new Error("the state names the last transaction");
  const all = { limit: 5, archival: true };
  expect(await reason(client.getTransactions(account, all))).toMatch("not in db");
  const named = client.getTransactions(account, { ...all, ...lastTransaction, inclusive: true });
  expect(await reason(named)).toMatch("not in db");
  await devnet.fund(account, { ton: 99n });
  expect(amounts(await client.getTransactions(account, { limit: 5 }))).toEqual([99]);
});

test("a message is traced to the transaction that sent it and the one that it caused", async () => {
  const payer = await purseOf(devnet, { ton: toNano("1"), jetton: 5n });
  await client.sendFile(signedPayment(devnet, payer, { amountAtomic: 5n, to: account }));
  await devnet.closeBlocks();
  const [credit] = await client.getTransactions(devnet.jettonWalletOf(account), { limit: 1 });
  const info = credit?.inMessage?.info;
  if (info?.type !== "internal") throw new Error("tokens come from a contract");
  const lt = info.createdLt.toString();
  const caused = await client.tryLocateResultTx(info.src, info.dest, lt);
  expect(caused.lt).toBe(credit?.lt);
  const sent = await client.tryLocateSourceTx(info.src, info.dest, lt);
  expect(sent.outMessages.values()).toHaveLength(1);
  expect(`0:${sent.address.toString(16).padStart(64, "0")}`).toBe(info.src.toRawString());
});
