import { expect, test } from "vitest";
import { createCounters } from "./counters.ts";

const LIMIT = { count: 3, windowMs: 60_000 };

function clockAt(startMs: number) {
  return {
    ms: startMs,
    now() {
      return this.ms;
    },
  };
}

test("the limit lets exactly so many through and says when the window ends", () => {
  const clock = clockAt(1000);
  const counters = createCounters(clock, LIMIT);
  expect(counters.take("a")).toEqual({
    limit: 3,
    remaining: 2,
    windowS: 60,
    resetS: 60,
    isExceeded: false,
  });
  counters.take("a");
  clock.ms += 10_500;
  expect(counters.take("a")).toMatchObject({ remaining: 0, resetS: 50, isExceeded: false });
  expect(counters.take("a")).toMatchObject({ remaining: 0, resetS: 50, isExceeded: true });
  expect(counters.take("b").isExceeded).toBe(false);
  clock.ms += 49_500;
  expect(counters.take("a")).toMatchObject({ remaining: 2, resetS: 60, isExceeded: false });
});

test("looking does not count", () => {
  const counters = createCounters(clockAt(0), LIMIT);
  for (let i = 0; i < 10; i++) expect(counters.peek("a").remaining).toBe(3);
  for (let i = 0; i < 3; i++) counters.take("a");
  expect(counters.peek("a").isExceeded).toBe(true);
});

test("a limit of its own replaces the default, zero lets nothing through", () => {
  const counters = createCounters(clockAt(0), LIMIT);
  expect(counters.take("a", 1)).toMatchObject({ limit: 1, remaining: 0, isExceeded: false });
  expect(counters.take("a", 1).isExceeded).toBe(true);
  expect(counters.take("b", 0).isExceeded).toBe(true);
});

test("a flood of ids pushes out the oldest windows and nothing grows", () => {
  const clock = clockAt(0);
  const counters = createCounters(clock, { count: 1, windowMs: 60_000 }, 100);
  counters.take("first");
  for (let i = 0; i < 99; i++) counters.take(`stranger ${i}`);
  expect(counters.take("first").isExceeded).toBe(true);
  counters.take("one too many");
  expect(counters.take("first").isExceeded).toBe(false);
  // Windows that are over make room before live ones have to go.
  clock.ms += 60_000;
  counters.take("late");
  for (let i = 0; i < 99; i++) counters.take(`late stranger ${i}`);
  expect(counters.take("late").isExceeded).toBe(true);
});
