import type { JobKind, JobRow } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";

type Lease = Pick<JobRow, "id" | "claims">;

/** How a claimed job ended. */
export type JobEnd =
  | { readonly kind: "finish" }
  | { readonly kind: "retry"; readonly runAtMs: number; readonly error: string }
  | { readonly kind: "bury"; readonly error: string };

/** Ends jobs and claims the next ones in one transaction. */
export async function turnJobs(
  tx: Tx,
  input: {
    readonly ended: readonly { readonly job: Lease; readonly end: JobEnd }[];
    readonly kinds: readonly JobKind[];
    readonly limit: number;
    readonly leaseMs: number;
    readonly nowMs: number;
  },
): Promise<readonly JobRow[]> {
  for (const { job, end } of input.ended) {
    if (end.kind === "finish") await tx.jobs.finish(job);
    else if (end.kind === "retry") await tx.jobs.retry(job, end.runAtMs, end.error);
    else await tx.jobs.bury(job, input.nowMs, end.error);
  }
  if (input.limit <= 0) return [];
  return tx.jobs.claim(input.kinds, input.limit, input.nowMs, input.nowMs + input.leaseMs);
}

/** Frees the leases that a killed process left. Only at the start of a database's sole owner. */
export async function releaseJobs(tx: Tx, _input: null): Promise<number> {
  return tx.jobs.releaseAll();
}

/** Removes stored answers that are too old to be asked for again. */
export async function pruneIdempotency(
  tx: Tx,
  input: { readonly beforeMs: number },
): Promise<number> {
  return tx.idempotency.prune(input.beforeMs);
}
