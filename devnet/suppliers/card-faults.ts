import { problem, type Spoilers } from "./answer.ts";
import { parseCents } from "./decimal.ts";
import {
  quietFaults,
  transportFaults,
  type FaultWords,
  type QuietFault,
  type Rule,
} from "./fault-rule.ts";

/** The calls of the card supplier's API, as fault rules name them. */
const calls = ["health", "balance", "offers", "issue", "find", "card", "activate"] as const;
export type Call = (typeof calls)[number];

/** What can go wrong. Each is one way in which a real supplier has failed its customers. */
export const faultKinds = [
  ...transportFaults,
  ...quietFaults,
  "error_500", // 500, problem code "internal"
  "error_503", // 503, problem code "unavailable"
  "rate_limited", // 429 with Retry-After
  "out_of_stock", // refused, nothing was sold
  "insufficient_balance", // refused, nothing was sold
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** One line of the card supplier's fault script; `faceValue` is decimal text: "25.00". */
export type FaultRule = Rule<Call, FaultKind, "faceValue">;

export const cardWords: FaultWords<Call, FaultKind, "faceValue"> = {
  calls,
  kinds: faultKinds,
  item: "faceValue",
  itemMust: 'a decimal text with two decimals: "25.00"',
  isItem: (text) => /\.\d\d$/.test(text) && parseCents(text) !== null,
};

export const cardSpoilers: Spoilers<Exclude<FaultKind, QuietFault>> = {
  error_500: () => problem("internal", "An unexpected condition was met."),
  error_503: () => problem("unavailable", "Maintenance is in progress."),
  rate_limited: (rule) =>
    problem("rate_limited", "Slow down.", { "retry-after": `${rule.retryAfterS ?? 1}` }),
  out_of_stock: () => problem("out_of_stock", "Nothing was sold."),
  insufficient_balance: () => problem("insufficient_balance", "Nothing was sold."),
};

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
