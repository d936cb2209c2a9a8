import type { Address } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { done, expecting } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import { depositAddress } from "../../chains/evm/deposit-contracts.ts";
import { createLog } from "../../log.ts";
import type { Rail } from "../rail.ts";
import { evmDeposit } from "./index.ts";

const log = createLog({ level: "error", now: () => 0, write: () => {} });
const { signal } = new AbortController();

let stage: EvmStage;
let orders = 0;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());

const newOrder = (): string => `ord_${++orders}`;
const addressOf = (order: string): Address => depositAddress(stage.contracts, order);

/** A rail that has just read, as it does after a restart; these are the orders that may be paid. */
async function railThatWatches(expected: readonly string[]): Promise<Rail> {
  const rail = evmDeposit.open(stage.config(), { clock: systemClock, log });
  const read = await rail.readDeposits(null, signal, expecting(expected));
  expect(read.kind).toBe("done");
  return rail;
}

const held = (holder: Address, token: Address = stage.devnet.usdc): Promise<bigint> =>
  stage.balanceOf(token, holder);

async function pay(
  order: string,
  atomic: bigint,
  token: Address = stage.devnet.usdc,
): Promise<void> {
  await stage.transfer({ token, to: addressOf(order), atomic });
}

const sweep = async (rail: Rail, extent?: "everything"): Promise<string | null> =>
  done(await stage.miningWhile(rail.sweep(signal, extent)));

test("only what is worth its gas is moved, unless the treasury is short", async () => {
  const [small, large] = [newOrder(), newOrder()];
  await pay(small, 50_000n); // 5 cents
  await pay(large, 2_500_000n);
  const rail = await railThatWatches([small, large]);
  expect(await sweep(rail)).toMatch(/^flush of 2\.50 USDC from 1 addresses in 0x[0-9a-f]{64}$/);
  expect(await held(addressOf(large))).toBe(0n);
  expect(await held(addressOf(small))).toBe(50_000n);
  expect(await sweep(rail)).toBeNull();
  expect(await sweep(rail, "everything")).toMatch(/^flush of 0\.05 USDC/);
  expect(await held(addressOf(small))).toBe(0n);
});

test("many addresses are emptied in few transactions, each token for itself", async () => {
  const many = Array.from({ length: 55 }, newOrder);
  for (const order of many) await stage.devnet.fund(addressOf(order), { usdc: 1_000_000n });
  await pay(many[0] ?? "", 7_000_000n, stage.devnet.usdt);
  const before = await held(stage.treasury.address);
  const rail = await railThatWatches(many);
  const line = await sweep(rail);
  expect(line?.split("; ").map((part) => part.replace(/ in 0x.*$/, ""))).toEqual([
    "flush of 50.00 USDC from 50 addresses",
    "flush of 5.00 USDC from 5 addresses",
    "flush of 7.00 USDT from 1 addresses",
  ]);
  expect(await held(stage.treasury.address)).toBe(before + 55_000_000n);
});

test("an address that the token has frozen does not hold up the others", async () => {
  const [frozen, free] = [newOrder(), newOrder()];
  await pay(frozen, 3_000_000n);
  await pay(free, 4_000_000n);
  await stage.blacklist(addressOf(frozen));
  const rail = await railThatWatches([frozen, free]);
  expect(await sweep(rail)).toMatch(
    /^flush of 4\.00 USDC from 1 addresses .*; 1 could not be emptied$/,
  );
  expect(await held(addressOf(free))).toBe(0n);
  expect(await sweep(rail)).toBeNull();
});

test("what comes after an address was emptied is collected too", async () => {
  const order = newOrder();
  const rail = await railThatWatches([order]);
  for (const atomic of [1_000_000n, 2_000_000n]) {
    await pay(order, atomic);
    expect(await sweep(rail)).toMatch(/flush of/);
    expect(await held(addressOf(order))).toBe(0n);
  }
});

test.each(["drop_answer", "lose_transaction", "drop"] as const)(
  "a flush whose sending meets a fault (%s) is carried out once",
  async (kind) => {
    const order = newOrder();
    await pay(order, 1_000_000n);
    const rail = await railThatWatches([order]);
    const before = await held(stage.treasury.address);
    stage.devnet.faults.plan({ kind }, { method: "eth_sendRawTransaction" });
    expect(await sweep(rail)).toMatch(/flush of 1\.00 USDC/);
    expect(await held(stage.treasury.address)).toBe(before + 1_000_000n);
  },
);

test("an address whose order is expected no more is emptied, after a restart too, and then forgotten", async () => {
  const order = newOrder();
  const first = await railThatWatches([]);
  const start = await first.readDeposits(null, signal, async () => []);
  await pay(order, 1_000_000n);
  const cursor = start.kind === "done" ? start.value.cursor : null;
  const read = await first.readDeposits(cursor, signal, expecting([order]));
  const restarted = evmDeposit.open(stage.config(), { clock: systemClock, log });
  await stage.devnet.mine(5);
  let last = read.kind === "done" ? read.value.cursor : null;
  const readOn = async (): Promise<readonly string[]> => {
    const page = await restarted.readDeposits(last, signal, async () => []);
    if (page.kind === "done") last = page.value.cursor;
    return (JSON.parse(last ?? "") as { readonly held: readonly string[] }).held;
  };
  expect(await readOn()).toEqual([order]);
  expect(await sweep(restarted)).toMatch(/flush of 1\.00 USDC/);
  expect(await sweep(restarted)).toBeNull();
  expect(await readOn()).toEqual([]);
});

test("two sweeps at once wait for each other", async () => {
  const order = newOrder();
  await pay(order, 1_000_000n);
  const rail = await railThatWatches([order]);
  const both = Promise.all([rail.sweep(signal), rail.sweep(signal)]);
  const [first, second] = (await stage.miningWhile(both)).map(done);
  expect(first).toMatch(/flush of/);
  expect(second).toBeNull();
});

test("without a server nothing is moved, and it may be tried again", async () => {
  const rail = await railThatWatches([newOrder()]);
  stage.devnet.faults.plan({ kind: "drop" }, { times: Infinity });
  const swept = await rail.sweep(signal);
  stage.devnet.faults.clear();
  expect(swept).toMatchObject({ kind: "failed", retryable: true });
});
