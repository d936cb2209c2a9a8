import { createFaultPlan, type FaultPlan } from "../../fault-plan.ts";

/** What can be made to go wrong with one query to the lite server. */
export type LiteFault =
  /** The connection is cut before anything happens; for all queries, a dead server. */
  | { readonly kind: "drop" }
  /** The query is carried out, then the connection is cut: the caller cannot know. */
  | { readonly kind: "drop_answer" }
  | { readonly kind: "delay"; readonly delayMs: number }
  /** The lite server's own error. */
  | { readonly kind: "lite_error"; readonly code: number; readonly message: string }
  /** sendMessage: answered as taken, then forgotten by the network. */
  | { readonly kind: "lose_message" }
  /** The server does not know the newest blocks yet; for all queries, one that lags. */
  | { readonly kind: "behind"; readonly blocks: number };

export type LiteFaults = FaultPlan<LiteFault>;

export function createLiteFaults(): LiteFaults {
  return createFaultPlan<LiteFault>({ lose_message: "sendMessage" });
}

type Given = Readonly<Record<string, unknown>>;

const READERS: Readonly<Record<LiteFault["kind"], (given: Given) => LiteFault>> = {
  drop: () => ({ kind: "drop" }),
  drop_answer: () => ({ kind: "drop_answer" }),
  lose_message: () => ({ kind: "lose_message" }),
  delay: ({ delayMs }) => ({ kind: "delay", delayMs: numberOr(delayMs, 1000) }),
  lite_error: ({ code, message }) => ({
    kind: "lite_error",
    code: numberOr(code, 651),
    message: typeof message === "string" ? message : "planned fault",
  }),
  behind: ({ blocks }) => ({ kind: "behind", blocks: numberOr(blocks, 1) }),
};

/** Reads a fault that came as JSON. @throws if it is none */
export function readLiteFault(value: unknown): LiteFault {
  const given = (typeof value === "object" && value !== null ? value : {}) as Given;
  const kind = String(given["kind"]);
  if (!Object.hasOwn(READERS, kind)) {
    throw new Error(`unknown fault ${kind}; one of ${Object.keys(READERS).join(", ")}`);
  }
  return READERS[kind as LiteFault["kind"]](given);
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}
