/** When to look for the next ledger: just before it is expected, then often, then ever less often. */
export interface CloseTimes {
  /** Tells of the newest ledger a server has, at the local time of its answer. */
  observe(ledger: number, nowMs: number): void;
  /** Milliseconds until the next look. */
  waitMs(nowMs: number): number;
  /** How long no server has told of a new ledger. */
  silentForMs(nowMs: number): number;
}

export interface PollBounds {
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
}

const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 10_000;
/** More ledgers than this between two answers say nothing about the rhythm: we were away. */
const MAX_STEP_LEDGERS = 5;

/**
 * Learns the rhythm from answers alone, so that 1 s, 5 s and hand-closed ledgers all work. A 5 s ledger
 * costs about ten looks and is seen within 125 ms of its appearance, a 1 s ledger four looks and 50 ms.
 */
export function learnCloseTimes(bounds: PollBounds): CloseTimes {
  let newest = 0;
  let seenAtMs = 0;
  let intervalMs: number | null = null;
  const clamp = (ms: number): number => Math.min(Math.max(ms, bounds.pollMinMs), bounds.pollMaxMs);
  return {
    observe(ledger, nowMs) {
      if (ledger <= newest) return;
      const steps = ledger - newest;
      if (newest > 0 && steps <= MAX_STEP_LEDGERS) {
        const sampleMs = (nowMs - seenAtMs) / steps;
        const mixedMs = intervalMs === null ? sampleMs : (intervalMs + sampleMs) / 2;
        intervalMs = Math.min(Math.max(mixedMs, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
      }
      newest = ledger;
      seenAtMs = nowMs;
    },
    waitMs(nowMs) {
      const expectedMs = seenAtMs + (intervalMs ?? 0);
      // Close times vary, so watching begins a little early.
      const watchFromMs = expectedMs - Math.min((intervalMs ?? 0) / 10, 500);
      if (nowMs < watchFromMs) return clamp(watchFromMs - nowMs);
      const lateMs = Math.max(nowMs - expectedMs, 0);
      return clamp(Math.max((intervalMs ?? 0) / 40, newest === 0 ? 0 : lateMs / 4));
    },
    silentForMs: (nowMs) => nowMs - seenAtMs,
  };
}
