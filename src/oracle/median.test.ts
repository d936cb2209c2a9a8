import fc from "fast-check";
import { expect, test } from "vitest";
import { medianPrice, type Price, type PriceRules, type SourceReading } from "./median.ts";

const NOW = 1_800_000_000_000;
const RULES: PriceRules = { maxAgeMs: 60_000, minSources: 2, maxDeviationBps: 300 };

function reading(sourceId: string, usdMicroPerUnit: bigint, ageMs = 0): SourceReading {
  return { sourceId, usdMicroPerUnit, atMs: NOW - ageMs };
}

test("the middle of three agreeing sources is the price, as old as its oldest reading", () => {
  const readings = [
    reading("a", 91_000n, 5_000),
    reading("b", 90_000n, 9_000),
    reading("c", 90_500n),
  ];
  expect(medianPrice(readings, RULES, NOW)).toEqual({
    kind: "price",
    usdMicroPerUnit: 90_500n,
    atMs: NOW - 9_000,
    sourceIds: ["b", "c", "a"],
  });
});

test("two agreeing sources meet in the middle, rounded down", () => {
  const price = medianPrice([reading("a", 90_001n), reading("b", 90_002n)], RULES, NOW);
  expect(price).toMatchObject({ kind: "price", usdMicroPerUnit: 90_001n });
});

test("one source of three gone mad is left aside", () => {
  const readings = [reading("a", 90_000n), reading("b", 90_400n), reading("mad", 9_000_000n)];
  expect(medianPrice(readings, RULES, NOW)).toMatchObject({
    usdMicroPerUnit: 90_200n,
    sourceIds: ["a", "b"],
  });
});

test("two sources that disagree give no price", () => {
  const price = medianPrice([reading("a", 90_000n), reading("b", 100_000n)], RULES, NOW);
  expect(price).toEqual({
    kind: "none",
    reason: "the price sources disagree: 0 of 2 lie together",
  });
});

test("a stale reading, one from the future and a zero do not count", () => {
  const readings = [
    reading("stale", 90_000n, 60_001),
    reading("future", 90_000n, -60_001),
    reading("zero", 0n),
    reading("good", 90_000n, 60_000),
  ];
  expect(medianPrice(readings, RULES, NOW)).toEqual({
    kind: "none",
    reason: "1 of 4 price sources are fresh, 2 needed",
  });
  expect(medianPrice(readings, { ...RULES, minSources: 1 }, NOW)).toMatchObject({
    sourceIds: ["good"],
  });
});

test("no reading at all is said so", () => {
  expect(medianPrice([], { ...RULES, minSources: 1 }, NOW)).toEqual({
    kind: "none",
    reason: "no price source has answered yet",
  });
});

const anyReading = fc.record({
  sourceId: fc.string({ maxLength: 4 }),
  usdMicroPerUnit: fc.bigInt({ min: 0n, max: 1_000_000_000n }),
  atMs: fc.integer({ min: NOW - 120_000, max: NOW + 120_000 }),
});
const anyRules = fc.record({
  maxAgeMs: fc.integer({ min: 0, max: 100_000 }),
  minSources: fc.integer({ min: 1, max: 4 }),
  maxDeviationBps: fc.integer({ min: 0, max: 2_000 }),
});

test("a price lies among its readings, which are fresh, enough, near it and the greater part", () => {
  fc.assert(
    fc.property(fc.array(anyReading, { maxLength: 9 }), anyRules, (readings, rules) => {
      const price = medianPrice(readings, rules, NOW);
      if (price.kind === "none") return;
      const fresh = readings.filter(
        ({ atMs, usdMicroPerUnit }) =>
          usdMicroPerUnit > 0n && NOW - atMs <= rules.maxAgeMs && atMs - NOW <= 60_000,
      );
      const values = fresh.map(({ usdMicroPerUnit }) => usdMicroPerUnit);
      expect(values.some((value) => value <= price.usdMicroPerUnit)).toBe(true);
      expect(values.some((value) => value >= price.usdMicroPerUnit)).toBe(true);
      expect(price.sourceIds.length).toBeGreaterThanOrEqual(rules.minSources);
      expect(price.sourceIds.length * 2).toBeGreaterThan(fresh.length);
    }),
  );
});

test("the order of the sources does not matter", () => {
  const shuffled = fc
    .array(anyReading, { maxLength: 9 })
    .chain((readings) =>
      fc.tuple(
        fc.constant(readings),
        fc.shuffledSubarray(readings, { minLength: readings.length }),
      ),
    );
  fc.assert(
    fc.property(shuffled, anyRules, ([readings, other], rules) => {
      const numbers = (price: Price): unknown =>
        price.kind === "none" ? null : [price.usdMicroPerUnit, price.atMs];
      expect(numbers(medianPrice(readings, rules, NOW))).toEqual(
        numbers(medianPrice(other, rules, NOW)),
      );
    }),
  );
});

test("one liar among three cannot move the price out of what the honest two say", () => {
  const honest = fc.bigInt({ min: 1_000n, max: 10_000_000n });
  fc.assert(
    fc.property(honest, honest, fc.bigInt({ min: 1n, max: 10n ** 12n }), (one, two, lie) => {
      const readings = [reading("one", one), reading("two", two), reading("liar", lie)];
      const price = medianPrice(readings, RULES, NOW);
      if (price.kind === "none") return;
      const [low, high] = one < two ? [one, two] : [two, one];
      // Beside one of them it may stand, as far away as a reading may lie from the median.
      const slack = (value: bigint): bigint => (value * 600n) / 10_000n + 1n;
      expect(price.usdMicroPerUnit >= low - slack(low)).toBe(true);
      expect(price.usdMicroPerUnit <= high + slack(high)).toBe(true);
    }),
  );
});
