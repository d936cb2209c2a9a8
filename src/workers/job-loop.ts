import type { JobEnd } from "../actions/run-jobs.ts";
import type { ShopActions } from "../actions/index.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { JobKind, JobRow } from "../store/rows.ts";
import type { Store } from "../store/tx.ts";

/**
 * One attempt at a job. It may run again after a crash at any point, so every step it takes is stored before
 * the next and looked up when it comes back. A thrown error is a bug: tried again with growing pauses.
 */
export type JobHandler = (subject: string, signal: AbortSignal) => Promise<JobEnd>;

export interface JobLoopOptions {
  readonly handlers: Readonly<Partial<Record<JobKind, JobHandler>>>;
  /** Jobs in hand at once. */
  readonly concurrency: number;
  /** After this a job counts as abandoned and another worker may take it; longer than any handler runs. */
  readonly leaseMs: number;
  readonly store: Store<ShopActions>;
  readonly clock: Clock;
  readonly log: Log;
}

const LONGEST_BACKOFF_MS = 60_000;
/** A look at the queue even if no notice came: a lost wake-up costs at most this. */
const SAFETY_POLL_MS = 1_000;
/** Pause after the store refused a turn. */
const STORE_PAUSE_MS = 250;

export interface JobLoop {
  /** Takes no more jobs, asks those in hand to stop, and resolves when they have. */
  stop(): Promise<void>;
}

async function runJob(
  { handlers, clock, log }: JobLoopOptions,
  job: JobRow,
  signal: AbortSignal,
): Promise<JobEnd> {
  const handler = handlers[job.kind];
  if (handler === undefined) return { kind: "bury", error: `no handler for ${job.kind}` };
  try {
    return await handler(job.subject, signal);
  } catch (error) {
    // Never buried: what is owed stays owed, and every further try says so in the log.
    log.error("a job crashed and is tried again", {
      job: job.kind,
      subject: job.subject,
      claims: job.claims,
      error,
    });
    const text = error instanceof Error ? error.message : String(error);
    const pauseMs = Math.min(100 * 2 ** job.claims, LONGEST_BACKOFF_MS);
    return { kind: "retry", runAtMs: clock.now() + pauseMs, error: text };
  }
}

/** Claims due jobs of the given kinds and runs them; ends and claims share a transaction. */
export function startJobLoop(options: JobLoopOptions): JobLoop {
  const { store, clock, log, handlers, leaseMs } = options;
  const kinds = Object.keys(handlers) as JobKind[];
  const stopping = new AbortController();
  const inHand = new Set<Promise<void>>();
  let ended: { job: JobRow; end: JobEnd }[] = [];
  let wake = new AbortController();

  const unsubscribe = store.onCommit((notice) => {
    if (notice.jobKinds.some((kind) => kind in handlers)) wake.abort();
  });

  const run = async (job: JobRow): Promise<void> => {
    const end = await runJob(options, job, stopping.signal);
    ended.push({ job, end });
    wake.abort();
  };

  const turn = async (): Promise<number> => {
    const handedIn = ended;
    ended = [];
    const limit = stopping.signal.aborted ? 0 : options.concurrency - inHand.size;
    const nowMs = clock.now();
    try {
      const jobs = await store.transact("turnJobs", {
        ended: handedIn,
        kinds,
        limit,
        leaseMs,
        nowMs,
      });
      for (const job of jobs) {
        const running: Promise<void> = run(job).finally(() => inHand.delete(running));
        inHand.add(running);
      }
      return jobs.length;
    } catch (error) {
      ended = [...handedIn, ...ended];
      throw error;
    }
  };

  const idle = async (): Promise<void> => {
    const nextMs =
      inHand.size < options.concurrency ? await store.read.jobs.nextRunAtMs(kinds) : null;
    const waitMs = nextMs === null ? SAFETY_POLL_MS : nextMs - clock.now();
    await clock.sleep(Math.min(Math.max(waitMs, 0), SAFETY_POLL_MS), wake.signal);
  };

  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        const claimed = await turn();
        if (claimed === 0 && ended.length === 0) await idle();
      } catch (error) {
        if (stopping.signal.aborted) break;
        log.error("the job queue could not be read", { error });
        await clock.sleep(STORE_PAUSE_MS, stopping.signal);
      }
    }
  };

  const looping = loop();
  return {
    stop: async () => {
      stopping.abort();
      wake.abort();
      unsubscribe();
      await looping;
      await Promise.all(inHand);
      if (ended.length > 0) await turn();
    },
  };
}
