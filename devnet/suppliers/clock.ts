import { setTimeout as delay } from "node:timers/promises";

/** Time as the simulator sees it, so that a test can bring its own. */
export interface Clock {
  /** Milliseconds since 1970 UTC. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    // A timer of the runtime takes a millisecond even for none.
    if (ms <= 0) return;
    // The only rejection is the abort, which by this contract just ends the sleep.
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};
