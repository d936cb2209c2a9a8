import { createHash } from "node:crypto";
import type { JsonObject } from "../json.ts";

/** What a data plan promises. Plans with equal facts are the same plan, whoever supplies them. */
export interface PlanFacts {
  /** ISO 3166-1 alpha-2, sorted, each once, at least one. */
  readonly countries: readonly string[];
  readonly dataBytes: bigint;
  readonly validityDays: number;
  /** What starts the clock: putting the profile on a device, or its first use of a network. */
  readonly validityStarts: "install" | "first_network";
}

/** A plan on sale. */
export interface Plan {
  readonly id: string;
  readonly facts: PlanFacts;
  /** What the buyer owes; USD with 6 decimals. */
  readonly priceUsdMicro: bigint;
}

/** What is on sale by name now, by plan id. */
export type Plans = ReadonlyMap<string, Plan>;

export const NO_PLANS: Plans = new Map();

const HASH_DIGITS = 8;
const MEBIBYTE = 1024n * 1024n;

/**
 * The id of the plan with these facts: "jp-1024mb-7d-1f0c22ab"; several countries are counted ("x42"). The
 * hash covers every fact, so an order can never be filled with another plan than the one it was priced for.
 */
export function planIdOf(facts: PlanFacts): string {
  const [first = "", ...others] = facts.countries;
  const place = others.length === 0 ? first.toLowerCase() : `x${facts.countries.length}`;
  const digest = createHash("sha256")
    .update(JSON.stringify(planRequest(facts)))
    .digest("hex")
    .slice(0, HASH_DIGITS);
  return `${place}-${facts.dataBytes / MEBIBYTE}mb-${facts.validityDays}d-${digest}`;
}

/** The facts as plain data, in a fixed order of members. */
function planRequest(facts: PlanFacts) {
  const { countries, dataBytes, validityDays, validityStarts } = facts;
  return { countries, dataBytes: dataBytes.toString(), validityDays, validityStarts };
}

/** What is stored with an order of this plan: the facts too, since an id alone promises nothing later. */
export function storePlanRequest(planId: string, facts: PlanFacts): JsonObject {
  return { planId, ...planRequest(facts) };
}

/** A stored request back as the plan it names; null when it names none. */
export function readPlanRequest(
  request: JsonObject,
): { readonly planId: string; readonly facts: PlanFacts } | null {
  const { planId, countries, dataBytes, validityDays, validityStarts } = request;
  if (typeof planId !== "string" || typeof dataBytes !== "string") return null;
  if (typeof validityDays !== "number" || !Array.isArray(countries)) return null;
  if (validityStarts !== "install" && validityStarts !== "first_network") return null;
  return {
    planId,
    facts: {
      countries: (countries as readonly unknown[]).filter((one) => typeof one === "string"),
      dataBytes: BigInt(dataBytes),
      validityDays,
      validityStarts,
    },
  };
}
