import {
  checkFaultRule,
  isSpoiling,
  type Call,
  type FaultRule,
  type SpoilingRule,
} from "./fault-rule.ts";
import { uniform } from "./random.ts";

/** A rule in force and how often it has fired. */
export interface ActiveFault {
  readonly id: string;
  readonly rule: FaultRule;
  readonly fired: number;
}

/** What a call is about; null where it concerns no card. */
export interface Subject {
  readonly call: Call;
  readonly reference: string | null;
  readonly faceValue: string | null;
}

export interface Faults {
  /** The new rule's id. Throws a `FaultRuleError` when the rule is not one. */
  add(rule: FaultRule): string;
  list(): readonly ActiveFault[];
  /** Takes one rule back, or all; magic face values stay. */
  clear(id?: string): void;
}

/** What the script does to one call. */
export interface Strike {
  /** The rule that spoils the answer; the first that applies. */
  readonly spoiling: SpoilingRule | null;
  readonly extraDelayMs: number;
  readonly ignoresReference: boolean;
}

export interface FaultScript extends Faults {
  /** What happens to this call; uses up one firing of each rule that takes part. */
  strike(subject: Subject): Strike;
}

const DEFAULT_SLOW_MS = 1000;

interface Entry {
  readonly id: string;
  readonly rule: FaultRule;
  /** Per reference, so that calls that race cannot change each other's draws. */
  readonly matchedFor: Map<string, number>;
  readonly firedFor: Map<string, number>;
  fired: number;
}

/**
 * Face values that always misbehave in the same way, so that anybody can rehearse a failure with
 * nothing but an order. Each fires per reference.
 */
export const magicFaceValues: readonly (FaultRule & { readonly faceValue: string })[] = [
  { faceValue: "13.13", call: "issue", fault: "out_of_stock", times: "always" },
  { faceValue: "13.14", call: "issue", fault: "insufficient_balance", times: "always" },
  { faceValue: "42.90", call: "issue", fault: "rate_limited", perReference: true },
  { faceValue: "50.01", call: "issue", fault: "error_500", perReference: true },
  { faceValue: "50.02", call: "issue", fault: "error_500", when: "after", perReference: true },
  { faceValue: "50.03", call: "issue", fault: "reset", when: "after", perReference: true },
  { faceValue: "50.04", call: "issue", fault: "timeout", when: "after", perReference: true },
  { faceValue: "50.05", call: "issue", fault: "truncated_json", when: "after", perReference: true },
  { faceValue: "66.60", call: "activate", fault: "error_500", times: "always" },
  { faceValue: "66.61", call: "activate", fault: "error_500", perReference: true },
];

/** A fault script that starts with `rules`; draws come from `seed`. */
export function openFaultScript(seed: string, rules: readonly FaultRule[]): FaultScript {
  const magic = magicFaceValues.map((rule, index) => entryOf(`magic_${index + 1}`, rule));
  let scripted: Entry[] = [];
  let added = 0;

  function add(rule: FaultRule): string {
    added += 1;
    const id = `fault_${added}`;
    scripted.push(entryOf(id, checkFaultRule(rule)));
    return id;
  }
  for (const rule of rules) add(rule);

  return {
    add,
    list: () => scripted.map(({ id, rule, fired }) => ({ id, rule, fired })),
    clear: (id) => {
      scripted = id === undefined ? [] : scripted.filter((entry) => entry.id !== id);
    },
    strike: (subject) => {
      let spoiling: SpoilingRule | null = null;
      let extraDelayMs = 0;
      let ignoresReference = false;
      for (const entry of [...scripted, ...magic]) {
        const { rule } = entry;
        if (isSpoiling(rule)) {
          if (spoiling === null && fires(seed, entry, subject)) spoiling = rule;
        } else if (fires(seed, entry, subject)) {
          if (rule.fault === "slow") extraDelayMs += rule.delayMs ?? DEFAULT_SLOW_MS;
          else ignoresReference = true;
        }
      }
      return { spoiling, extraDelayMs, ignoresReference };
    },
  };
}

function entryOf(id: string, rule: FaultRule): Entry {
  return { id, rule, matchedFor: new Map(), firedFor: new Map(), fired: 0 };
}

function concerns(rule: FaultRule, subject: Subject): boolean {
  if (rule.call !== "any" && rule.call !== subject.call) return false;
  if (rule.reference !== undefined && rule.reference !== subject.reference) return false;
  return rule.faceValue === undefined || rule.faceValue === subject.faceValue;
}

/** Whether the entry strikes now; uses up one firing when it does. */
function fires(seed: string, entry: Entry, subject: Subject): boolean {
  const { rule } = entry;
  if (!concerns(rule, subject)) return false;

  const about = subject.reference ?? "";
  const countedAs = rule.perReference === true ? about : "all";
  const firedBefore = entry.firedFor.get(countedAs) ?? 0;
  const times = rule.times ?? 1;
  if (times !== "always" && firedBefore >= times) return false;

  const ordinal = (entry.matchedFor.get(about) ?? 0) + 1;
  entry.matchedFor.set(about, ordinal);
  const chance = rule.probability ?? 1;
  if (uniform(seed, "fault", entry.id, subject.call, about, ordinal) >= chance) return false;

  entry.firedFor.set(countedAs, firedBefore + 1);
  entry.fired += 1;
  return true;
}
