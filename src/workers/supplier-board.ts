import type { ShopActions } from "../actions/index.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { BreakerRow } from "../store/rows.ts";
import type { Store } from "../store/tx.ts";
import { CLOSED } from "../suppliers/breaker.ts";
import type { Offer, Supplier } from "../suppliers/supplier.ts";

/** What is known of one supplier: its last answer, and whether we may buy there. */
export interface SupplierNews {
  readonly supplierId: string;
  /** Null before the first answer. */
  readonly offers: readonly Offer[] | null;
  readonly offersAtMs: number | null;
  readonly lastError: string | null;
  readonly breaker: BreakerRow;
}

/** The latest news of every supplier, so that neither a request nor a purchase waits for them. */
export interface SupplierBoard {
  /** Memory only. */
  readonly news: () => readonly SupplierNews[];
  /** Asks every supplier (read-only), moves breakers that are due for a probe, and reads them all again. */
  readonly refresh: (signal: AbortSignal) => Promise<void>;
  /** Reads the breakers again after a purchase changed one. */
  readonly readBreakers: () => Promise<void>;
}

const PROBE_TIMEOUT_MS = 8_000;

export function createSupplierBoard(deps: {
  readonly suppliers: ReadonlyMap<string, Supplier>;
  readonly store: Store<ShopActions>;
  readonly clock: Clock;
  readonly log: Log;
}): SupplierBoard {
  const { suppliers, store, clock, log } = deps;
  const board = new Map<string, SupplierNews>(
    [...suppliers.keys()].map((supplierId) => [
      supplierId,
      {
        supplierId,
        offers: null,
        offersAtMs: null,
        lastError: null,
        breaker: { supplierId, ...CLOSED },
      },
    ]),
  );
  const amend = (supplierId: string, news: Partial<SupplierNews>): void => {
    const known = board.get(supplierId);
    if (known !== undefined) board.set(supplierId, { ...known, ...news });
  };

  const ask = async (supplier: Supplier, signal: AbortSignal): Promise<void> => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(PROBE_TIMEOUT_MS)]);
    const answer = await supplier.offers(limit);
    const nowMs = clock.now();
    if (answer.kind === "done")
      amend(supplier.id, { offers: answer.value, offersAtMs: nowMs, lastError: null });
    else {
      amend(supplier.id, { lastError: answer.reason });
      log.warn("a supplier does not say what it can sell", {
        supplier: supplier.id,
        reason: answer.reason,
      });
    }
    const event = answer.kind === "done" ? "probe_succeeded" : "probe_faulted";
    const breaker = board.get(supplier.id)?.breaker;
    if (breaker !== undefined && breaker.state !== "closed")
      await store.transact("recordSupplierEvent", { supplierId: supplier.id, event, nowMs });
  };

  const readBreakers = async (): Promise<void> => {
    for (const row of await store.read.breakers.all()) amend(row.supplierId, { breaker: row });
  };

  return {
    news: () => [...board.values()],
    readBreakers,
    refresh: async (signal) => {
      await readBreakers();
      await Promise.all([...suppliers.values()].map((supplier) => ask(supplier, signal)));
      await readBreakers();
    },
  };
}
