/**
 * The answer of the outside world to a call that moves money or goods.
 * `unknown` means it may or may not have happened: look it up; never retry, fail over or refund on it.
 */
export type Outcome<Done> = Happened<Done> | Failed | Unknown;

interface Happened<Done> {
  readonly kind: "done";
  readonly value: Done;
}

/** It certainly did not happen. `retryable`: the same call may succeed later. `reason` holds no secret. */
export interface Failed {
  readonly kind: "failed";
  readonly retryable: boolean;
  readonly reason: string;
}

/** It may have happened. `reason` holds no secret. */
export interface Unknown {
  readonly kind: "unknown";
  readonly reason: string;
}

export function done<Value>(value: Value): Outcome<Value> {
  return { kind: "done", value };
}

/** @param retry "retry": the same call may succeed later; "final": it will not. */
export function failed(reason: string, retry: "retry" | "final"): Failed {
  return { kind: "failed", retryable: retry === "retry", reason };
}

export function unknown(reason: string): Unknown {
  return { kind: "unknown", reason };
}
