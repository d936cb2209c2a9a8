import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { backup, DatabaseSync } from "node:sqlite";
import { openReadOnly } from "./connection.ts";

const OWNER_ONLY = 0o600;
/** In one step, because a copy in several begins anew whenever something is written meanwhile. */
const ALL_PAGES = 0x7fffffff;

/**
 * Copies a database that may be in use. The file appears under its name when it is complete; never overwrites. The copy
 * says of itself that it is one, so that the shop that opens it knows that it may have missed something.
 */
export async function backUp(source: string, file: string, nowMs: number): Promise<void> {
  refuseExisting(file);
  const partial = `${file}.partial`;
  const db = openReadOnly(source);
  try {
    closeSync(openSync(partial, "wx", OWNER_ONLY));
    try {
      await backup(db, partial, { rate: ALL_PAGES });
      mark(partial, nowMs);
      refuseExisting(file);
      renameSync(partial, file);
    } catch (error) {
      rmSync(partial, { force: true });
      throw error;
    }
  } finally {
    db.close();
  }
}

function mark(file: string, copiedAtMs: number): void {
  const copy = new DatabaseSync(file);
  try {
    // Else files of a log would lie beside it.
    copy.exec("PRAGMA journal_mode = DELETE");
    const text = "INSERT INTO restores (copied_at_ms) VALUES (?) ON CONFLICT DO NOTHING";
    copy.prepare(text).run(copiedAtMs);
  } finally {
    copy.close();
  }
}

function refuseExisting(file: string): void {
  if (existsSync(file)) throw new Error(`${file} exists; a backup never overwrites`);
}
