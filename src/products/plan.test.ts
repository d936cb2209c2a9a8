import fc from "fast-check";
import { expect, test } from "vitest";
import { JAPAN_WEEK } from "../../tests/fixtures/plan.ts";
import { planIdOf, readPlanRequest, storePlanRequest, type PlanFacts } from "./plan.ts";

const anyFacts: fc.Arbitrary<PlanFacts> = fc.record({
  countries: fc.uniqueArray(fc.stringMatching(/^[A-Z]{2}$/), { minLength: 1, maxLength: 5 }),
  dataBytes: fc.bigInt(1n, 10n ** 13n),
  validityDays: fc.integer({ min: 1, max: 365 }),
  validityStarts: fc.constantFrom("install", "first_network"),
});

test("an id tells place, data and days to a person", () => {
  expect(planIdOf(JAPAN_WEEK)).toMatch(/^jp-1024mb-7d-[0-9a-f]{8}$/);
  expect(planIdOf({ ...JAPAN_WEEK, countries: ["JP", "KR"] })).toMatch(/^x2-1024mb-7d-/);
});

test.each<[string, Partial<PlanFacts>]>([
  ["a country", { countries: ["JP", "KR"] }],
  ["a byte", { dataBytes: JAPAN_WEEK.dataBytes + 1n }],
  ["a day", { validityDays: 8 }],
  ["what starts the clock", { validityStarts: "first_network" }],
])("%s more makes another plan", (_, change) => {
  expect(planIdOf({ ...JAPAN_WEEK, ...change })).not.toBe(planIdOf(JAPAN_WEEK));
});

test("a plan is stored as plain data and read back as the same plan", () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const stored = JSON.stringify(storePlanRequest(planIdOf(facts), facts));
      const read = readPlanRequest(JSON.parse(stored) as Record<string, string>);
      expect(read).toEqual({ planId: planIdOf(facts), facts });
      expect(planIdOf(read?.facts ?? JAPAN_WEEK)).toBe(read?.planId);
    }),
  );
});

test("a request for a card names no plan", () => {
  expect(readPlanRequest({ faceUsdMicro: "10000000" })).toBeNull();
});
