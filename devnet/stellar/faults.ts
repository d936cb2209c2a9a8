import { xdr } from "@stellar/stellar-sdk";
import { createFaultPlan, type FaultPlan } from "../fault-plan.ts";
import { isObject } from "./rpc/json-rpc.ts";
import type { TransactionFaultCode } from "./transactions/results.ts";

/** What can be made to go wrong with one request. */
export type Fault =
  /** The connection is cut before anything happens. */
  | { readonly kind: "drop" }
  /** The request is carried out, then the connection is cut: the caller cannot know. */
  | { readonly kind: "drop_answer" }
  | { readonly kind: "delay"; readonly delayMs: number }
  /** An HTTP status with no JSON-RPC body, as a proxy gives; 503 and 429 are the common ones. */
  | { readonly kind: "http_status"; readonly status: number }
  | { readonly kind: "rpc_error"; readonly code: number; readonly message: string }
  /** sendTransaction: answered with PENDING, then forgotten by the network. */
  | { readonly kind: "lose_transaction" }
  /** sendTransaction: the queue is full. */
  | { readonly kind: "try_again_later" }
  /** sendTransaction: ERROR with this result. */
  | { readonly kind: "reject_transaction"; readonly code: TransactionFaultCode }
  /** getTransaction: NOT_FOUND although it is there, as a server says that lags behind. */
  | { readonly kind: "not_found" }
  /** getEvents: the page before this one once more. */
  | { readonly kind: "repeat_page" };

/** Faults that wait for their request; friendbot counts as a method. */
export type Faults = FaultPlan<Fault>;

/** The one method that a fault can befall, where there is only one. */
const METHOD_OF: Partial<Record<Fault["kind"], string>> = {
  lose_transaction: "sendTransaction",
  try_again_later: "sendTransaction",
  reject_transaction: "sendTransaction",
  not_found: "getTransaction",
  repeat_page: "getEvents",
};

export function createFaults(): Faults {
  return createFaultPlan<Fault>(METHOD_OF);
}

/** Reads a fault that came as JSON. @throws if it is none */
export function readFault(value: unknown): Fault {
  const given = isObject(value) ? value : {};
  const kind = String(given["kind"]);
  const read = READERS[kind];
  if (!read) throw new Error(`unknown fault ${kind}; one of ${Object.keys(READERS).join(", ")}`);
  return read(given);
}

type Given = Readonly<Record<string, unknown>>;

const READERS: Readonly<Record<string, (given: Given) => Fault>> = {
  drop: () => ({ kind: "drop" }),
  drop_answer: () => ({ kind: "drop_answer" }),
  lose_transaction: () => ({ kind: "lose_transaction" }),
  try_again_later: () => ({ kind: "try_again_later" }),
  not_found: () => ({ kind: "not_found" }),
  repeat_page: () => ({ kind: "repeat_page" }),
  delay: ({ delayMs }) => ({ kind: "delay", delayMs: numberOr(delayMs, 1000) }),
  http_status: ({ status }) => ({ kind: "http_status", status: numberOr(status, 503) }),
  rpc_error: ({ code, message }) => ({
    kind: "rpc_error",
    code: numberOr(code, -32603),
    message: typeof message === "string" ? message : "planned fault",
  }),
  reject_transaction({ code }) {
    const name = typeof code === "string" ? code : "txInternalError";
    if (!(name in xdr.TransactionResultResult)) {
      throw new Error(`no transaction result is called ${name}`);
    }
    return { kind: "reject_transaction", code: name as TransactionFaultCode };
  },
};

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}
