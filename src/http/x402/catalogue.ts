import { hash } from "node:crypto";
import type { PlanView } from "#wire/x402";
import { usdText } from "../../orders/view.ts";
import type { Plan } from "../../products/plan.ts";
import type { HttpDeps } from "../deps.ts";
import type { PlanQuery } from "../schemas-x402.ts";

/** The catalogue as JSON, with the tag that changes with it. */
export interface Catalogue {
  readonly json: string;
  readonly tag: string;
}

const MEBIBYTE = 1_048_576n;

/** The plans on sale that the query wants, the cheapest first. */
export function listPlans(
  { clock, plans, products }: Pick<HttpDeps, "clock" | "plans" | "products">,
  query: PlanQuery,
): Catalogue {
  const country = query.country?.toUpperCase();
  const minBytes = BigInt(query.min_data_mb ?? 0) * MEBIBYTE;
  const wanted = [...plans(products.travelEsim.id, clock.now()).values()]
    .filter(({ facts }) => country === undefined || facts.countries.includes(country))
    .filter(({ facts }) => facts.dataBytes >= minBytes)
    .toSorted(byPrice);
  const json = JSON.stringify({ plans: wanted.map(viewPlan) });
  return { json, tag: `"${hash("sha256", json, "base64url").slice(0, 22)}"` };
}

function byPrice(a: Plan, b: Plan): number {
  return Number(a.priceUsdMicro - b.priceUsdMicro) || (a.id < b.id ? -1 : 1);
}

function viewPlan({ id, facts, priceUsdMicro }: Plan): PlanView {
  return {
    plan_id: id,
    countries: facts.countries,
    data_bytes: Number(facts.dataBytes),
    validity_days: facts.validityDays,
    validity_starts: facts.validityStarts,
    price: { amount: usdText(priceUsdMicro), currency: "USD" },
  };
}
