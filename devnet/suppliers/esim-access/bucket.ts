import type { Clock } from "../clock.ts";

/** Lets so many calls through per second, as many at once after a rest. */
export function openBucket(perSecond: number, clock: Clock): { take(): boolean } {
  const capacity = Math.max(1, perSecond);
  let tokens = capacity;
  let filledAtMs = clock.now();
  return {
    take: () => {
      const nowMs = clock.now();
      tokens = Math.min(capacity, tokens + ((nowMs - filledAtMs) / 1000) * perSecond);
      filledAtMs = nowMs;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
