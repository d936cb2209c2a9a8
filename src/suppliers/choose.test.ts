import * as fc from "fast-check";
import { expect, test } from "vitest";
import { JAPAN_OFFER, JAPAN_WEEK } from "../../tests/fixtures/plan.ts";
import { planIdOf } from "../products/plan.ts";
import type { Piece } from "../products/product.ts";
import { CLOSED, type Breaker } from "./breaker.ts";
import { chooseSupplier, offerCostUsdMicro, type Candidate, type Wish } from "./choose.ts";
import type { FaceOffer, PlanOffer } from "./supplier.ts";

const face = (faceUsdMicro: bigint): Piece => ({ kind: "face", faceUsdMicro });

const wish: Wish = {
  product: "prepaid-card",
  piece: face(25_000_000n),
  maxCostUsdMicro: 25_000_000n,
  rejectedBy: [],
};

const offer: FaceOffer = {
  kind: "face",
  product: "prepaid-card",
  minFaceUsdMicro: 5_000_000n,
  maxFaceUsdMicro: 500_000_000n,
  feeUsdMicro: 100_000n,
  costBps: 9_800n,
  stock: 10,
  balanceUsdMicro: 1_000_000_000n,
};

const OPEN: Breaker = { state: "open", consecutiveFaults: 3, openedAtMs: 0 };

function candidate(
  supplierId: string,
  changes: Partial<FaceOffer> = {},
  breaker = CLOSED,
): Candidate {
  return { supplierId, offers: [{ ...offer, ...changes }], breaker };
}

const verdicts = (asked: Wish, candidates: readonly Candidate[]): readonly string[] =>
  chooseSupplier(asked, candidates).candidates.map((line) => line.verdict);

test("the cheapest supplier that can serve is chosen, and every candidate has its reason", () => {
  const choice = chooseSupplier(wish, [
    candidate("dear", { costBps: 9_900n }),
    candidate("cheap"),
    candidate("empty", { stock: 0, costBps: 1n }),
  ]);
  expect(choice).toEqual({
    supplierId: "cheap",
    candidates: [
      { supplier: "dear", verdict: "ranked_lower", costUsdMicro: "24850000" },
      { supplier: "cheap", verdict: "chosen", costUsdMicro: "24600000" },
      { supplier: "empty", verdict: "out_of_stock", costUsdMicro: "102500" },
    ],
  });
  expect(JSON.parse(JSON.stringify(choice))).toEqual(choice);
});

test.each<[string, Candidate, Partial<Wish>]>([
  ["offers_unknown", { supplierId: "a", offers: null, breaker: CLOSED }, {}],
  ["product_not_offered", candidate("a", { product: "travel-esim" }), {}],
  ["face_out_of_range", candidate("a"), { piece: face(4_999_999n) }],
  ["face_out_of_range", candidate("a"), { piece: face(500_000_001n) }],
  ["out_of_stock", candidate("a", { stock: 0 }), {}],
  ["cost_above_ceiling", candidate("a"), { maxCostUsdMicro: 24_599_999n }],
  ["balance_too_low", candidate("a", { balanceUsdMicro: 24_599_999n }), {}],
  ["breaker_open", candidate("a", {}, OPEN), {}],
  ["already_rejected", candidate("a"), { rejectedBy: ["a"] }],
])("a supplier is passed over: %s", (verdict, only, changes) => {
  const asked = { ...wish, ...changes };
  expect(chooseSupplier(asked, [only]).supplierId).toBeNull();
  expect(verdicts(asked, [only])).toEqual([verdict]);
});

test("what is exactly at the limit is served", () => {
  const limits = { maxCostUsdMicro: 24_600_000n };
  const exact = candidate("a", {
    stock: 1,
    balanceUsdMicro: 24_600_000n,
    minFaceUsdMicro: 25_000_000n,
    maxFaceUsdMicro: 25_000_000n,
  });
  expect(verdicts({ ...wish, ...limits }, [exact])).toEqual(["chosen"]);
});

test("a supplier that says nothing of stock and balance is taken at its word", () => {
  expect(verdicts(wish, [candidate("a", { stock: null, balanceUsdMicro: null })])).toEqual([
    "chosen",
  ]);
});

test("of several obstacles the first in the listed order is the reason", () => {
  const all = candidate("a", { stock: 0, balanceUsdMicro: 0n }, OPEN);
  const strict = { ...wish, maxCostUsdMicro: 1n, rejectedBy: ["a"] };
  expect(verdicts(strict, [all])).toEqual(["out_of_stock"]);
  const broken = candidate("a", {}, OPEN);
  expect(verdicts({ ...wish, rejectedBy: ["a"] }, [broken])).toEqual(["breaker_open"]);
});

test("among equally cheap suppliers the steadier one wins, then the one listed first", () => {
  const shaky = { ...CLOSED, consecutiveFaults: 2 };
  expect(verdicts(wish, [candidate("a", {}, shaky), candidate("b"), candidate("c")])).toEqual([
    "ranked_lower",
    "chosen",
    "ranked_lower",
  ]);
});

test("a half-open supplier may serve", () => {
  const half: Breaker = { state: "half_open", consecutiveFaults: 3, openedAtMs: 0 };
  expect(verdicts(wish, [candidate("a", {}, half)])).toEqual(["chosen"]);
});

test("of several offers for the face value the one with stock and the lower cost counts", () => {
  const several: Candidate = {
    supplierId: "a",
    offers: [
      { ...offer, stock: 0, costBps: 9_000n },
      { ...offer, costBps: 9_900n },
      { ...offer, costBps: 9_700n },
      { ...offer, maxFaceUsdMicro: 10_000_000n, costBps: 1n },
    ],
    breaker: CLOSED,
  };
  expect(chooseSupplier(wish, [several]).candidates).toEqual([
    { supplier: "a", verdict: "chosen", costUsdMicro: "24350000" },
  ]);
});

const plan: PlanOffer = { ...JAPAN_OFFER, balanceUsdMicro: 1_700_000n };

test("a plan is bought where it is offered, at its own cost", () => {
  const asked: Wish = {
    product: "travel-esim",
    piece: { kind: "plan", planId: plan.planId, facts: JAPAN_WEEK },
    maxCostUsdMicro: 1_700_000n,
    rejectedBy: [],
  };
  const at = (supplierId: string, ...offers: readonly PlanOffer[]): Candidate => ({
    supplierId,
    offers,
    breaker: CLOSED,
  });
  const other = planIdOf({ ...JAPAN_WEEK, validityDays: 30 });
  const choice = chooseSupplier(asked, [
    at("a", { ...plan, planId: other, costUsdMicro: 1n }),
    at("b", { ...plan, costUsdMicro: 1_700_001n }),
    at("c", { ...plan, costUsdMicro: 9_000_000n }, plan),
    at("d", { ...plan, balanceUsdMicro: 1_699_999n }),
    candidate("e", { product: "travel-esim" }),
  ]);
  expect(choice.supplierId).toBe("c");
  expect(choice.candidates.map(({ verdict }) => verdict)).toEqual([
    "plan_not_offered",
    "cost_above_ceiling",
    "chosen",
    "balance_too_low",
    "plan_not_offered",
  ]);
});

test("nobody is chosen from nobody", () => {
  expect(chooseSupplier(wish, [])).toEqual({ supplierId: null, candidates: [] });
});

test("a fraction of a base unit counts as a whole one", () => {
  expect(
    offerCostUsdMicro(
      { ...offer, feeUsdMicro: 0n, costBps: 3_333n, minFaceUsdMicro: 0n },
      face(10_001n),
    ),
  ).toBe(3_334n);
});

const anyBreaker = fc.constantFrom<Breaker>(
  CLOSED,
  { ...CLOSED, consecutiveFaults: 2 },
  { state: "half_open", consecutiveFaults: 3, openedAtMs: 0 },
  OPEN,
);
const anyCandidate = fc.record({
  supplierId: fc.constantFrom("a", "b", "c"),
  offers: fc.option(
    fc.array(
      fc.record({
        kind: fc.constant("face" as const),
        product: fc.constantFrom("prepaid-card", "travel-esim"),
        minFaceUsdMicro: fc.bigInt(0n, 30_000_000n),
        maxFaceUsdMicro: fc.bigInt(20_000_000n, 60_000_000n),
        feeUsdMicro: fc.bigInt(0n, 1_000_000n),
        costBps: fc.bigInt(9_000n, 10_500n),
        stock: fc.option(fc.integer({ min: 0, max: 2 })),
        balanceUsdMicro: fc.option(fc.bigInt(0n, 50_000_000n)),
      }),
      { maxLength: 3 },
    ),
  ),
  breaker: anyBreaker,
});

test("whoever is chosen sells the product within the ceiling, and nobody who could is cheaper", () => {
  const candidates = fc.uniqueArray(anyCandidate, { selector: (one) => one.supplierId });
  fc.assert(
    fc.property(candidates, fc.subarray(["a", "b", "c"]), (among, rejectedBy) => {
      const choice = chooseSupplier({ ...wish, rejectedBy }, among);
      expect(choice.candidates.map((line) => line.supplier)).toEqual(
        among.map((one) => one.supplierId),
      );
      const able = choice.candidates.filter((line) =>
        ["chosen", "ranked_lower"].includes(line.verdict),
      );
      const chosen = choice.candidates.filter((line) => line.verdict === "chosen");
      expect(chosen.map((line) => line.supplier)).toEqual(
        choice.supplierId === null ? [] : [choice.supplierId],
      );
      expect(able.length > 0).toBe(choice.supplierId !== null);
      for (const line of able) {
        const one = among.find((other) => other.supplierId === line.supplier);
        expect(rejectedBy).not.toContain(line.supplier);
        expect(one?.breaker.state).not.toBe("open");
        expect(BigInt(line.costUsdMicro ?? -1)).toBeLessThanOrEqual(wish.maxCostUsdMicro);
        expect(BigInt(line.costUsdMicro ?? -1)).toBeGreaterThanOrEqual(
          BigInt(chosen[0]?.costUsdMicro ?? -1),
        );
      }
    }),
  );
});
