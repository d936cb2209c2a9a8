/** When to look for the next block: when it is due, then often, then ever less often. */
export interface Pace {
  /** Tells of the newest block a server has, at the local time of its answer. */
  observe(height: number, nowMs: number): void;
  /** Milliseconds until the next look. */
  waitMs(nowMs: number): number;
}

export interface PaceBounds {
  /** The chain's usual time between blocks, until its own is learnt. */
  readonly blockMs: number;
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
}

const MAX_INTERVAL_MS = 15_000;
/** More blocks than this between two answers say nothing about the rhythm: we were away. */
const MAX_STEP_BLOCKS = 8;

export function learnPace({ blockMs, pollMinMs, pollMaxMs }: PaceBounds): Pace {
  let newest = 0;
  let seenAtMs = 0;
  let intervalMs = blockMs;
  const clamp = (ms: number): number => Math.min(Math.max(ms, pollMinMs), pollMaxMs);
  return {
    observe(height, nowMs) {
      if (height <= newest) return;
      const steps = height - newest;
      if (newest > 0 && steps <= MAX_STEP_BLOCKS) {
        const sampleMs = (nowMs - seenAtMs) / steps;
        intervalMs = Math.min((intervalMs + sampleMs) / 2, MAX_INTERVAL_MS);
      }
      newest = height;
      seenAtMs = nowMs;
    },
    waitMs(nowMs) {
      const lateMs = nowMs - seenAtMs - intervalMs;
      return clamp(lateMs < 0 ? -lateMs : lateMs / 4);
    },
  };
}
