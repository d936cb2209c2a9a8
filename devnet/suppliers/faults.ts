import { checkFaultRule, isQuiet, type AnyRule, type FaultWords, type Rule } from "./fault-rule.ts";
import { uniform } from "./random.ts";

/** A rule in force and how often it has fired. */
export interface ActiveFault<AddedRule extends AnyRule> {
  readonly id: string;
  readonly rule: AddedRule;
  readonly fired: number;
}

/** What a call is about; null where it concerns no purchase. */
export interface Subject<Call extends string> {
  readonly call: Call;
  readonly reference: string | null;
  /** Which goods: a face value, a package. */
  readonly item: string | null;
}

export interface Faults<AddedRule extends AnyRule> {
  /** The new rule's id. Throws a `FaultRuleError` when the rule is not one. */
  add(rule: AddedRule): string;
  list(): readonly ActiveFault<AddedRule>[];
  /** Takes one rule back, or all; magic goods stay. */
  clear(id?: string): void;
}

/** What the script does to one call. */
export interface Strike {
  /** The rule that spoils the answer; the first that applies. */
  readonly spoiling: AnyRule | null;
  readonly extraDelayMs: number;
  readonly ignoresReference: boolean;
}

export interface FaultScript<
  Call extends string,
  Kind extends string,
  Item extends string,
> extends Faults<Rule<Call, Kind, Item>> {
  /** The rule itself; throws a `FaultRuleError` that says what is wrong. */
  check(rule: unknown): Rule<Call, Kind, Item>;
  /** What happens to this call; uses up one firing of each rule that takes part. */
  strike(subject: Subject<Call>): Strike;
}

const DEFAULT_SLOW_MS = 1000;

interface Entry<AddedRule> {
  readonly id: string;
  readonly rule: AddedRule;
  /** The goods that the rule is for; undefined for any. */
  readonly item: string | undefined;
  /** Per reference, so that calls that race cannot change each other's draws. */
  readonly matchedFor: Map<string, number>;
  readonly firedFor: Map<string, number>;
  fired: number;
}

/** A fault script that starts with `rules` and always has `magic`; draws come from `seed`. */
export function openFaultScript<Call extends string, Kind extends string, Item extends string>(
  words: FaultWords<Call, Kind, Item>,
  seed: string,
  scripts: {
    readonly rules: readonly Rule<Call, Kind, Item>[];
    readonly magic: readonly Rule<Call, Kind, Item>[];
  },
): FaultScript<Call, Kind, Item> {
  type Own = Rule<Call, Kind, Item>;
  const entryOf = (id: string, rule: Own): Entry<Own> => {
    const item = rule[words.item];
    return { id, rule, item, matchedFor: new Map(), firedFor: new Map(), fired: 0 };
  };
  const magic = scripts.magic.map((rule, index) => entryOf(`magic_${index + 1}`, rule));
  let scripted: Entry<Own>[] = [];
  let added = 0;

  function add(rule: Own): string {
    added += 1;
    const id = `fault_${added}`;
    scripted.push(entryOf(id, checkFaultRule(words, rule)));
    return id;
  }
  for (const rule of scripts.rules) add(rule);

  return {
    add,
    check: (rule) => checkFaultRule(words, rule),
    list: () => scripted.map(({ id, rule, fired }) => ({ id, rule, fired })),
    clear: (id) => {
      scripted = id === undefined ? [] : scripted.filter((entry) => entry.id !== id);
    },
    strike: (subject) => {
      let spoiling: AnyRule | null = null;
      let extraDelayMs = 0;
      let ignoresReference = false;
      for (const entry of [...scripted, ...magic]) {
        const rule: AnyRule = entry.rule;
        if (!isQuiet(rule.fault)) {
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

function concerns({ rule, item }: Entry<AnyRule>, subject: Subject<string>): boolean {
  if (rule.call !== "any" && rule.call !== subject.call) return false;
  if (rule.reference !== undefined && rule.reference !== subject.reference) return false;
  return item === undefined || item === subject.item;
}

/** Whether the entry strikes now; uses up one firing when it does. */
function fires(seed: string, entry: Entry<AnyRule>, subject: Subject<string>): boolean {
  const { rule } = entry;
  if (!concerns(entry, subject)) return false;

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
