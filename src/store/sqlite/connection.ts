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

/** Prepared statements by text. The texts of the table files are few, so none is ever dropped. */
export type Statements = (text: string) => StatementSync;

export function cacheStatements(db: DatabaseSync): Statements {
  const byText = new Map<string, StatementSync>();
  return (text) => {
    let statement = byText.get(text);
    if (statement === undefined) {
      statement = db.prepare(text, { returnArrays: true });
      byText.set(text, statement);
    }
    return statement;
  };
}

export function readingSql(statements: Statements): SqlReader {
  return {
    get: async (text, ...values) => firstRow(statements(text), values),
    all: async (text, ...values) => allRows(statements(text), values),
  };
}

/** What one action has asked of the database; `isOpen` ends with the action. */
export interface Meter {
  calls: number;
  changedRows: number;
  isOpen: boolean;
}

/** Reads and writes in the open transaction, and counts on the meter. */
export function writingSql(statements: Statements, meter: Meter): Sql {
  const use = (text: string): StatementSync => {
    assert(meter.isOpen, "an action used its transaction after it had ended: an await is missing");
    meter.calls++;
    return statements(text);
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
