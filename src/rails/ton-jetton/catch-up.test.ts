import { type Address, beginCell, internal, SendMode, storeOutList, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { present, readAll, signal } from "../../../tests/contracts/rail-bench.ts";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Deposit, Rail } from "../rail.ts";
import { parseCursor } from "./cursor.ts";
import { type HighloadWallet, highloadWallet, signHighload } from "./highload.ts";
import { tonJetton } from "./index.ts";
import { keysOfSeed } from "./keys.ts";
import { orderPayload } from "./payload.ts";
import type { TonTuning } from "./settings.ts";
import { OP } from "./transfers.ts";

const PAYMENTS = 1_000;
const PER_BATCH = 200;
const BATCH = 0xae42e5a4;

let stage: TonStage;
let before: string;
/** Where 300 payments are left to read. */
let late: string;

beforeAll(async () => {
  stage = await openTonStage();
  before = await present(openRail());
  await payMany();
}, 120_000);
afterAll(() => stage.close());

function openRail(
  changes: Readonly<Record<string, string>> = {},
  tuning: Partial<TonTuning> = {},
): Rail {
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return tonJetton.open(stage.config(changes, tuning), { clock: systemClock, log });
}

/** One payment of 1, 2, 3 … base units after the other, many in a message. */
async function payMany(): Promise<void> {
  const keys = keysOfSeed("ab".repeat(32));
  if (keys === null) throw new Error("no keys");
  const payer = highloadWallet(keys);
  await stage.devnet.fund(payer.address, { ton: toNano("200"), jetton: 1_000_000_000n });
  for (let first = 0; first < PAYMENTS; first += PER_BATCH) await payBatch(payer, first);
}

async function payBatch(payer: HighloadWallet, first: number): Promise<void> {
  const wallet = stage.devnet.jettonWalletOf(payer.address);
  const actions = Array.from({ length: PER_BATCH }, (_, index) => ({
    type: "sendMsg" as const,
    mode: SendMode.PAY_GAS_SEPARATELY,
    outMsg: paymentOf(wallet, first + index + 1),
  }));
  const number = first / PER_BATCH;
  const body = beginCell()
    .storeUint(BATCH, 32)
    .storeUint(number, 64)
    .storeRef(beginCell().store(storeOutList(actions)).endCell())
    .endCell();
  const message = internal({ to: payer.address, value: toNano("1"), bounce: true, body });
  const createdAtS = Math.floor((await stage.nowMs()) / 1_000) - 5;
  const isFirst = first === 0;
  const { boc } = signHighload(payer, { message, number, createdAtS, isFirst });
  await stage.client.sendFile(boc);
}

function paymentOf(wallet: Address, number: number): ReturnType<typeof internal> {
  const body = beginCell()
    .storeUint(OP.transfer, 32)
    .storeUint(0, 64)
    .storeCoins(number)
    .storeAddress(stage.treasury)
    .storeAddress(null)
    .storeMaybeRef(null)
    .storeCoins(0)
    .storeMaybeRef(orderPayload(`ord_${number}`))
    .endCell();
  return internal({ to: wallet, value: toNano("0.05"), bounce: true, body });
}

/** Every payment from the one with this number on, in order. */
function expectFrom(first: number, deposits: readonly Deposit[]): void {
  expect(deposits.map(({ orderRef }) => orderRef)).toEqual(
    Array.from({ length: PAYMENTS + 1 - first }, (_, index) => `ord_${first + index}`),
  );
  for (const [index, { amount, height }] of deposits.entries()) {
    expect(amount.atomic).toBe(BigInt(first + index));
    expect(height).toBeGreaterThan(deposits[index - 1]?.height ?? 0);
  }
}

test("1,000 payments that were missed are caught up exactly, in order, in bounded pages", async () => {
  const { deposits, pages, cursors } = await readAll(openRail(), before);
  expectFrom(1, deposits);
  expect(pages).toHaveLength(10);
  for (const page of pages) expect(page.deposits).toHaveLength(100);
  late = cursors[7] ?? "";
});

test("what does not fit into memory while it is caught up is read twice, and given once", async () => {
  const rail = openRail({}, { keptTransactions: 50, transactionsPerCall: 50 });
  expectFrom(701, (await readAll(rail, late)).deposits);
});

test("a reader that is restarted at every page, behind a server that fails, loses and repeats nothing", async () => {
  const deposits: Deposit[] = [];
  let cursor = late;
  for (let page = 0; ; page++) {
    if (page % 2 === 1)
      stage.devnet.faults.plan({ kind: "drop_answer" }, { method: "getTransactions" });
    const read = await openRail().readDeposits(cursor, signal);
    if (read.kind === "gap") throw new Error(read.reason);
    if (read.kind !== "done") continue;
    deposits.push(...read.value.deposits);
    ({ cursor } = read.value);
    if (read.value.isCaughtUp) break;
  }
  expectFrom(701, deposits);
});

test("a cold start may begin in the middle, at a logical time", async () => {
  const { deposits } = await readAll(openRail(), late);
  const [, from] = deposits;
  const cold = await readAll(openRail({ START_LT: String(from?.height) }), null);
  expect(cold.deposits).toEqual(deposits.slice(1));
});

test("a cursor that is not of this account is a gap, and nothing is read past it", async () => {
  const { link } = parseCursor(late) ?? {};
  if (link === undefined) throw new Error("no cursor");
  const wrong = [`${link.lt}:${"ab".repeat(32)}:0`, `${link.lt + 1n}:${link.hash}:0`];
  for (const cursor of wrong)
    expect(await openRail().readDeposits(cursor, signal)).toMatchObject({ kind: "gap" });
  expect(await openRail().readDeposits("7:x", signal)).toMatchObject({
    kind: "failed",
    retryable: false,
  });
});

test("a server that keeps no history itself gives it out of its archive", async () => {
  stage.devnet.pruneHistory();
  expectFrom(701, (await readAll(openRail(), late)).deposits);
});

test("history that is gone for good is an alarm at start-up already", async () => {
  const rail = openRail();
  expect(await rail.check(late)).toEqual([]);
  stage.devnet.pruneHistory({ isForGood: true });
  expect(await rail.check(late)).toMatchObject([{ severity: "fatal" }]);
  expect(await openRail().readDeposits(late, signal)).toMatchObject({ kind: "gap" });
});
