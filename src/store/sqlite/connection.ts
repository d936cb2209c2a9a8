import { DatabaseSync, type StatementSync } from "node:sqlite";
import { assert } from "../../errors.ts";
import type { Sql, SqlReader, SqlRow, SqlValue } from "../sql.ts";

/** How long a statement waits for another connection's lock (a checkpoint, a backup). */
const BUSY_TIMEOUT_MS = 10_000;
const READ_CACHE_KIB = 32_768;
const WRITE_CACHE_KIB = 65_536;
/** 16 MiB of log between checkpoints: fewer make each batch pay more often, more make one batch pay for long. */
const CHECKPOINT_PAGES = 4000;
const LOG_SIZE_LIMIT_BYTES = 67_108_864;

/** The writing connection; sees to it that a commit is on disk before it returns. */
export function openWriter(file: string): DatabaseSync {
  const db = new DatabaseSync(file, {
    timeout: BUSY_TIMEOUT_MS,
    enableForeignKeyConstraints: true,
  });
  const mode = db.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") {
    db.close();
    throw new Error(`${file}: the file system does not allow a write-ahead log`);
  }
  db.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -${WRITE_CACHE_KIB};
    PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
    PRAGMA journal_size_limit = ${LOG_SIZE_LIMIT_BYTES};
  `);
  return db;
}

/** A connection that can only read; it never holds up the writer. */
export function openReadOnly(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
  db.exec(`PRAGMA trusted_schema = OFF; PRAGMA cache_size = -${READ_CACHE_KIB}`);
  return db;
}

/** A database with its prepared statements. */
export interface Connection {
  readonly db: DatabaseSync;
  /** By text. The texts of the table files are few, so none is ever dropped. */
  readonly statement: (text: string) => StatementSync;
}

export function connect(db: DatabaseSync): Connection {
  const byText = new Map<string, StatementSync>();
  const statement = (text: string): StatementSync => {
    const known = byText.get(text);
    if (known !== undefined) return known;
    const prepared = db.prepare(text, { returnArrays: true });
    byText.set(text, prepared);
    return prepared;
  };
  return { db, statement };
}

export function readingSql({ statement }: Connection): SqlReader {
  return {
    get: async (text, ...values) => firstRow(statement(text), values),
    all: async (text, ...values) => allRows(statement(text), values),
  };
}

/** What one action has asked of the database; `isOpen` ends with the action. */
export interface Meter {
  calls: number;
  changedRows: number;
  isOpen: boolean;
}

/** Reads and writes in the open transaction, and counts on the meter. */
export function writingSql({ db, statement }: Connection, meter: Meter): Sql {
  const use = (text: string): StatementSync => {
    assert(meter.isOpen, "an action used its transaction after it had ended: an await is missing");
    assert(db.isTransaction, "the database has ended the transaction");
    meter.calls++;
    return statement(text);
  };
  return {
    get: async (text, ...values) => firstRow(use(text), values),
    all: async (text, ...values) => allRows(use(text), values),
    run: async (text, ...values) => {
      const changed = Number(use(text).run(...values).changes);
      meter.changedRows += changed;
      return changed;
    },
  };
}

// Statements give arrays and the tables hold no blobs, which the types of the runtime can not know.
function firstRow(statement: StatementSync, values: readonly SqlValue[]): SqlRow | null {
  return (statement.get(...values) ?? null) as unknown as SqlRow | null;
}

function allRows(statement: StatementSync, values: readonly SqlValue[]): readonly SqlRow[] {
  return statement.all(...values) as unknown as readonly SqlRow[];
}
