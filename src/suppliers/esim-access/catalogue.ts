import type { Clock } from "../../clock.ts";
import { done, type Outcome } from "../../outcome.ts";
import { planIdOf, type PlanFacts } from "../../products/plan.ts";
import { settle, type EsimAccessClient } from "./client.ts";
import type { Package } from "./wire.ts";

/** A package that is a plan we can sell. */
export interface CataloguePlan {
  readonly planId: string;
  readonly facts: PlanFacts;
  readonly packageCode: string;
  /** 10000 is 1.00 USD. */
  readonly price: number;
}

/** The supplier's plans, kept for a while because the list is large and changes seldom. */
export interface Catalogue {
  plans(signal: AbortSignal): Promise<Outcome<readonly CataloguePlan[]>>;
  /** The cheapest package that is this plan; done(null) when there is none. */
  find(planId: string, signal: AbortSignal): Promise<Outcome<CataloguePlan | null>>;
  /** The next read asks the supplier. */
  forget(): void;
}

export function createCatalogue(
  client: Pick<EsimAccessClient, "packages">,
  { clock, maxAgeMs }: { readonly clock: Clock; readonly maxAgeMs: number },
): Catalogue {
  let kept: { readonly plans: readonly CataloguePlan[]; readonly readAtMs: number } | null = null;

  async function plans(signal: AbortSignal): Promise<Outcome<readonly CataloguePlan[]>> {
    if (kept !== null && clock.now() - kept.readAtMs < maxAgeMs) return done(kept.plans);
    const listed = settle(await client.packages(signal));
    if (listed.kind !== "done") return listed;
    kept = { plans: listed.value.flatMap(planOf), readAtMs: clock.now() };
    return done(kept.plans);
  }

  return {
    plans,
    find: async (planId, signal) => {
      const known = await plans(signal);
      if (known.kind !== "done") return known;
      const [cheapest = null] = known.value
        .filter((plan) => plan.planId === planId)
        .toSorted((a, b) => a.price - b.price);
      return done(cheapest);
    },
    forget: () => {
      kept = null;
    },
  };
}

const FIRST_INSTALL = 1;
const FIRST_NETWORK = 2;
/** So much data in all. The other types are by the day, which is another promise. */
const DATA_IN_TOTAL = 1;

/** None for a package whose promise we could not keep or word. */
function planOf(one: Package): readonly CataloguePlan[] {
  if (one.currencyCode !== "USD" || one.durationUnit !== "DAY" || one.price === 0) return [];
  if (one.dataType !== DATA_IN_TOTAL) return [];
  if (one.activeType !== FIRST_INSTALL && one.activeType !== FIRST_NETWORK) return [];
  const countries = [...new Set(one.location.split(",").map((code) => code.trim()))].toSorted();
  const facts: PlanFacts = {
    countries,
    dataBytes: BigInt(one.volume),
    validityDays: one.duration,
    validityStarts: one.activeType === FIRST_INSTALL ? "install" : "first_network",
  };
  return [{ planId: planIdOf(facts), facts, packageCode: one.packageCode, price: one.price }];
}
