import { openGuest, openOwned } from "./owner.ts";
import { createRunBatch } from "./batch.ts";
import { copyAnswer, type Answer, type Call } from "./call.ts";
import type { Actions } from "../tx.ts";

/** Runs calls somewhere and answers them in order, batch by batch. */
export interface Engine {
  /** Throws, and takes none of them, when an input cannot be copied. */
  submit(calls: readonly Call[]): void;
  /** Closes the database; only after every call has been answered. */
  stop(): Promise<void>;
}

export interface EngineOptions {
  readonly file: string;
  /** The most calls that share one commit. */
  readonly maxBatch: number;
  /** Called once per commit, in order. */
  readonly answer: (answer: Answer) => void;
}

/** Works off calls as they come: whatever has piled up during one commit shares the next. */
export interface Drain {
  add(calls: readonly Call[]): void;
}

export function createDrain(options: {
  readonly runBatch: (calls: readonly Call[]) => Promise<Answer>;
  readonly maxBatch: number;
  readonly answer: (answer: Answer) => void;
  /** Called between batches: a chance to `add` what has come meanwhile. */
  readonly poll: () => void;
}): Drain {
  let waiting: Call[] = [];
  let isRunning = false;
  const drain = async (): Promise<void> => {
    isRunning = true;
    for (options.poll(); waiting.length > 0; options.poll()) {
      const batch = waiting.slice(0, options.maxBatch);
      waiting = waiting.slice(options.maxBatch);
      options.answer(await options.runBatch(batch));
    }
    isRunning = false;
  };
  return {
    add(calls) {
      waiting.push(...calls);
      if (!isRunning) void drain();
    },
  };
}

/** In the calling thread: for tests and tools. Copies what goes in and out, as a thread would. */
export function startInline(
  options: EngineOptions,
  actions: Actions,
  role: "owner" | "guest",
): Engine {
  const owned = role === "owner" ? openOwned(options.file) : openGuest(options.file);
  const drain = createDrain({
    runBatch: createRunBatch(owned.db, actions),
    maxBatch: options.maxBatch,
    answer: (answer) => options.answer(copyAnswer(answer, structuredClone)),
    poll: () => {},
  });
  return {
    submit: (calls) => drain.add(structuredClone(calls)),
    stop: async () => owned.close(),
  };
}
