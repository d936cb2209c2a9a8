import { createFaultPlan, type FaultPlan } from "../fault-plan.ts";

/** What can be made to go wrong with one request. */
export type Fault =
  /** The connection is cut before anything happens; for all requests, a dead server. */
  | { readonly kind: "drop" }
  /** The request is carried out, then the connection is cut: the caller cannot know. */
  | { readonly kind: "drop_answer" }
  | { readonly kind: "delay"; readonly delayMs: number }
  /** An HTTP status with no JSON-RPC body, as a proxy gives; 503 and 429 are the common ones. */
  | { readonly kind: "http_status"; readonly status: number }
  | { readonly kind: "rpc_error"; readonly code: number; readonly message: string }
  /** eth_sendRawTransaction: answered with its hash, then forgotten by the network. */
  | { readonly kind: "lose_transaction" }
  /** eth_getTransactionReceipt: null although it is there, as a server says that lags behind. */
  | { readonly kind: "no_receipt" };

export type Faults = FaultPlan<Fault>;

export function createFaults(): Faults {
  return createFaultPlan<Fault>({
    lose_transaction: "eth_sendRawTransaction",
    no_receipt: "eth_getTransactionReceipt",
  });
}

type Given = Readonly<Record<string, unknown>>;

const READERS: Readonly<Record<Fault["kind"], (given: Given) => Fault>> = {
  drop: () => ({ kind: "drop" }),
  drop_answer: () => ({ kind: "drop_answer" }),
  lose_transaction: () => ({ kind: "lose_transaction" }),
  no_receipt: () => ({ kind: "no_receipt" }),
  delay: ({ delayMs }) => ({ kind: "delay", delayMs: numberOr(delayMs, 1000) }),
  http_status: ({ status }) => ({ kind: "http_status", status: numberOr(status, 503) }),
  rpc_error: ({ code, message }) => ({
    kind: "rpc_error",
    code: numberOr(code, -32603),
    message: typeof message === "string" ? message : "planned fault",
  }),
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
