import { type Address, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { purseOf } from "../../../devnet/ton/test-clients.ts";
import { done, expecting, signal } from "../../../tests/contracts/rail-bench.ts";
import { openTonStage, sendMessage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { type Forwarder, forwarderOf, sweepMessage } from "../../chains/ton/forwarder.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Rail } from "../rail.ts";
import { parseCursor } from "./cursor.ts";
import { tonDeposit } from "./index.ts";

const log = createLog({ level: "error", now: () => 0, write: () => {} });
const DOLLAR = 1_000_000n;

let stage: TonStage;
let orders = 0;

beforeAll(async () => {
  stage = await openTonStage();
});
afterAll(() => stage.close());

const newOrder = (): string => `ord_${++orders}`;
const forwarder = (order: string): Forwarder => forwarderOf(stage.treasury, order);
const addressOf = (order: string): Address => forwarder(order).address;
const openRail = (changes: Readonly<Record<string, string>> = {}): Rail =>
  tonDeposit.open(stage.config(changes), { clock: systemClock, log });
const pay = (order: string, atomic: bigint): ReturnType<TonStage["pay"]> =>
  stage.pay({ atomic, to: addressOf(order) });

/** A rail that has just read, as it does after a restart; these are the orders that may be paid. */
async function railThatWatches(
  expected: readonly string[],
  changes: Readonly<Record<string, string>> = {},
): Promise<Rail> {
  const rail = openRail(changes);
  const read = await rail.readDeposits(null, signal, expecting(expected));
  expect(read.kind).toBe("done");
  return rail;
}

const sweep = async (rail: Rail, extent?: "everything"): Promise<string | null> =>
  done(await rail.sweep(signal, extent));

test("only what is worth its gas is moved, unless the treasury is short", async () => {
  const [small, large] = [newOrder(), newOrder()];
  await pay(small, DOLLAR / 4n);
  await pay(large, 2n * DOLLAR);
  const rail = await railThatWatches([small, large]);
  const before = await stage.held(stage.treasury);
  expect(await sweep(rail)).toMatch(/^sweep of 2\.00 USDT from 1 addresses in [0-9a-f]{64}$/);
  expect(await stage.held(stage.treasury)).toBe(before + 2n * DOLLAR);
  expect(await sweep(rail)).toBeNull();
  expect(await sweep(rail, "everything")).toMatch(/^sweep of 0\.25 USDT/);
  expect(await stage.held(stage.treasury)).toBe(before + 2n * DOLLAR + DOLLAR / 4n);
});

test("many addresses are emptied in few messages, each for less than two hundredths of a TON", async () => {
  const many = Array.from({ length: 25 }, newOrder);
  for (const order of many) await pay(order, DOLLAR);
  const rail = await railThatWatches(many);
  const before = await stage.held(stage.treasury);
  const coinBefore = await stage.client.getBalance(stage.keeper);
  const line = await sweep(rail);
  expect(line?.split("; ").map((part) => part.replace(/ in [0-9a-f]{64}$/, ""))).toEqual([
    "sweep of 10.00 USDT from 10 addresses",
    "sweep of 10.00 USDT from 10 addresses",
    "sweep of 5.00 USDT from 5 addresses",
  ]);
  expect(await stage.held(stage.treasury)).toBe(before + 25n * DOLLAR);
  const cost = coinBefore - (await stage.client.getBalance(stage.keeper));
  expect(cost / 25n).toBeLessThan(toNano("0.02"));
});

test("what comes after an address was emptied is collected too", async () => {
  const order = newOrder();
  const rail = await railThatWatches([order]);
  let cursor: string | null = null;
  for (const atomic of [DOLLAR, 2n * DOLLAR]) {
    await pay(order, atomic);
    const read = await rail.readDeposits(cursor, signal, expecting([order]));
    cursor = read.kind === "done" ? read.value.cursor : null;
    expect(await sweep(rail)).toMatch(/^sweep of/);
    expect(await stage.held(addressOf(order))).toBe(0n);
  }
});

test("an address that the jetton's issuer has locked does not hold up the others", async () => {
  const [locked, free] = [newOrder(), newOrder()];
  await pay(locked, 3n * DOLLAR);
  await pay(free, 4n * DOLLAR);
  await stage.devnet.lock(addressOf(locked), "sending");
  const rail = await railThatWatches([locked, free]);
  expect(await sweep(rail)).toMatch(
    /^sweep of 4\.00 USDT from 1 addresses .*; 1 addresses are locked by the jetton's issuer$/,
  );
});

test.each(["drop_answer", "lose_message", "drop"] as const)(
  "a sweep whose sending meets a fault (%s) is carried out once",
  async (kind) => {
    const order = newOrder();
    await pay(order, DOLLAR);
    const rail = await railThatWatches([order]);
    const before = await stage.held(stage.treasury);
    stage.devnet.faults.plan({ kind }, { method: "sendBoc" });
    expect(await sweep(rail)).toMatch(/sweep of 1\.00 USDT/);
    expect(await stage.held(stage.treasury)).toBe(before + DOLLAR);
  },
);

test("a stranger who sweeps first saves us the gas", async () => {
  const order = newOrder();
  await pay(order, DOLLAR);
  const rail = await railThatWatches([order]);
  const stranger = await purseOf(stage.devnet, { ton: toNano("1") });
  const jettonWallet = stage.devnet.jettonWalletOf(addressOf(order));
  const message = sweepMessage(forwarder(order), { jettonWallet, atomic: DOLLAR, valueNano: 0n });
  const before = await stage.held(stage.treasury);
  await sendMessage(stage, stranger, {
    to: addressOf(order),
    value: toNano("0.1"),
    body: message.body,
    init: forwarder(order).init,
  });
  expect(await stage.held(stage.treasury)).toBe(before + DOLLAR);
  expect(await sweep(rail, "everything")).toBeNull();
});

test("an address whose order is expected no more is emptied, after a restart too, and then forgotten", async () => {
  const order = newOrder();
  const first = openRail();
  await pay(order, DOLLAR);
  const read = await first.readDeposits(null, signal, expecting([order]));
  let cursor = read.kind === "done" ? read.value.cursor : null;
  const restarted = openRail();
  const readOn = async (): Promise<boolean> => {
    const page = await restarted.readDeposits(cursor, signal, async () => []);
    if (page.kind !== "done") throw new Error(page.reason);
    ({ cursor } = page.value);
    return parseCursor(cursor)?.told.has(order) ?? false;
  };
  expect(await readOn()).toBe(true);
  expect(await sweep(restarted)).toMatch(/sweep of 1\.00 USDT/);
  expect(await sweep(restarted)).toBeNull();
  await readOn();
  // Our own sweep has been read by now, so that nothing leads back to it.
  await sweep(restarted);
  await readOn();
  expect(await readOn()).toBe(false);
});

test("two sweeps at once wait for each other", async () => {
  const order = newOrder();
  await pay(order, DOLLAR);
  const rail = await railThatWatches([order]);
  const [first, second] = await Promise.all([rail.sweep(signal), rail.sweep(signal)]);
  expect(done(first)).toMatch(/sweep of/);
  expect(done(second)).toBeNull();
});

test("a keeper without coin moves nothing and says so; start-up warns of it", async () => {
  const order = newOrder();
  await pay(order, DOLLAR);
  const rail = await railThatWatches([order], { KEEPER_KEY: "77".repeat(32) });
  expect(await rail.sweep(signal)).toMatchObject({
    kind: "failed",
    retryable: true,
    reason: expect.stringContaining("too little TON") as string,
  });
  expect(await rail.check()).toMatchObject([
    { severity: "warning", what: expect.stringContaining("keeper") as string },
  ]);
});

test("without a server nothing is moved, and it may be tried again", async () => {
  const order = newOrder();
  await pay(order, DOLLAR);
  const rail = await railThatWatches([order]);
  stage.devnet.faults.plan({ kind: "drop" }, { times: Infinity });
  const swept = await rail.sweep(signal);
  stage.devnet.faults.clear();
  expect(swept).toMatchObject({ kind: "failed", retryable: true });
});
