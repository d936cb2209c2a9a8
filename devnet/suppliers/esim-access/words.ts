import type { Spoilers } from "../answer.ts";
import {
  quietFaults,
  transportFaults,
  type FaultWords,
  type QuietFault,
  type Rule,
} from "../fault-rule.ts";
import { httpError, refusal } from "./envelope.ts";

/** The calls of the API, as fault rules name them; `hook` is the one that the supplier makes. */
const calls = ["packages", "balance", "order", "query", "cancel", "webhook", "hook"] as const;
export type EsimCall = (typeof calls)[number];

/** What can go wrong. A rule for `hook` keeps the hook back; `slow` delays it, `duplicate` doubles it. */
export const esimFaultKinds = [
  ...transportFaults,
  ...quietFaults,
  "error_500", // HTTP 500 without an envelope
  "error_503", // HTTP 503 without an envelope
  "rate_limited", // HTTP 429 with Retry-After
  "server_error", // 000001
  "busy", // 900001
  "price_changed", // 200005, nothing was sold
  "insufficient_balance", // 200007, nothing was sold
  "still_allocating", // 200010
  "out_of_profiles", // 200011, nothing was sold
] as const;
export type EsimFaultKind = (typeof esimFaultKinds)[number];

/** One line of the eSIM supplier's fault script; `reference` is a transactionId. */
export type EsimFaultRule = Rule<EsimCall, EsimFaultKind, "packageCode">;

export const esimWords: FaultWords<EsimCall, EsimFaultKind, "packageCode"> = {
  calls,
  kinds: esimFaultKinds,
  item: "packageCode",
  itemMust: "a package code of 1 to 32 letters, digits and underscores",
  isItem: (text) => /^\w{1,32}$/.test(text),
};

export const esimSpoilers: Spoilers<Exclude<EsimFaultKind, QuietFault>> = {
  error_500: () => httpError(500),
  error_503: () => httpError(503),
  rate_limited: (rule) => httpError(429, { "retry-after": `${rule.retryAfterS ?? 1}` }),
  server_error: () => refusal("000001"),
  busy: () => refusal("900001"),
  price_changed: () => refusal("200005"),
  insufficient_balance: () => refusal("200007"),
  still_allocating: () => refusal("200010"),
  out_of_profiles: () => refusal("200011"),
};
