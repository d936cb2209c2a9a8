import { parseCents } from "./decimal.ts";

/** The calls of the API, as fault rules name them. */
export const calls = ["health", "balance", "offers", "issue", "find", "card", "activate"] as const;
export type Call = (typeof calls)[number];

/** What can go wrong. Each is one way in which a real supplier has failed its customers. */
export const faultKinds = [
  "timeout", // never answers; the client gives up
  "reset", // the connection is reset instead of an answer
  "error_500", // 500, problem code "internal"
  "error_503", // 503, problem code "unavailable"
  "rate_limited", // 429 with Retry-After
  "out_of_stock", // refused, nothing was sold
  "insufficient_balance", // refused, nothing was sold
  "slow", // the call takes `delayMs` longer
  "truncated_json", // well-formed HTTP, half a JSON text
  "wrong_content_type", // 200 with an HTML page
  "wrong_shape", // 200 with JSON that lacks every documented member
  "oversized", // 200 with an answer of 8 MiB
  "duplicate", // issue only: the reference is ignored, so a resend sells a second card
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** The faults that spoil an answer; the others change how a call runs and leave its answer alone. */
export type SpoilingFault = Exclude<FaultKind, "slow" | "duplicate">;

/** One line of the fault script. Rules are tried in the order in which they were added. */
export interface FaultRule {
  readonly call: Call | "any";
  readonly fault: FaultKind;
  /**
   * "before": the call has no effect (nothing sold, nothing activated). "after": it takes effect, and
   * only the answer is spoilt. Means nothing to `slow` and `duplicate`.
   * @default "before"
   */
  readonly when?: "before" | "after";
  /** How often it fires. @default 1 */
  readonly times?: number | "always";
  /** Counts `times` for every reference of its own. @default false */
  readonly perReference?: boolean;
  /** Chance per matching call, drawn from the simulator's seed. @default 1 */
  readonly probability?: number;
  /** Fires for this reference only. */
  readonly reference?: string;
  /** Fires for cards of this face value only: "25.00". */
  readonly faceValue?: string;
  /** For `slow`: extra milliseconds, not scaled by the speed. @default 1000 */
  readonly delayMs?: number;
  /** For `rate_limited`: the Retry-After header in seconds. @default 1 */
  readonly retryAfterS?: number;
}

export type SpoilingRule = FaultRule & { readonly fault: SpoilingFault };

export function isSpoiling(rule: FaultRule): rule is SpoilingRule {
  return rule.fault !== "slow" && rule.fault !== "duplicate";
}

export class FaultRuleError extends Error {
  override readonly name = "FaultRuleError";
}

/** The rule itself; throws a `FaultRuleError` that says what is wrong. */
export function checkFaultRule(rule: unknown): FaultRule {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) {
    throw new FaultRuleError("a fault rule is an object");
  }
  const problems = Object.entries(rule).flatMap(([name, value]: [string, unknown]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) return [`${name}: no such member`];
    return value === undefined || field.accepts(value) ? [] : [`${name}: must be ${field.must}`];
  });
  for (const name of ["call", "fault"]) {
    if (!Object.hasOwn(rule, name)) problems.push(`${name}: missing`);
  }
  if (problems.length > 0) throw new FaultRuleError(problems.join("; "));
  return rule as FaultRule;
}

interface Field {
  readonly must: string;
  accepts(value: unknown): boolean;
}

const fields: Readonly<Record<string, Field>> = {
  call: oneOf([...calls, "any"]),
  fault: oneOf(faultKinds),
  when: oneOf(["before", "after"]),
  times: {
    must: 'a whole number from 1, or "always"',
    accepts: (value) => value === "always" || (Number.isInteger(value) && Number(value) >= 1),
  },
  perReference: { must: "a boolean", accepts: (value) => typeof value === "boolean" },
  probability: {
    must: "a number from 0 to 1",
    accepts: (value) => typeof value === "number" && value >= 0 && value <= 1,
  },
  reference: { must: "a text", accepts: (value) => typeof value === "string" },
  faceValue: {
    must: 'a decimal text with two decimals: "25.00"',
    accepts: (value) =>
      typeof value === "string" && /\.\d\d$/.test(value) && parseCents(value) !== null,
  },
  delayMs: atLeastZero(),
  retryAfterS: atLeastZero(),
};

function oneOf(values: readonly string[]): Field {
  return {
    must: `one of ${values.join(", ")}`,
    accepts: (value) => typeof value === "string" && values.includes(value),
  };
}

function atLeastZero(): Field {
  return {
    must: "a number from 0",
    accepts: (value) => typeof value === "number" && Number.isFinite(value) && value >= 0,
  };
}
