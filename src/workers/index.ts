/** Everything that runs without a request: one handler per job, one watcher per rail, and the repeating tasks. */
import type { DepositTerms } from "../actions/apply-deposits.ts";
import { assert } from "../errors.ts";
import type { WorkerDeps } from "./deps.ts";
import { every } from "./every.ts";
import { expireOrder } from "./expire.ts";
import { fulfilOrder } from "./fulfil.ts";
import { startJobLoop } from "./job-loop.ts";
import { sendPayout } from "./payout.ts";
import { refundOrder } from "./refund.ts";
import { resolveAttempt } from "./resolve.ts";
import { sweepRail } from "./sweep.ts";
import { salvageAttempt } from "./salvage.ts";
import { settleAuthorization } from "./settle.ts";
import { startWatch, type WatchHealth } from "./watch.ts";

export interface WorkerSettings {
  /** By rail id. */
  readonly terms: ReadonlyMap<string, DepositTerms>;
  /** Purchases in hand at once. */
  readonly fulfilConcurrency: number;
  readonly supplierRefreshMs: number;
  readonly sweepEveryMs: number;
}

export interface Workers {
  watches(): readonly WatchHealth[];
  /** Takes no new work, lets what is in hand reach its next stored step, and resolves. */
  stop(): Promise<void>;
}

const MONEY_CONCURRENCY = 32;
/** Longer than any handler runs without storing a step. */
const LEASE_MS = 5 * 60_000;
const ANSWERS_KEPT_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

/** Starts everything. The caller is the database's only owner: leases that a killed process left are freed. */
export async function startWorkers(deps: WorkerDeps, settings: WorkerSettings): Promise<Workers> {
  const { store, clock, log, board, rails } = deps;
  const freed = await store.transact("releaseJobs", null);
  if (freed > 0) log.warn("jobs of a process that ended early are taken up again", { jobs: freed });
  const queue = { store, clock, log, leaseMs: LEASE_MS };
  const loops = [
    startJobLoop({
      ...queue,
      handlers: {
        refund: refundOrder(deps),
        payout: sendPayout(deps),
        expire: expireOrder(deps),
        settle: settleAuthorization(deps),
      },
      concurrency: MONEY_CONCURRENCY,
    }),
    // Of their own, so that slow suppliers never keep money waiting.
    startJobLoop({
      ...queue,
      handlers: {
        fulfil: fulfilOrder(deps),
        resolve: resolveAttempt(deps),
        salvage: salvageAttempt(deps),
      },
      concurrency: settings.fulfilConcurrency,
    }),
  ];
  const watches = [...rails.values()].map((rail) => {
    const terms = settings.terms.get(rail.id);
    assert(terms !== undefined, `rail ${rail.id} has no terms`);
    return startWatch({ rail, terms, store, clock, log });
  });
  const tasks = [
    every(
      { name: "suppliers", periodMs: settings.supplierRefreshMs, work: board.refresh },
      { clock, log },
    ),
    ...[...rails.values()].map((rail) =>
      every(
        { name: "sweep", periodMs: settings.sweepEveryMs, work: sweepRail(rail, log) },
        { clock, log },
      ),
    ),
    every(
      {
        name: "idempotency",
        periodMs: HOUR_MS,
        work: async (signal) => {
          const beforeMs = clock.now() - ANSWERS_KEPT_MS;
          let removed = 1;
          while (removed > 0 && !signal.aborted)
            removed = await store.transact("pruneIdempotency", { beforeMs });
        },
      },
      { clock, log },
    ),
  ];
  return {
    watches: () => watches.map((watch) => watch.health()),
    stop: async () => {
      await Promise.all([...loops, ...watches, ...tasks].map((part) => part.stop()));
    },
  };
}
