import { expect, test } from "vitest";
import { createTurns } from "./turns.ts";

/** A clock that notes how long it was asked to wait. */
function notingClock() {
  const slept: number[] = [];
  return { slept, now: () => 1_000, sleep: async (ms: number) => void slept.push(ms) };
}

test("calls that come at once leave one after the other, the first without waiting", async () => {
  const clock = notingClock();
  const myTurn = createTurns(8, clock);
  const { signal } = new AbortController();
  expect(await Promise.all([myTurn(signal), myTurn(signal), myTurn(signal)])).toEqual([
    true,
    true,
    true,
  ]);
  expect(clock.slept).toEqual([125, 250]);
});

test("who gave up while waiting has no turn", async () => {
  expect(await createTurns(8, notingClock())(AbortSignal.abort())).toBe(false);
});
