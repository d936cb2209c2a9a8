import type { Announcement } from "./notice.ts";
import { marks, type Sql, type SqlReader } from "./sql.ts";
import { defineTable, plain } from "./table.ts";
import type { DeadJobRow, JobKind, JobRow, Reader, Tx } from "./tx.ts";

interface StoredJob extends JobRow {
  /** When it may be claimed: `runAtMs` while it waits, the end of the lease while it is leased. */
  readonly dueAtMs: number;
}

const JOB = {
  id: plain<number>("id"),
  kind: plain<JobKind>("kind"),
  subject: plain<string>("subject"),
  runAtMs: plain<number>("run_at_ms"),
  claims: plain<number>("claims"),
  lastError: plain<string | null>("last_error"),
};
const JOBS = defineTable<StoredJob>("jobs", { ...JOB, dueAtMs: plain("due_at_ms") });
const DEAD_JOBS = defineTable<DeadJobRow>("dead_jobs", { ...JOB, diedAtMs: plain("died_at_ms") });

const DUE = `${JOBS.select} WHERE kind = ? AND is_leased = ? AND due_at_ms <= ?
  ORDER BY due_at_ms, id LIMIT ?`;
const LEASE = `UPDATE jobs SET is_leased = 1, due_at_ms = ?, claims = claims + 1
  WHERE id = ? AND claims = ?`;
const INSERT = `INSERT INTO jobs (kind, subject, run_at_ms, is_leased, due_at_ms, claims)
  VALUES (?, ?, ?, 0, ?, 0) ON CONFLICT (kind, subject) DO NOTHING`;
const FINISH = "DELETE FROM jobs WHERE id = ? AND claims = ?";
const RETRY = `UPDATE jobs SET is_leased = 0, run_at_ms = ?, due_at_ms = ?, last_error = ?
  WHERE id = ? AND claims = ?`;
const BURY = `INSERT INTO dead_jobs (id, kind, subject, run_at_ms, claims, last_error, died_at_ms)
  SELECT id, kind, subject, run_at_ms, claims, ?, ? FROM jobs WHERE id = ? AND claims = ?`;
const HASTEN = `UPDATE jobs SET run_at_ms = ?, due_at_ms = ?
  WHERE kind = ? AND subject = ? AND is_leased = 0 AND due_at_ms > ?`;
const RELEASE_ALL = "UPDATE jobs SET is_leased = 0, due_at_ms = run_at_ms WHERE is_leased = 1";
const DEAD = `${DEAD_JOBS.select} ORDER BY died_at_ms DESC, id DESC LIMIT ?`;
const COUNT = "SELECT COUNT(*) FROM jobs";

const WAITING = 0;
const LEASED = 1;

export function readJobs(sql: SqlReader): Reader["jobs"] {
  return {
    dead: async (limit) => (await sql.all(DEAD, limit)).map(DEAD_JOBS.read),
    nextRunAtMs: async (kinds) => {
      const text = `SELECT MIN(due_at_ms) FROM jobs
        WHERE kind IN (${marks(kinds.length)}) AND is_leased = ${WAITING}`;
      const [dueAtMs] = (await sql.get(text, ...kinds)) ?? [];
      return typeof dueAtMs === "number" ? dueAtMs : null;
    },
    count: async () => Number((await sql.get(COUNT))?.[0] ?? 0),
  };
}

interface Claim {
  readonly kinds: readonly JobKind[];
  readonly limit: number;
  readonly nowMs: number;
  readonly leaseUntilMs: number;
}

/** One look per kind and lease state: each is a short walk along the index, however long the queue is. */
async function claimJobs(sql: Sql, claim: Claim): Promise<readonly JobRow[]> {
  const { limit, nowMs, leaseUntilMs } = claim;
  const due: StoredJob[] = [];
  for (const kind of claim.kinds)
    for (const lease of [LEASED, WAITING])
      due.push(...(await sql.all(DUE, kind, lease, nowMs, limit)).map(JOBS.read));
  const oldest = due.toSorted((a, b) => a.dueAtMs - b.dueAtMs || a.id - b.id).slice(0, limit);
  const claimed: JobRow[] = [];
  for (const { dueAtMs: _, ...job } of oldest)
    if ((await sql.run(LEASE, leaseUntilMs, job.id, job.claims)) === 1)
      claimed.push({ ...job, claims: job.claims + 1 });
  return claimed;
}

export function writeJobs(sql: Sql, announcement: Announcement): Tx["jobs"] {
  return {
    ...readJobs(sql),
    insert: async (kind, subject, runAtMs) => {
      if ((await sql.run(INSERT, kind, subject, runAtMs, runAtMs)) === 0) return false;
      announcement.jobKinds.add(kind);
      return true;
    },
    claim: (kinds, limit, nowMs, leaseUntilMs) =>
      claimJobs(sql, { kinds, limit, nowMs, leaseUntilMs }),
    finish: async ({ id, claims }) => (await sql.run(FINISH, id, claims)) === 1,
    retry: async ({ id, claims }, runAtMs, error) =>
      (await sql.run(RETRY, runAtMs, runAtMs, error, id, claims)) === 1,
    bury: async ({ id, claims }, nowMs, error) => {
      if ((await sql.run(BURY, error, nowMs, id, claims)) === 0) return false;
      return (await sql.run(FINISH, id, claims)) === 1;
    },
    hasten: async (kind, subject, runAtMs) => {
      const changed = await sql.run(HASTEN, runAtMs, runAtMs, kind, subject, runAtMs);
      if (changed === 1) announcement.jobKinds.add(kind);
    },
    releaseAll: () => sql.run(RELEASE_ALL),
  };
}
