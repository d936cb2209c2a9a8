import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { createLog } from "../log.ts";
import { done, failed, type Outcome } from "../outcome.ts";
import { startPriceBoard, type PriceBoard } from "./board.ts";
import { openPriceBoard } from "./index.ts";
import type { PriceReading, PriceSource } from "./oracle.ts";

const NOW = 1_800_000_000_000;

function collectingLog(lines: string[]) {
  return createLog({ level: "debug", now: () => NOW, write: (line) => lines.push(line) });
}

function board(read: PriceSource["read"], lines: string[] = []): PriceBoard {
  const started = startPriceBoard({
    sources: new Map([["XLM", [{ id: "one", read }]]]),
    rules: { maxAgeMs: 1_000, minSources: 1, maxDeviationBps: 300 },
    refreshMs: 3_600_000,
    clock: systemClock,
    log: collectingLog(lines),
  });
  onTestFinished(() => started.stop());
  return started;
}

/** A source that answers only when it is told to stop. */
const hanging: PriceSource["read"] = (signal) =>
  new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(failed("stopped", "retry"))),
  );

test("before the first answer there is no price, with the reason", () => {
  expect(board(hanging).current("XLM", NOW)).toEqual({
    kind: "none",
    reason: "no price source has answered yet",
  });
});

test("a price stays until it is stale, although the source has begun to fail", async () => {
  const answers: Outcome<PriceReading>[] = [done({ usdMicroPerUnit: 90_000n, atMs: NOW })];
  const lines: string[] = [];
  const started = board(
    () => Promise.resolve(answers.shift() ?? failed("HTTP 503", "retry")),
    lines,
  );
  await started.refresh();
  await started.refresh();
  await started.refresh();
  expect(started.current("XLM", NOW + 1_000)).toMatchObject({ usdMicroPerUnit: 90_000n });
  expect(started.current("XLM", NOW + 1_001)).toMatchObject({ kind: "none" });
  expect(lines.filter((line) => line.includes("a price source fails"))).toHaveLength(1);
});

test("an asset without sources has no price, and says why", () => {
  const started = board(() => Promise.resolve(failed("x", "retry")));
  expect(started.current("BTC", NOW)).toEqual({
    kind: "none",
    reason: "no price source for BTC is configured",
  });
});

test("rounds that are asked for at once are one round", async () => {
  let asked = 0;
  const started = board(() => {
    asked++;
    return Promise.resolve(done({ usdMicroPerUnit: 1n, atMs: NOW }));
  });
  await Promise.all([started.refresh(), started.refresh(), started.refresh()]);
  expect(asked).toBe(1);
});

test("stopping ends a source that hangs", async () => {
  const started = board(hanging);
  await expect(started.stop()).resolves.toBeUndefined();
});

test("USDC counts as a dollar; XLM without sources is missing with a reason", async () => {
  const prices = openPriceBoard(
    {
      prices: { sep40Contract: null, feeds: [], refreshMs: 1_000, staleMs: 1_000, minSources: 1 },
      stellar: { rpcUrls: null },
    },
    { clock: systemClock, log: collectingLog([]) },
  );
  onTestFinished(prices.stop);
  const asset = (symbol: string) => ({ id: symbol, symbol, decimals: 7 });
  expect(prices.pricing(asset("USDC"), NOW)).toEqual({ kind: "dollar" });
  expect(prices.pricing(asset("XLM"), NOW)).toEqual({
    kind: "rate",
    usdMicroPerUnit: null,
    reason: "no price source for XLM is configured",
  });
});
