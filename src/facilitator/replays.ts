import { DatabaseSync } from "node:sqlite";

/** What this facilitator remembers of one signed promise, across restarts. */
export interface Replay {
  readonly ref: string;
  /** Null: sent without an answer, or not sent yet. */
  readonly txId: string | null;
  /** False: claimed by this very call. True: an earlier one may have sent it. */
  readonly isKnown: boolean;
  /** It was told once that it landed. */
  readonly isTold: boolean;
  /** `Idempotency-Key` of the caller that was told so; null without one. */
  readonly toldTo: string | null;
}

/** The replay keys: each promise is carried out once and told to have landed once, whatever is sent again. */
export interface Replays {
  /** Remembers a promise before anything is sent for it. */
  claim(ref: string, validUntilMs: number, nowMs: number): Replay;
  noteSent(ref: string, txId: string | null): void;
  /** True for the one call that may say that it landed; `key` may say so again. */
  tell(ref: string, key: string | null): boolean;
  /** It was certainly not sent and not carried out. */
  forget(ref: string): void;
  close(): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS replays (
    ref            TEXT    NOT NULL PRIMARY KEY,
    tx_id          TEXT,
    is_told        INTEGER NOT NULL DEFAULT 0 CHECK (is_told IN (0, 1)),
    told_to        TEXT,
    valid_until_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS replays_by_end ON replays (valid_until_ms);
`;
/** Past its end the chain itself refuses a promise; so long after that, nobody repeats a call for it. */
const KEPT_MS = 7 * 24 * 3_600_000;
const MAX_PRUNED = 100;

/** @param file ":memory:" forgets everything at the end */
export function openReplays(file: string): Replays {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;");
  db.exec(SCHEMA);
  const read = db.prepare("SELECT tx_id, is_told, told_to FROM replays WHERE ref = ?");
  const insert = db.prepare("INSERT INTO replays (ref, valid_until_ms) VALUES (?, ?)");
  const sent = db.prepare("UPDATE replays SET tx_id = coalesce(?, tx_id) WHERE ref = ?");
  const told = db.prepare(
    "UPDATE replays SET is_told = 1, told_to = ? WHERE ref = ? AND (is_told = 0 OR told_to = ?)",
  );
  const remove = db.prepare("DELETE FROM replays WHERE ref = ? AND is_told = 0");
  const prune = db.prepare(
    "DELETE FROM replays WHERE ref IN (SELECT ref FROM replays WHERE valid_until_ms < ? LIMIT ?)",
  );
  return {
    claim(ref, validUntilMs, nowMs) {
      prune.run(nowMs - KEPT_MS, MAX_PRUNED);
      const row = read.get(ref);
      if (row === undefined) {
        insert.run(ref, validUntilMs);
        return { ref, txId: null, isKnown: false, isTold: false, toldTo: null };
      }
      const { tx_id: txId, is_told: isTold, told_to: toldTo } = row;
      return {
        ref,
        txId: textOrNull(txId),
        isKnown: true,
        isTold: isTold === 1,
        toldTo: textOrNull(toldTo),
      };
    },
    noteSent: (ref, txId) => void sent.run(txId, ref),
    tell: (ref, key) => told.run(key, ref, key).changes === 1,
    forget: (ref) => void remove.run(ref),
    close: () => db.close(),
  };
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
