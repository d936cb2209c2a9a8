import { xdr } from "@stellar/stellar-sdk";
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

export interface FaultRule {
  readonly fault: Fault;
  /** Only requests of this method (or `friendbot`); null for every request. */
  readonly method: string | null;
  readonly times: number;
}

/** Faults that wait for their request, first planned first. Each request suffers at most one. */
export interface Faults {
  /** @default times 1 */
  plan(fault: Fault, options?: { readonly method?: string; readonly times?: number }): void;
  /** The fault of this request, which is then spent; null if it goes well. */
  take(method: string): Fault | null;
  planned(): readonly FaultRule[];
  clear(): void;
}

/** The one method that a fault can befall, where there is only one. */
const METHOD_OF: Partial<Record<Fault["kind"], string>> = {
  lose_transaction: "sendTransaction",
  try_again_later: "sendTransaction",
  reject_transaction: "sendTransaction",
  not_found: "getTransaction",
  repeat_page: "getEvents",
};

export function createFaults(): Faults {
  let rules: FaultRule[] = [];
  return {
    plan(fault, { method, times = 1 } = {}) {
      rules.push({ fault, method: METHOD_OF[fault.kind] ?? method ?? null, times });
    },
    take(method) {
      const index = rules.findIndex((rule) => rule.method === null || rule.method === method);
      const rule = rules[index];
      if (!rule) return null;
      if (rule.times > 1) rules[index] = { ...rule, times: rule.times - 1 };
      else rules = rules.filter((other) => other !== rule);
      return rule.fault;
    },
    planned: () => rules,
    clear() {
      rules = [];
    },
  };
}

/** Reads a fault that came as JSON. @throws if it is none */
export function readFault(value: unknown): Fault {
  const given = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const number = (name: string, fallback: number) =>
    typeof given[name] === "number" ? given[name] : fallback;
  const text = (name: string, fallback: string) =>
    typeof given[name] === "string" ? given[name] : fallback;
  switch (given["kind"]) {
    case "drop":
    case "drop_answer":
    case "lose_transaction":
    case "try_again_later":
    case "not_found":
    case "repeat_page":
      return { kind: given["kind"] };
    case "delay":
      return { kind: "delay", delayMs: number("delayMs", 1000) };
    case "http_status":
      return { kind: "http_status", status: number("status", 503) };
    case "rpc_error":
      return {
        kind: "rpc_error",
        code: number("code", -32603),
        message: text("message", "internal error"),
      };
    case "reject_transaction": {
      const code = text("code", "txInternalError");
      if (code in xdr.TransactionResultResult) {
        return { kind: "reject_transaction", code: code as TransactionFaultCode };
      }
      throw new Error(`no transaction result is called ${code}`);
    }
    default:
      throw new Error(`unknown fault ${JSON.stringify(given["kind"])}`);
  }
}
