import { expect, test } from "vitest";
import { systemClock } from "./clock.ts";

test("a sleep lasts at least as long as asked", async () => {
  const startMs = performance.now();
  await systemClock.sleep(20);
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(19);
});

test("an abort ends a sleep at once, and one that came before ends it before it starts", async () => {
  const stop = new AbortController();
  const startMs = performance.now();
  const asleep = systemClock.sleep(60_000, stop.signal);
  stop.abort();
  await asleep;
  await systemClock.sleep(60_000, stop.signal);
  expect(performance.now() - startMs).toBeLessThan(5_000);
});

test("a sleep that ended leaves no listener on its signal", async () => {
  const stop = new AbortController();
  let listeners = 0;
  let most = 0;
  const add = stop.signal.addEventListener.bind(stop.signal);
  const remove = stop.signal.removeEventListener.bind(stop.signal);
  stop.signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    most = Math.max(most, listeners);
    add(...args);
  };
  stop.signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await systemClock.sleep(1, stop.signal);
  expect({ most, listeners }).toEqual({ most: 1, listeners: 0 });
});

test.each([-5, 0])("a sleep of %i ms ends soon", async (ms) => {
  const startMs = performance.now();
  await systemClock.sleep(ms);
  expect(performance.now() - startMs).toBeLessThan(5_000);
});

test("a sleep longer than a timer can hold does not end at once", async () => {
  const stop = new AbortController();
  let hasEnded = false;
  const asleep = systemClock.sleep(Number.MAX_SAFE_INTEGER, stop.signal).then(() => {
    hasEnded = true;
  });
  await systemClock.sleep(20);
  expect(hasEnded).toBe(false);
  stop.abort();
  await asleep;
});
