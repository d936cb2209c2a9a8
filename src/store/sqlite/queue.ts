import { assert, Refusal } from "../../errors.ts";
import { errorOf, type Call, type CallResult } from "./call.ts";

/** Calls on their way to the engine and back: bounded, sent once per turn of the event loop. */
export interface CallQueue {
  call(name: string, input: unknown): Promise<unknown>;
  /** Settles the oldest calls that were sent. */
  settle(results: readonly CallResult[]): void;
  /** Rejects all calls, waiting and to come. */
  fail(error: Error): void;
  /** Refuses new calls; resolves when the last one has been settled. */
  close(): Promise<void>;
}

interface Waiting {
  readonly call: Call;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export interface QueueOptions {
  /** Calls that may be unanswered at a time; more are refused. */
  readonly maxWaiting: number;
  /** Throws when a call's input cannot be copied. */
  readonly send: (calls: readonly Call[]) => void;
}

export function createCallQueue({ maxWaiting, send }: QueueOptions): CallQueue {
  let unsent: Waiting[] = [];
  let sent: Waiting[] = [];
  let failure: Error | null = null;
  let onEmpty: (() => void) | null = null;

  const settleIfEmpty = (): void => {
    if (onEmpty !== null && unsent.length + sent.length === 0) onEmpty();
  };
  const flush = (): void => {
    const batch = unsent;
    unsent = [];
    try {
      send(batch.map(({ call }) => call));
      sent.push(...batch);
    } catch {
      for (const waiting of batch) sendAlone(waiting);
    }
    settleIfEmpty();
  };
  const sendAlone = (waiting: Waiting): void => {
    try {
      send([waiting.call]);
      sent.push(waiting);
    } catch (error) {
      waiting.reject(
        new Error(`the input of ${waiting.call.name} cannot be copied`, { cause: error }),
      );
    }
  };
  return {
    call: (name, input) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure);
        if (unsent.length + sent.length >= maxWaiting) return reject(overloaded(maxWaiting));
        if (unsent.push({ call: { name, input }, resolve, reject }) === 1) setImmediate(flush);
      }),
    settle(results) {
      const settled = sent.slice(0, results.length);
      sent = sent.slice(results.length);
      for (const [index, { call, resolve, reject }] of settled.entries()) {
        const result = results[index];
        assert(result !== undefined, "an answer has fewer results than calls");
        if (result.kind === "done") resolve(result.value);
        else reject(errorOf(call.name, result));
      }
      settleIfEmpty();
    },
    fail(error) {
      failure ??= error;
      const lost = [...sent, ...unsent];
      sent = [];
      unsent = [];
      for (const { reject } of lost) reject(error);
      settleIfEmpty();
    },
    close() {
      failure ??= new Error("the store is closed");
      return new Promise((resolve) => {
        onEmpty = resolve;
        settleIfEmpty();
      });
    },
  };
}

function overloaded(maxWaiting: number): Refusal {
  return new Refusal(
    "service_temporarily_unavailable",
    `The shop has ${maxWaiting} writes waiting and takes no more. Nothing was stored; try again in a second.`,
  );
}
