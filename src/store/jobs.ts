import type { Announcement } from "./notice.ts";
import { marks, type Sql, type SqlReader } from "./sql.ts";
import { defineTable, plain } from "./table.ts";
import type { DeadJobRow, JobKind, JobRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

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
const ASK_AGAIN = `UPDATE jobs SET again_at_ms = ? WHERE kind = ? AND subject = ?
  AND is_leased = 1 AND (again_at_ms IS NULL OR again_at_ms > ?)`;
const FINISH = "DELETE FROM jobs WHERE id = ? AND claims = ? AND again_at_ms IS NULL";
const ASKED_AGAIN = `SELECT kind, subject, again_at_ms FROM jobs
  WHERE id = ? AND claims = ? AND again_at_ms IS NOT NULL`;
const REMOVE = "DELETE FROM jobs WHERE id = ?";
const RETRY = `UPDATE jobs SET is_leased = 0, again_at_ms = NULL, last_error = ?,
  run_at_ms = CASE WHEN again_at_ms < ? THEN again_at_ms ELSE ? END,
  due_at_ms = CASE WHEN again_at_ms < ? THEN again_at_ms ELSE ? END
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

type Lease = Pick<JobRow, "id" | "claims">;

export function writeJobs(sql: Sql, announcement: Announcement): Tx["jobs"] {
  /** Also marks a leased job, whose present run may have looked before what this job is for was there. */
  const insert = async (kind: JobKind, subject: string, runAtMs: number): Promise<boolean> => {
    if ((await sql.run(INSERT, kind, subject, runAtMs, runAtMs)) === 0) {
      await sql.run(ASK_AGAIN, runAtMs, kind, subject, runAtMs);
      return false;
    }
    announcement.jobKinds.add(kind);
    return true;
  };
  const finish = async ({ id, claims }: Lease): Promise<boolean> => {
    if ((await sql.run(FINISH, id, claims)) === 1) return true;
    const asked = await sql.get(ASKED_AGAIN, id, claims);
    if (asked === null) return false;
    const [kind, subject, againAtMs] = asked;
    await sql.run(REMOVE, id);
    return insert(kind as JobKind, String(subject), Number(againAtMs));
  };
  return {
    ...readJobs(sql),
    insert,
    finish,
    claim: (kinds, limit, nowMs, leaseUntilMs) =>
      claimJobs(sql, { kinds, limit, nowMs, leaseUntilMs }),
    retry: async ({ id, claims }, atMs, error) =>
      (await sql.run(RETRY, error, atMs, atMs, atMs, atMs, id, claims)) === 1,
    bury: async (lease, nowMs, error) => {
      if ((await sql.run(BURY, error, nowMs, lease.id, lease.claims)) === 0) return false;
      return finish(lease);
    },
    hasten: async (kind, subject, runAtMs) => {
      const changed = await sql.run(HASTEN, runAtMs, runAtMs, kind, subject, runAtMs);
      if (changed === 1) announcement.jobKinds.add(kind);
    },
    releaseAll: () => sql.run(RELEASE_ALL),
  };
}
