import type { ExpectedOrder } from "../rail.ts";
import type { Arrival, Look } from "./look.ts";

/** An order's address, as far as it was looked at. */
export interface Watched {
  readonly orderId: string;
  /** False: something came to the treasury from there, and that is all. */
  isExpected: boolean;
  /** When its order's window ends by chain time; 0 where no order is expected. */
  closesAtMs: number;
  /** Chain time of the last look; 0 before the first. */
  lookedAtMs: number;
  /** When it is to be looked at again, by our own clock. */
  dueAtMs: number;
  /** Logical time of the last transaction that was read; 0n: nothing was. */
  readLt: bigint;
  /** What was read and not told yet, oldest first. */
  untold: readonly Arrival[];
}

/**
 * A block that holds a payment joins the masterchain, where we see it, some seconds after the time it bears. So much
 * later than a moment, everything that was paid before it can be seen.
 */
const LATE_BLOCK_MS = 15_000;
const FIRST_PAUSE_MS = 60_000;

/** Which addresses are to be looked at when: all the time while their orders may be paid, then ever more seldom. */
export interface Rounds {
  /** Takes the orders that are expected now; those that are not any more are forgotten, unless something is untold. */
  expect(orders: readonly ExpectedOrder[], nowMs: number): void;
  /** Looked at once although nobody expects it: something came from there. */
  add(orderId: string, nowMs: number): void;
  /** Those whose time has come, the longest waiting first. */
  due(nowMs: number): readonly Watched[];
  note(watched: Watched, look: Look, nowMs: number): void;
  all(): Iterable<Watched>;
  /** Chain time up to which every payment to an open order was seen, given that of the treasury's own account. */
  seenUntilMs(treasuryTimeMs: number, beforeMs: number): number;
}

export interface RoundsOptions {
  /** Between two looks at an address. */
  readonly pollMs: number;
  /** Up to where an order's address was told before; 0n: nothing was. */
  readonly toldLt: (orderId: string) => bigint;
}

export function createRounds({ pollMs, toldLt }: RoundsOptions): Rounds {
  const watched = new Map<string, Watched>();

  const begin = (orderId: string, nowMs: number): Watched => {
    const readLt = toldLt(orderId);
    const unseen = { isExpected: false, closesAtMs: 0, lookedAtMs: 0, dueAtMs: nowMs };
    const fresh: Watched = { orderId, ...unseen, readLt, untold: [] };
    watched.set(orderId, fresh);
    return fresh;
  };

  return {
    expect(orders, nowMs) {
      const expected = new Set<string>();
      for (const { id, windowClosesAtMs } of orders) {
        expected.add(id);
        const one = watched.get(id) ?? begin(id, nowMs);
        one.isExpected = true;
        one.closesAtMs = windowClosesAtMs;
      }
      for (const { orderId, untold, lookedAtMs } of watched.values())
        if (!expected.has(orderId) && untold.length === 0 && lookedAtMs > 0)
          watched.delete(orderId);
    },
    add(orderId, nowMs) {
      const one = watched.get(orderId) ?? begin(orderId, nowMs);
      one.dueAtMs = Math.min(one.dueAtMs, nowMs);
    },
    due: (nowMs) =>
      [...watched.values()]
        .filter(({ dueAtMs }) => dueAtMs <= nowMs)
        .toSorted((a, b) => a.dueAtMs - b.dueAtMs),
    note(one, { headLt, chainTimeMs, arrivals }, nowMs) {
      one.readLt = headLt;
      one.untold = [...one.untold, ...arrivals];
      one.lookedAtMs = chainTimeMs;
      const closedForMs = chainTimeMs - LATE_BLOCK_MS - one.closesAtMs;
      one.dueAtMs = nowMs + (closedForMs > 0 ? Math.max(FIRST_PAUSE_MS, closedForMs) : pollMs);
    },
    all: () => watched.values(),
    seenUntilMs(treasuryTimeMs, beforeMs) {
      let untilMs = treasuryTimeMs - LATE_BLOCK_MS;
      for (const { lookedAtMs, closesAtMs } of watched.values()) {
        const seenMs = lookedAtMs - LATE_BLOCK_MS;
        if (seenMs <= closesAtMs) untilMs = Math.min(untilMs, seenMs);
      }
      return Math.max(untilMs, beforeMs);
    },
  };
}
