import type { Clock } from "../clock.ts";
import type { WindowLimit } from "./deps.ts";

/** Where one counter stands after it was asked. */
export interface Count {
  readonly limit: number;
  readonly remaining: number;
  readonly windowS: number;
  /** Until the window ends, whole seconds, at least 1. */
  readonly resetS: number;
  /** This request is over the limit. */
  readonly isExceeded: boolean;
}

/** Fixed windows, one per id, each starting with the id's first request. */
export interface Counters {
  /** Counts one request. A request over the limit is not counted. `limit` replaces the default count. */
  take(id: string, limit?: number): Count;
  /** The same answer without counting. */
  peek(id: string, limit?: number): Count;
}

interface Window {
  startMs: number;
  used: number;
}

/** Ids whose windows are kept at most: some 5 MB, whatever a flood of strangers does. */
const MAX_IDS = 50_000;

/** Counters in this process's memory, bounded: the oldest window goes when there are too many ids. */
export function createCounters(
  clock: Pick<Clock, "now">,
  { count, windowMs }: WindowLimit,
  maxIds = MAX_IDS,
): Counters {
  // A new window is put at the end, so the order of the map is the order of starting times.
  const windows = new Map<string, Window>();

  const makeRoom = (nowMs: number): void => {
    for (const [id, window] of windows) {
      if (windows.size < maxIds && nowMs < window.startMs + windowMs) return;
      windows.delete(id);
    }
  };
  const current = (id: string, nowMs: number): Window | null => {
    const window = windows.get(id);
    return window !== undefined && nowMs < window.startMs + windowMs ? window : null;
  };
  const countOf = (window: Window | null, limit: number, nowMs: number): Count => {
    const used = window?.used ?? 0;
    const leftMs = window === null ? windowMs : window.startMs + windowMs - nowMs;
    return {
      limit,
      remaining: Math.max(0, limit - used),
      windowS: Math.ceil(windowMs / 1000),
      resetS: Math.max(1, Math.ceil(leftMs / 1000)),
      isExceeded: used >= limit,
    };
  };

  return {
    peek: (id, limit = count) => {
      const nowMs = clock.now();
      return countOf(current(id, nowMs), limit, nowMs);
    },
    take: (id, limit = count) => {
      const nowMs = clock.now();
      let window = current(id, nowMs);
      if (window !== null && window.used >= limit) return countOf(window, limit, nowMs);
      if (window === null) {
        windows.delete(id);
        makeRoom(nowMs);
        window = { startMs: nowMs, used: 0 };
        windows.set(id, window);
      }
      if (limit <= 0) return countOf(window, limit, nowMs);
      window.used += 1;
      return { ...countOf(window, limit, nowMs), isExceeded: false };
    },
  };
}
