import { isFinal, type OrderState } from "../../orders/lifecycle.ts";
import { x402Tag } from "../../orders/view-x402.ts";
import type { HttpDeps } from "../deps.ts";
import { countAt, type Snapshot } from "./snapshot.ts";

/** What is remembered of an order: enough to say whether a reader has the newest state, and none of its goods. */
export interface Version {
  readonly keyId: string;
  readonly state: OrderState;
  /** Nothing of it changes any more, refunds included. */
  readonly isSettled: boolean;
  /** `isOwn`: of the answer to the order's owner. Counts confirmations as of now. */
  readonly tag: (isOwn: boolean) => string;
}

/**
 * The newest known version of the orders that are polled, so that a reader who has it is answered without the
 * database. An event of the order makes it be forgotten.
 */
export interface Versions {
  /** Null: the order must be read. */
  peek(orderId: string): Version | null;
  /** Reads the order and remembers its version. */
  load(orderId: string, read: () => Promise<Snapshot>): Promise<Snapshot>;
}

interface Entry {
  readonly version: Version;
  readonly untilMs: number;
  readonly unsubscribe: () => void;
}

/** Some 5 MB. */
const MAX_ORDERS = 10_000;
/** Refunds and replaced blocks move without an event of the order, and a wake-up may be lost. */
const KEPT_MS = 5_000;
const SETTLED_KEPT_MS = 3_600_000;

type VersionDeps = Pick<HttpDeps, "clock" | "feed" | "headHeight" | "rails">;

export function createVersions(deps: VersionDeps, maxOrders = MAX_ORDERS): Versions {
  const entries = new Map<string, Entry>();

  const forget = (orderId: string, entry: Entry | undefined): void => {
    if (entry === undefined) return;
    entry.unsubscribe();
    if (entries.get(orderId) === entry) entries.delete(orderId);
  };
  const keep = (orderId: string, entry: Entry): void => {
    forget(orderId, entries.get(orderId));
    entries.set(orderId, entry);
    for (const [oldest, old] of entries) {
      if (entries.size <= maxOrders) break;
      forget(oldest, old);
    }
  };

  return {
    peek: (orderId) => {
      const entry = entries.get(orderId);
      if (entry === undefined) return null;
      if (deps.clock.now() >= entry.untilMs) {
        forget(orderId, entry);
        return null;
      }
      return entry.version;
    },
    load: async (orderId, read) => {
      let isStale = false;
      // Subscribed before the read: what happens after it makes this version old.
      const unsubscribe = deps.feed.subscribe(orderId, () => {
        isStale = true;
        unsubscribe();
        const entry = entries.get(orderId);
        if (entry?.unsubscribe === unsubscribe) entries.delete(orderId);
      });
      const snapshot = await read().catch((error: unknown) => {
        unsubscribe();
        throw error;
      });
      if (isStale) {
        unsubscribe();
        return snapshot;
      }
      const version = versionOf(deps, snapshot);
      const keptMs = version.isSettled ? SETTLED_KEPT_MS : KEPT_MS;
      keep(orderId, { version, untilMs: deps.clock.now() + keptMs, unsubscribe });
      return snapshot;
    },
  };
}

export function versionOf(deps: VersionDeps, snapshot: Snapshot): Version {
  const { order, payment, block, refunds } = snapshot;
  const { keyId, seq, state } = order;
  const isPending = refunds.some((refund) => refund.state !== "final");
  return {
    keyId,
    state,
    isSettled: isFinal(state) && !isPending && (payment.isFinal || order.payment === null),
    tag: (isOwn) => {
      const counted = block === null ? payment : { ...payment, ...countAt(deps, block) };
      return x402Tag({ seq }, { payment: counted, refunds }, isOwn);
    },
  };
}
