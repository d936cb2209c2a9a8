import { Bug, Refusal, type RefusalFacts } from "../../errors.ts";
import type { CommitNotice } from "../tx.ts";

/** One action to run: plain data, because it crosses a thread. */
export interface Call {
  readonly name: string;
  readonly input: unknown;
}

/** How a call ended, as plain data. */
export type CallResult =
  | { readonly kind: "done"; readonly value: unknown }
  | {
      readonly kind: "refused";
      readonly code: Refusal["code"];
      readonly detail: string;
      readonly facts: RefusalFacts;
    }
  | { readonly kind: "broken"; readonly message: string; readonly stack: string };

/** The ends of a batch of calls, in their order. Null notice: nothing was changed. */
export interface Answer {
  readonly results: readonly CallResult[];
  readonly notice: CommitNotice | null;
}

/** An error as plain data. */
export function failureOf(error: unknown): CallResult {
  if (error instanceof Refusal)
    return { kind: "refused", code: error.code, detail: error.detail, facts: error.facts };
  if (error instanceof Error)
    return { kind: "broken", message: error.message, stack: error.stack ?? "" };
  return { kind: "broken", message: String(error), stack: "" };
}

/** The error that `transact` rejects with. A bug keeps the stack of where it happened. */
export function errorOf(name: string, result: Exclude<CallResult, { kind: "done" }>): Error {
  if (result.kind === "refused") return new Refusal(result.code, result.detail, result.facts);
  const cause = new Error(result.message);
  cause.stack = result.stack;
  return new Bug(`action ${name}: ${result.message}`, { cause });
}

/**
 * Copies an answer with `copy`, which throws at what cannot be copied (a function, a promise). Such a value
 * breaks its own call only; what that call wrote stays committed.
 */
export function copyAnswer<Copied>(answer: Answer, copy: (answer: Answer) => Copied): Copied {
  try {
    return copy(answer);
  } catch {
    return copy({ ...answer, results: answer.results.map(copyable) });
  }
}

function copyable(result: CallResult): CallResult {
  try {
    return structuredClone(result);
  } catch (error) {
    return failureOf(error);
  }
}
