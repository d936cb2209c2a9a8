/** What one simulator's fault script may speak of. */
export interface FaultWords<Call extends string, Kind extends string, Item extends string> {
  /** The calls of the API, as fault rules name them. */
  readonly calls: readonly Call[];
  readonly kinds: readonly Kind[];
  /** The member of a rule that says which goods it strikes: "faceValue". */
  readonly item: Item;
  readonly itemMust: string;
  isItem(text: string): boolean;
}

/** What any supplier's server can do to an answer, whatever it sells. */
export const transportFaults = [
  "timeout", // never answers; the client gives up
  "reset", // the connection is reset instead of an answer
  "truncated_json", // well-formed HTTP, half a JSON text
  "wrong_content_type", // 200 with an HTML page
  "wrong_shape", // 200 with JSON that lacks every documented member
  "oversized", // 200 with an answer of 8 MiB
] as const;
export type TransportFault = (typeof transportFaults)[number];

/** The faults that change how a call runs and leave its answer alone. */
export const quietFaults = [
  "slow", // the call takes `delayMs` longer
  "duplicate", // the reference is ignored, so a resend sells a second piece
] as const;
export type QuietFault = (typeof quietFaults)[number];

/** One line of the fault script. Rules are tried in the order in which they were added. */
export type Rule<Call extends string, Kind extends string, Item extends string> = {
  readonly call: Call | "any";
  readonly fault: Kind;
  /**
   * "before": the call has no effect (nothing sold, nothing activated). "after": it takes effect, and
   * only the answer is spoilt. Means nothing to the quiet faults.
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
  /** For `slow`: extra milliseconds, not scaled by the speed. @default 1000 */
  readonly delayMs?: number;
  /** For `rate_limited`: the Retry-After header in seconds. @default 1 */
  readonly retryAfterS?: number;
} & {
  /** Fires for these goods only. */
  readonly [name in Item]?: string;
};

/** A rule of any simulator, as the script works with it. */
export type AnyRule = Rule<string, string, never>;

export function isQuiet(kind: string): kind is QuietFault {
  return quietFaults.some((quiet) => quiet === kind);
}

export class FaultRuleError extends Error {
  override readonly name = "FaultRuleError";
}

/** The rule itself; throws a `FaultRuleError` that says what is wrong. */
export function checkFaultRule<Call extends string, Kind extends string, Item extends string>(
  words: FaultWords<Call, Kind, Item>,
  rule: unknown,
): Rule<Call, Kind, Item> {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) {
    throw new FaultRuleError("a fault rule is an object");
  }
  const fields = fieldsOf(words);
  const problems = Object.entries(rule).flatMap(([name, value]: [string, unknown]) => {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) return [`${name}: no such member`];
    return value === undefined || field.accepts(value) ? [] : [`${name}: must be ${field.must}`];
  });
  for (const name of ["call", "fault"]) {
    if (!Object.hasOwn(rule, name)) problems.push(`${name}: missing`);
  }
  if (problems.length > 0) throw new FaultRuleError(problems.join("; "));
  return rule as Rule<Call, Kind, Item>;
}

interface Field {
  readonly must: string;
  accepts(value: unknown): boolean;
}

function fieldsOf(words: FaultWords<string, string, string>): Readonly<Record<string, Field>> {
  return {
    call: oneOf([...words.calls, "any"]),
    fault: oneOf(words.kinds),
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
    [words.item]: {
      must: words.itemMust,
      accepts: (value) => typeof value === "string" && words.isItem(value),
    },
    delayMs: atLeastZero(),
    retryAfterS: atLeastZero(),
  };
}

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
