import { mulDivCeil } from "../money.ts";
import type { Plan, Plans } from "../products/plan.ts";
import { chooseSupplier, type Candidate } from "./choose.ts";

/** How the price of a plan is made of its cost. */
export interface PlanPricing {
  /** Added to the cost, parts per 10,000: 2_000n sells for 1.20 USD what costs 1.00. */
  readonly markupBps: bigint;
  /** The least that is earned on one plan; USD with 6 decimals. */
  readonly minMarkupUsdMicro: bigint;
}

const CENT_USD_MICRO = 10_000n;

/**
 * The plans of a product that can be bought at this moment, each at the price that its cheapest able
 * supplier makes possible, rounded up to a cent. Pure.
 */
export function plansOnSale(
  product: string,
  pricing: PlanPricing,
  candidates: readonly Candidate[],
): Plans {
  const cheapest = new Map<string, { readonly plan: Plan; readonly costUsdMicro: bigint }>();
  for (const candidate of candidates) {
    for (const offer of candidate.offers ?? []) {
      if (offer.kind !== "plan" || offer.product !== product) continue;
      const { planId: id, facts, costUsdMicro } = offer;
      const known = cheapest.get(id);
      if (known !== undefined && known.costUsdMicro <= costUsdMicro) continue;
      const wish = {
        product,
        piece: { kind: "plan", planId: id, facts },
        maxCostUsdMicro: costUsdMicro,
        rejectedBy: [],
      } as const;
      const alone = [{ ...candidate, offers: [offer] }];
      if (chooseSupplier(wish, alone).supplierId === null) continue;
      const priceUsdMicro = priceOf(costUsdMicro, pricing);
      cheapest.set(id, { plan: { id, facts, priceUsdMicro }, costUsdMicro });
    }
  }
  return new Map([...cheapest].map(([id, { plan }]) => [id, plan]));
}

function priceOf(costUsdMicro: bigint, { markupBps, minMarkupUsdMicro }: PlanPricing): bigint {
  const share = mulDivCeil(costUsdMicro, markupBps, 10_000n);
  const exact = costUsdMicro + (share > minMarkupUsdMicro ? share : minMarkupUsdMicro);
  return mulDivCeil(exact, 1n, CENT_USD_MICRO) * CENT_USD_MICRO;
}
