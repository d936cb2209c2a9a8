import fc from "fast-check";
import { expect, test } from "vitest";
import { planIdOf, readPlanRequest, storePlanRequest, type PlanFacts } from "./plan.ts";

const japan: PlanFacts = {
  countries: ["JP"],
  dataBytes: 1_073_741_824n,
  validityDays: 7,
  validityStarts: "install",
};

const anyFacts: fc.Arbitrary<PlanFacts> = fc.record({
  countries: fc.uniqueArray(fc.stringMatching(/^[A-Z]{2}$/), { minLength: 1, maxLength: 5 }),
  dataBytes: fc.bigInt(1n, 10n ** 13n),
  validityDays: fc.integer({ min: 1, max: 365 }),
  validityStarts: fc.constantFrom("install", "first_network"),
});

test("an id tells place, data and days to a person", () => {
  expect(planIdOf(japan)).toMatch(/^jp-1024mb-7d-[0-9a-f]{8}$/);
  expect(planIdOf({ ...japan, countries: ["JP", "KR"] })).toMatch(/^x2-1024mb-7d-/);
});

test.each<[string, Partial<PlanFacts>]>([
  ["a country", { countries: ["JP", "KR"] }],
  ["a byte", { dataBytes: japan.dataBytes + 1n }],
  ["a day", { validityDays: 8 }],
  ["what starts the clock", { validityStarts: "first_network" }],
])("%s more makes another plan", (_, change) => {
  expect(planIdOf({ ...japan, ...change })).not.toBe(planIdOf(japan));
});

test("a plan is stored as plain data and read back as the same plan", () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      const stored = JSON.stringify(storePlanRequest(planIdOf(facts), facts));
      const read = readPlanRequest(JSON.parse(stored) as Record<string, string>);
      expect(read).toEqual({ planId: planIdOf(facts), facts });
      expect(planIdOf(read?.facts ?? japan)).toBe(read?.planId);
    }),
  );
});

test("a request for a card names no plan", () => {
  expect(readPlanRequest({ faceUsdMicro: "10000000" })).toBeNull();
});
