import { expect, test } from "vitest";
import { learnPace } from "./pace.ts";

const BOUNDS = { blockMs: 2_000, pollMinMs: 50, pollMaxMs: 2_000 };

test("the next look is when the next block is due, by the chain's usual time at first", () => {
  const pace = learnPace(BOUNDS);
  pace.observe(100, 10_000);
  expect(pace.waitMs(10_100)).toBe(1_900);
});

test("the chain's own rhythm is learnt from its blocks", () => {
  const pace = learnPace(BOUNDS);
  for (let block = 0; block < 12; block++) pace.observe(100 + block, 10_000 + block * 500);
  expect(pace.waitMs(10_000 + 11 * 500)).toBeLessThan(520);
});

test("blocks that came while nobody looked teach nothing", () => {
  const pace = learnPace(BOUNDS);
  pace.observe(100, 10_000);
  pace.observe(900, 10_001);
  expect(pace.waitMs(10_001)).toBe(2_000);
});

test("a block that is late is looked for often at first, then ever less often, but always", () => {
  const pace = learnPace(BOUNDS);
  pace.observe(100, 0);
  expect([2_040, 2_400, 6_000, 60_000].map((nowMs) => pace.waitMs(nowMs))).toEqual([
    50, 100, 1_000, 2_000,
  ]);
});

test("a block that is told again, or an older one, changes nothing", () => {
  const pace = learnPace(BOUNDS);
  pace.observe(100, 10_000);
  pace.observe(100, 11_000);
  pace.observe(99, 11_500);
  expect(pace.waitMs(11_500)).toBe(500);
});
