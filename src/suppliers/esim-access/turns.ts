import type { Clock } from "../../clock.ts";

/**
 * Spreads calls so that no more than `perSecond` leave in any second, in the order in which they ask.
 * False: the caller gave up before its turn.
 */
export function createTurns(
  perSecond: number,
  clock: Clock,
): (signal: AbortSignal) => Promise<boolean> {
  const gapMs = 1_000 / perSecond;
  let nextAtMs = 0;
  return async (signal) => {
    const nowMs = clock.now();
    const atMs = Math.max(nowMs, nextAtMs);
    nextAtMs = atMs + gapMs;
    if (atMs > nowMs) await clock.sleep(atMs - nowMs, signal);
    return !signal.aborted;
  };
}
