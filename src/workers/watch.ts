import type { ShopActions } from "../actions/index.ts";
import type { DepositTerms } from "../actions/apply-deposits.ts";
import type { DropAnswer } from "../actions/drop-deposit.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { DepositPage, HistoryGap, Rail } from "../rails/rail.ts";
import type { Store } from "../store/tx.ts";

/** How a rail's watcher is doing. Idle is healthy: what counts is the last successful look, not the last payment. */
export interface WatchHealth {
  readonly railId: string;
  readonly lastReadAtMs: number | null;
  readonly height: number | null;
  readonly chainTimeMs: number | null;
  /** The chain's newest block, from which confirmations are counted; `height` where blocks are final at once. */
  readonly headHeight: number | null;
  /** Why it stands still: history is missing and nothing may be skipped. Null when it does not. */
  readonly gap: string | null;
  readonly lastError: string | null;
}

function unread(railId: string): WatchHealth {
  return {
    railId,
    lastReadAtMs: null,
    height: null,
    chainTimeMs: null,
    headHeight: null,
    gap: null,
    lastError: null,
  };
}

export interface Watch {
  readonly health: () => WatchHealth;
  stop(): Promise<void>;
}

export interface WatchOptions {
  readonly rail: Rail;
  readonly terms: DepositTerms;
  readonly store: Store<ShopActions>;
  readonly clock: Clock;
  readonly log: Log;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
const GAP_PAUSE_MS = 15_000;
/** How long an order's own address is watched after its window has ended. */
const WATCHED_AFTER_MS = 24 * 3_600_000;

/**
 * Reads a rail from the stored cursor for ever and books each page in one transaction with the cursor. It
 * holds nothing itself: kill it anywhere, or run two, and the books are the same.
 */
export function startWatch(options: WatchOptions): Watch {
  const { rail, clock, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let health = unread(rail.id);
  let failures = 0;

  /** Returns how long to pause; 0 to go on at once. */
  const step = async (): Promise<number> => {
    const saved = await options.store.read.cursors.byRail(rail.id);
    const before = saved?.cursor ?? null;
    // What is read may be long ago: an order that could be paid then is expected.
    const sinceMs = Math.min(clock.now(), saved?.chainTimeMs ?? Infinity) - WATCHED_AFTER_MS;
    const read = await rail.readDeposits(before, signal, () =>
      options.store.read.orders.payableSince(sinceMs),
    );
    if (read.kind === "gap") return atGap(read);
    if (read.kind !== "done") return afterFailure(read.reason);
    const page = read.value;
    if (page.cursor !== before) await bookPage(options, before, page);
    failures = 0;
    const { height, chainTimeMs, headHeight = height } = page;
    health = {
      ...health,
      lastReadAtMs: clock.now(),
      height,
      chainTimeMs,
      headHeight,
      gap: null,
      lastError: null,
    };
    if (page.isCaughtUp) await rail.waitForNews(signal);
    return 0;
  };

  const atGap = (gap: HistoryGap): number => {
    const { firstMissingHeight, oldestAvailableHeight, reason } = gap;
    if (health.gap !== reason)
      log.error("the chain's history has a gap: watching stands still until it is closed", {
        rail: rail.id,
        first_missing_height: firstMissingHeight,
        oldest_available_height: oldestAvailableHeight,
        reason,
      });
    health = { ...health, gap: reason };
    return GAP_PAUSE_MS;
  };

  const afterFailure = (reason: string): number => {
    if (signal.aborted) return 0;
    log.warn("the rail could not be read", { rail: rail.id, reason });
    health = { ...health, lastError: reason };
    return Math.min(FIRST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS);
  };

  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      let pauseMs: number;
      try {
        pauseMs = await step();
      } catch (error) {
        log.error("the watcher failed", { rail: rail.id, error });
        pauseMs = afterFailure("the watcher failed");
      }
      if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    }
  };

  const looping = loop();
  return {
    health: () => health,
    stop: async () => {
      stopping.abort();
      await looping;
    },
  };
}

async function bookPage(
  { rail, terms, store, clock, log }: WatchOptions,
  before: string | null,
  page: DepositPage,
): Promise<void> {
  const booked = await store.transact("applyDeposits", {
    railId: rail.id,
    before,
    page,
    terms,
    nowMs: clock.now(),
  });
  if (!booked.isApplied)
    log.warn("another watcher of this rail is at work", { rail: rail.id, height: page.height });
  for (const { depositId, answer } of booked.dropped) reportDrop(log, depositId, answer);
  for (const { depositId, reason } of booked.unmatched)
    log.warn("a payment is unmatched", { deposit: depositId, reason });
  if (booked.unreadable > 0)
    log.error("events of the receiver could not be read and are kept for a person", {
      rail: rail.id,
      count: booked.unreadable,
    });
}

/** Taken back in time is the chain's everyday; taken back too late is money of ours. */
function reportDrop(log: Log, depositId: string, answer: DropAnswer): void {
  if (answer === "dropped") log.warn("the chain took a payment back", { deposit: depositId });
  else
    log.error("the chain took a payment back that had counted as final: it is booked as a loss", {
      deposit: depositId,
    });
}
