import fc from "fast-check";
import { expect, test } from "vitest";
import { learnCloseTimes } from "./close-times.ts";

const BOUNDS = { pollMinMs: 50, pollMaxMs: 1_000 };

interface Watched {
  /** How long each ledger waited to be seen, sorted. */
  readonly delaysMs: readonly number[];
  readonly looksPerLedger: number;
}

/** A watcher that looks when it is told to, on a chain that closes ledgers at these times. */
function watchChain(closesAtMs: readonly number[]): Watched {
  const times = learnCloseTimes(BOUNDS);
  const delaysMs: number[] = [];
  let [nowMs, looks, seen] = [0, 0, 0];
  while (seen < closesAtMs.length) {
    nowMs += times.waitMs(nowMs);
    looks++;
    const ledger = closesAtMs.findLastIndex((closedAtMs) => closedAtMs <= nowMs) + 1;
    for (const closedAtMs of closesAtMs.slice(seen, ledger)) delaysMs.push(nowMs - closedAtMs);
    seen = ledger;
    times.observe(ledger, nowMs);
  }
  return {
    delaysMs: delaysMs.slice(5).toSorted((a, b) => a - b),
    looksPerLedger: looks / closesAtMs.length,
  };
}

function closes(intervalMs: number, jitterMs: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    // A fixed, uneven pattern in place of chance.
    const offset = ((i * 7919) % 1000) / 1000 - 0.5;
    return (i + 1) * intervalMs + offset * 2 * jitterMs;
  });
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? Infinity;
}

test("ledgers of one second are seen within 50 ms, with a handful of looks each", () => {
  const { delaysMs, looksPerLedger } = watchChain(closes(1_000, 20, 200));
  expect(at(delaysMs, 0.5)).toBeLessThanOrEqual(50);
  expect(at(delaysMs, 0.99)).toBeLessThanOrEqual(60);
  expect(looksPerLedger).toBeLessThanOrEqual(6);
});

test("ledgers of five seconds that vary by half a second are seen within 150 ms", () => {
  const { delaysMs, looksPerLedger } = watchChain(closes(5_000, 500, 200));
  expect(at(delaysMs, 0.5)).toBeLessThanOrEqual(125);
  expect(at(delaysMs, 0.95)).toBeLessThanOrEqual(300);
  expect(looksPerLedger).toBeLessThanOrEqual(14);
});

test("a change of rhythm is learnt within a few ledgers", () => {
  const slow = closes(5_000, 0, 20);
  const fast = closes(500, 0, 100).map((ms) => (slow.at(-1) ?? 0) + ms);
  const { delaysMs } = watchChain([...slow, ...fast]);
  expect(at(delaysMs, 0.5)).toBeLessThanOrEqual(60);
  expect(at(delaysMs, 1 - 1e-9)).toBeLessThanOrEqual(1_000);
});

test("a chain that stands still is looked at ever less often, but at least every second", () => {
  const times = learnCloseTimes(BOUNDS);
  times.observe(1, 0);
  times.observe(2, 1_000);
  const waits = [2_050, 2_500, 4_000, 60_000].map((nowMs) => times.waitMs(nowMs));
  expect(waits).toEqual(waits.toSorted((a, b) => a - b));
  expect(waits.at(-1)).toBe(1_000);
});

test("a long absence does not spoil the rhythm", () => {
  const times = learnCloseTimes(BOUNDS);
  for (let ledger = 1; ledger <= 5; ledger++) times.observe(ledger, ledger * 1_000);
  times.observe(500, 3_600_000);
  expect(times.waitMs(3_600_000)).toBe(900);
});

test("a server that lags behind another tells nothing new", () => {
  const times = learnCloseTimes(BOUNDS);
  times.observe(10, 1_000);
  times.observe(9, 9_000);
  expect(times.silentForMs(9_000)).toBe(8_000);
});

test("waits are always within the bounds", () => {
  const step = fc.record({ ledgers: fc.nat(8), ms: fc.nat(20_000) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const times = learnCloseTimes(BOUNDS);
      let [ledger, nowMs] = [0, 0];
      for (const { ledgers, ms } of steps) {
        ledger += ledgers;
        nowMs += ms;
        times.observe(ledger, nowMs);
        const waitMs = times.waitMs(nowMs);
        expect(waitMs).toBeGreaterThanOrEqual(50);
        expect(waitMs).toBeLessThanOrEqual(1_000);
      }
    }),
  );
});
