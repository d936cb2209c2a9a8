import { expect, test } from "vitest";
import { JAPAN_OFFER, JAPAN_WEEK } from "../../tests/fixtures/plan.ts";
import { CLOSED, type Breaker } from "./breaker.ts";
import type { Candidate } from "./choose.ts";
import { plansOnSale } from "./plans.ts";
import type { PlanOffer } from "./supplier.ts";

const pricing = { markupBps: 2_000n, minMarkupUsdMicro: 300_000n };
const OPEN: Breaker = { state: "open", consecutiveFaults: 3, openedAtMs: 0 };

const at = (changes: Partial<PlanOffer>, breaker = CLOSED): Candidate => ({
  supplierId: "a",
  offers: [{ ...JAPAN_OFFER, ...changes }],
  breaker,
});
const prices = (...candidates: readonly Candidate[]): readonly bigint[] =>
  [...plansOnSale("travel-esim", pricing, candidates).values()].map((plan) => plan.priceUsdMicro);

test("a plan is sold at the cost of its cheapest able supplier and the markup, in whole cents", () => {
  expect(prices(at({ costUsdMicro: 9_000_000n }), at({}), at({ costUsdMicro: 1n }, OPEN))).toEqual([
    2_040_000n,
  ]);
  expect(prices(at({ costUsdMicro: 1_700_100n }))).toEqual([2_050_000n]);
});

test("a cheap plan earns at least the smallest markup", () => {
  expect(prices(at({ costUsdMicro: 200_000n }))).toEqual([500_000n]);
});

test.each<[string, Candidate]>([
  ["nobody can say what it costs", { ...at({}), offers: null }],
  ["the supplier's breaker is open", at({}, OPEN)],
  ["it is out of stock", at({ stock: 0 })],
  ["the balance there does not cover it", at({ balanceUsdMicro: 1_699_999n })],
  ["it is another product's", at({ product: "other" })],
])("a plan is not on sale while %s", (_, candidate) => {
  expect(prices(candidate)).toEqual([]);
});

test("a plan carries its facts under its id", () => {
  const plans = plansOnSale("travel-esim", pricing, [at({})]);
  expect(plans.get(JAPAN_OFFER.planId)).toMatchObject({
    id: JAPAN_OFFER.planId,
    facts: JAPAN_WEEK,
  });
});
