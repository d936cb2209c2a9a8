import { closeSync, existsSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import {
  loadMigrations,
  pendingMigrations,
  type AppliedMigration,
  type Migration,
} from "../migrations.ts";
import { openWriter } from "./connection.ts";

/** "V402": marks the file as ours, so that nothing is ever migrated into somebody else's database. */
const APPLICATION_ID = 0x56343032;
const OWNER_ONLY = 0o600;

/** A data file that is open for writing. */
export interface WritableDatabase {
  readonly db: DatabaseSync;
  readonly close: () => void;
}

/**
 * Opens the data file for writing as its only owner, creating it if need be, and brings its schema up to
 * date. Throws when another process owns it, when it is not ours, or when it is newer than this program.
 */
export function openOwned(
  file: string,
  migrations: readonly Migration[] = loadMigrations(),
): WritableDatabase {
  const release = takeOwnership(file);
  try {
    // Made beforehand, because SQLite would let everybody read it; its log files take over the mode.
    closeSync(openSync(file, "a", OWNER_ONLY));
    const db = openOurs(file, (opened) => migrate(opened, migrations));
    const close = (): void => {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      db.close();
      release();
    };
    return { db, close };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Opens the data file for writing beside its owner: for an operator's command while the server runs. Makes the
 * file when there is none; throws when its schema is not this program's.
 */
export function openGuest(file: string): WritableDatabase {
  if (!existsSync(file)) openOwned(file).close();
  const db = openOurs(file, (opened) => {
    if (pendingMigrations(loadMigrations(), appliedMigrations(opened)).length > 0)
      throw new Error(
        `${file} is of an older version; start the server once to bring it up to date`,
      );
  });
  return { db, close: () => db.close() };
}

/**
 * Holds a lock until it is released or the process is gone, however it ends. The lock is on a file of its
 * own, because a lock on the data would keep readers and backups out.
 */
function takeOwnership(file: string): () => void {
  const lock = new DatabaseSync(`${file}.lock`, { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    throw new Error(`${file} belongs to another running server; stop that one first`, { cause });
  }
  return () => lock.close();
}

/** Closes again when `prepare` throws or the file is another program's. */
function openOurs(file: string, prepare: (db: DatabaseSync) => void): DatabaseSync {
  const db = openWriter(file);
  try {
    const id = db.prepare("PRAGMA application_id").get()?.["application_id"];
    if (id !== APPLICATION_ID && hasTables(db))
      throw new Error(`${file} is a database of another program`);
    prepare(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function hasTables(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined;
}

/** Applies all that is missing, or nothing. */
function migrate(db: DatabaseSync, migrations: readonly Migration[]): void {
  db.exec("BEGIN EXCLUSIVE");
  try {
    const pending = pendingMigrations(migrations, appliedMigrations(db));
    db.exec(`
      PRAGMA application_id = ${APPLICATION_ID};
      CREATE TABLE IF NOT EXISTS schema_migrations (
        version  INTEGER NOT NULL PRIMARY KEY,
        name     TEXT    NOT NULL,
        checksum TEXT    NOT NULL
      ) STRICT;
    `);
    const insert = db.prepare(
      "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)",
    );
    for (const { version, name, sql, checksum } of pending) {
      db.exec(sql);
      insert.run(version, name, checksum);
    }
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function appliedMigrations(db: DatabaseSync): readonly AppliedMigration[] {
  if (!hasTables(db)) return [];
  return db
    .prepare("SELECT version, name, checksum FROM schema_migrations ORDER BY version")
    .all() as unknown as readonly AppliedMigration[];
}
