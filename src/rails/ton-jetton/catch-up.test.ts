import { afterAll, beforeAll, expect, test } from "vitest";
import { present, readAll, signal } from "../../../tests/contracts/rail-bench.ts";
import { payMany } from "../../../tests/fixtures/ton-many.ts";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Deposit, Rail } from "../rail.ts";
import { parseCursor } from "../../chains/ton/cursor.ts";
import { tonJetton } from "./index.ts";
import type { TonTuning } from "../../chains/ton/settings.ts";

const PAYMENTS = 1_000;

let stage: TonStage;
let before: string;
/** Where 300 payments are left to read. */
let late: string;

beforeAll(async () => {
  stage = await openTonStage();
  before = await present(openRail());
  await payMany(stage, PAYMENTS);
}, 120_000);
afterAll(() => stage.close());

function openRail(
  changes: Readonly<Record<string, string>> = {},
  tuning: Partial<TonTuning> = {},
): Rail {
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return tonJetton.open(stage.config(changes, tuning), { clock: systemClock, log });
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
