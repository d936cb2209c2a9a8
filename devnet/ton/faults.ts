import { createFaultPlan, type FaultPlan } from "../fault-plan.ts";

/** What can be made to go wrong with one request. */
export type Fault =
  /** The connection is cut before anything happens; for all requests, a dead server. */
  | { readonly kind: "drop" }
  /** The request is carried out, then the connection is cut: the caller cannot know. */
  | { readonly kind: "drop_answer" }
  | { readonly kind: "delay"; readonly delayMs: number }
  /** An HTTP status without toncenter's JSON, as a proxy gives; 503 and 429 are the common ones. */
  | { readonly kind: "http_status"; readonly status: number }
  /** toncenter's own error: 500 with the words of the lite server, 429 "Ratelimit exceed". */
  | { readonly kind: "api_error"; readonly code: number; readonly message: string }
  /** sendBoc: answered as taken, then forgotten by the network. */
  | { readonly kind: "lose_message" }
  /** getTransactions: as if all history had been pruned, unless archives are asked. */
  | { readonly kind: "pruned_history" }
  /**
   * getAddressInformation: a server that lies. Transactions from this lt (as text) on are kept back, the account's
   * contents are not; the block is this much later than it was.
   */
  | { readonly kind: "false_state"; readonly hiddenFromLt?: string; readonly laterSeconds?: number }
  /** The account has one more transaction, in base64, that never was: in its state and at the end of its history. */
  | { readonly kind: "invented_transaction"; readonly boc: string }
  /** runGetMethod: whoever's wallet is asked for, it is this one. */
  | { readonly kind: "wrong_wallet"; readonly address: string };

export type Faults = FaultPlan<Fault>;

export function createFaults(): Faults {
  return createFaultPlan<Fault>({
    lose_message: "sendBoc",
    pruned_history: "getTransactions",
    false_state: "getAddressInformation",
    wrong_wallet: "runGetMethod",
  });
}

/** Faults of `sendBoc` befall its twin too. */
export function faultMethod(name: string): string {
  return name === "sendBocReturnHash" ? "sendBoc" : name;
}

type Given = Readonly<Record<string, unknown>>;

const READERS: Readonly<Record<Fault["kind"], (given: Given) => Fault>> = {
  drop: () => ({ kind: "drop" }),
  drop_answer: () => ({ kind: "drop_answer" }),
  lose_message: () => ({ kind: "lose_message" }),
  pruned_history: () => ({ kind: "pruned_history" }),
  delay: ({ delayMs }) => ({ kind: "delay", delayMs: numberOr(delayMs, 1000) }),
  http_status: ({ status }) => ({ kind: "http_status", status: numberOr(status, 503) }),
  api_error: ({ code, message }) => ({
    kind: "api_error",
    code: numberOr(code, 500),
    message: typeof message === "string" ? message : "LITE_SERVER_NETWORK: planned fault",
  }),
  false_state: ({ hiddenFromLt, laterSeconds }) => ({
    kind: "false_state",
    ...(typeof hiddenFromLt === "string" && { hiddenFromLt }),
    laterSeconds: numberOr(laterSeconds, 0),
  }),
  invented_transaction: ({ boc }) => ({ kind: "invented_transaction", boc: String(boc) }),
  wrong_wallet: ({ address }) => ({ kind: "wrong_wallet", address: String(address) }),
};

/** Reads a fault that came as JSON. @throws if it is none */
export function readFault(value: unknown): Fault {
  const given = (typeof value === "object" && value !== null ? value : {}) as Given;
  const kind = String(given["kind"]);
  if (!Object.hasOwn(READERS, kind)) {
    throw new Error(`unknown fault ${kind}; one of ${Object.keys(READERS).join(", ")}`);
  }
  return READERS[kind as Fault["kind"]](given);
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}
