import { type Address, encodeFunctionData, erc20Abi, type Hex, parseAbi } from "viem";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expecting } from "../../../tests/contracts/rail-bench.ts";
import { openBooks, type RailBooks } from "../../../tests/fixtures/rail-books.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import { depositAddress, depositId, FACTORY_ABI } from "../../chains/evm/deposit-contracts.ts";
import type { EvmTexts, EvmTuning } from "../../chains/evm/settings.ts";
import { createLog } from "../../log.ts";
import type { Rail } from "../rail.ts";
import { evmDeposit } from "./index.ts";

const log = createLog({ level: "error", now: () => 0, write: () => {} });
const MULTICALL_ABI = parseAbi([
  "struct Call { address target; bool allowFailure; bytes callData; }",
  "function aggregate3(Call[] calls) payable returns ((bool success, bytes returnData)[])",
]);

let stage: EvmStage;
let orders = 0;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());
afterEach(() => stage.devnet.faults.clear());

const newOrder = (): string => `ord_${++orders}`;
const addressOf = (order: string): Address => depositAddress(stage.contracts, order);

function openRail(changes: EvmTexts = {}, tuning: Partial<EvmTuning> = {}): Rail {
  return evmDeposit.open(stage.config(changes, tuning), { clock: systemClock, log });
}

/** A watcher from now on. */
async function watch(
  expected: () => readonly string[],
  changes: EvmTexts = {},
  tuning: Partial<EvmTuning> = {},
): Promise<RailBooks> {
  const START_BLOCK = String(await stage.devnet.latestBlock());
  return openBooks(() => openRail({ START_BLOCK, ...changes }, tuning), expected);
}

async function settle(books: RailBooks): Promise<RailBooks> {
  await stage.finalize();
  await books.catchUp();
  return books;
}

/** One transaction of a contract with many transfers. */
async function payMany(payments: readonly (readonly [Address, bigint])[]): Promise<Hex> {
  const { devnet } = stage;
  const sum = payments.reduce((total, [, atomic]) => total + atomic, 0n);
  await devnet.fund(devnet.multicall3, { usdc: sum });
  const calls = payments.map((args) => ({
    target: devnet.usdc,
    allowFailure: false,
    callData: encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args }),
  }));
  const data = encodeFunctionData({
    abi: MULTICALL_ABI,
    functionName: "aggregate3",
    args: [calls],
  });
  const hash = await stage.send(stage.keeper, { to: devnet.multicall3, data });
  await devnet.mine();
  return hash;
}

test("one transaction may pay several orders, and one of them twice: each transfer has a name of its own", async () => {
  const [a, b] = [newOrder(), newOrder()];
  const all = await watch(() => [a, b]);
  const second = await watch(() => [b]);
  const txId = await payMany([
    [addressOf(a), 1n],
    [addressOf(b), 2n],
    [addressOf(b), 3n],
    [addressOf(a), 4n],
  ]);
  await settle(all);
  await second.catchUp();
  const told = all.deposits();
  expect(told.map(({ orderRef, amount }) => [orderRef, amount.atomic])).toEqual([
    [a, 1n],
    [b, 2n],
    [b, 3n],
    [a, 4n],
  ]);
  expect(new Set(told.map(({ index }) => index)).size).toBe(4);
  expect(told.every((deposit) => deposit.txId === txId)).toBe(true);
  // A name does not depend on what else was expected at the time.
  expect(second.deposits()).toEqual(told.filter(({ orderRef }) => orderRef === b));
});

test("money from a contract is not sent back to it without asking, nor to an exchange", async () => {
  const order = newOrder();
  const [plain, exchange] = await Promise.all([stage.newAccount(), stage.newAccount()]);
  const books = await watch(() => [order], { EXCHANGES: exchange.address });
  const to = addressOf(order);
  for (const payer of [plain, exchange])
    await stage.transfer({ token: stage.devnet.usdt, to, atomic: 5n, payer });
  await payMany([[to, 6n]]);
  await settle(books);
  expect(books.deposits().map(({ from, isPayerSafe }) => [from, isPayerSafe])).toEqual([
    [plain.address, true],
    [exchange.address, false],
    [stage.devnet.multicall3, false],
  ]);
});

test("a second payment, a late one and one in the order's other asset are all told, even after a flush", async () => {
  const order = newOrder();
  const books = await watch(() => [order]);
  const to = addressOf(order);
  const { usdc, usdt } = stage.devnet;
  await stage.transfer({ token: usdc, to, atomic: 10n });
  await settle(books);
  const args = [depositId(order), usdc] as const;
  const data = encodeFunctionData({ abi: FACTORY_ABI, functionName: "flush", args });
  await stage.send(stage.keeper, { to: stage.contracts.factory.address, data });
  await stage.devnet.mine();
  await stage.transfer({ token: usdc, to, atomic: 11n });
  await stage.devnet.advanceTime(7_200);
  await stage.transfer({ token: usdt, to, atomic: 12n });
  await settle(books);
  const told = books.deposits().map(({ amount }) => [amount.asset.symbol, amount.atomic]);
  expect(told).toEqual([
    ["USDC", 10n],
    ["USDC", 11n],
    ["USDT", 12n],
  ]);
  // The time is the chain's: it tells that the last one was late.
  const times = books.deposits().map(({ chainTimeMs }) => chainTimeMs);
  expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(7_200_000);
});

test("what is sent to an address that is nobody's, and what a flush moves to the treasury, is no deposit", async () => {
  const order = newOrder();
  const books = await watch(() => [order]);
  await stage.transfer({ token: stage.devnet.usdc, to: addressOf("ord_unheard_of"), atomic: 1n });
  await stage.transfer({ token: stage.devnet.usdc, to: stage.treasury.address, atomic: 1n });
  await settle(books);
  expect(books.deposits()).toEqual([]);
});

test("a token that is not configured is no deposit, and anybody can move it to the treasury", async () => {
  const order = newOrder();
  const { usdc, usdt } = stage.devnet;
  const books = await watch(() => [order], { ASSETS: `USDC:${usdc}:6:eip3009:USD Coin:2` });
  const to = addressOf(order);
  await stage.transfer({ token: usdt, to, atomic: 9n });
  await settle(books);
  expect(books.deposits()).toEqual([]);
  const before = await stage.balanceOf(usdt, stage.treasury.address);
  const args = [depositId(order), usdt] as const;
  const data = encodeFunctionData({ abi: FACTORY_ABI, functionName: "flush", args });
  const stranger = await stage.newAccount();
  await stage.send(stranger, { to: stage.contracts.factory.address, data });
  await stage.devnet.mine();
  expect(await stage.balanceOf(usdt, stage.treasury.address)).toBe(before + 9n);
});

test("orders are asked for after the newest block is known, so that none is missed whose payment it holds", async () => {
  const order = newOrder();
  const rail = openRail();
  const { signal } = new AbortController();
  const steps: string[] = [];
  stage.front.twist(({ method, params }) => {
    if (method === "eth_getBlockByNumber" && params[0] === "latest") steps.push("newest block");
    if (method === "eth_getLogs") steps.push("logs");
    return null;
  });
  const read = await rail.readDeposits(null, signal, async () => {
    steps.push("orders");
    return expecting([order])();
  });
  stage.front.twist(null);
  expect(read.kind).toBe("done");
  expect(steps.slice(0, 3)).toEqual(["newest block", "orders", "logs"]);
});

test("more orders than one question to the server holds are asked about in several", async () => {
  const many = Array.from({ length: 45 }, newOrder);
  const books = await watch(() => many, {}, { logAddresses: 10 });
  const paid = [0, 9, 10, 31, 44].map((i) => many[i] ?? "");
  for (const order of paid.toReversed())
    await stage.transfer({ token: stage.devnet.usdc, to: addressOf(order), atomic: 1n });
  await settle(books);
  expect(books.deposits().map(({ orderRef }) => orderRef)).toEqual(paid.toReversed());
});

test("a shop without orders reads on", async () => {
  const books = await watch(() => []);
  const first = await books.readOnce();
  await stage.devnet.mine(3);
  const second = await books.readOnce();
  expect(second?.height).toBe((first?.height ?? 0) + 3);
});

test.each([
  ["a dead server", { kind: "drop" }],
  ["a proxy without its server", { kind: "http_status", status: 503 }],
  ["a server in trouble", { kind: "rpc_error", code: -32603, message: "internal error" }],
] as const)(
  "%s is a failure that passes: nothing is lost and nothing is taken back",
  async (_, fault) => {
    const order = newOrder();
    const books = await watch(() => [order]);
    await stage.transfer({ token: stage.devnet.usdc, to: addressOf(order), atomic: 1n });
    await books.catchUp();
    expect(books.deposits()).toHaveLength(1);
    stage.devnet.faults.plan(fault, { times: Infinity });
    await stage.devnet.mine();
    expect(await books.readOnce()).toBeNull();
    stage.devnet.faults.clear();
    await settle(books);
    expect(books.deposits()).toMatchObject([{ isFinal: true }]);
    expect(books.takenBack).toEqual([]);
  },
);

test("a server that does not tell whether the payer has code holds the page up, and does not guess", async () => {
  const order = newOrder();
  const books = await watch(() => [order]);
  await stage.transfer({ token: stage.devnet.usdc, to: addressOf(order), atomic: 1n });
  const error = { kind: "rpc_error", code: -32603, message: "internal error" } as const;
  stage.devnet.faults.plan(error, { method: "eth_getCode", times: Infinity });
  expect(await books.readOnce()).toBeNull();
  stage.devnet.faults.clear();
  await settle(books);
  expect(books.deposits()).toMatchObject([{ isPayerSafe: true }]);
});
