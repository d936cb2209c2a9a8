import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";

export interface Repeating {
  stop(): Promise<void>;
}

/**
 * Runs `work` at once and then every `periodMs` after it has ended, until stopped. An error is logged and
 * the next round comes all the same.
 */
export function every(
  task: {
    readonly name: string;
    readonly periodMs: number;
    readonly work: (signal: AbortSignal) => Promise<void>;
  },
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Repeating {
  const stopping = new AbortController();
  const { signal } = stopping;
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await task.work(signal);
      } catch (error) {
        if (!signal.aborted) log.error("a background task failed", { task: task.name, error });
      }
      await clock.sleep(task.periodMs, signal);
    }
  };
  const looping = loop();
  return {
    stop: async () => {
      stopping.abort();
      await looping;
    },
  };
}
