import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { backup } from "node:sqlite";
import { openReadOnly } from "./connection.ts";

const OWNER_ONLY = 0o600;
/** In one step, because a copy in several begins anew whenever something is written meanwhile. */
const ALL_PAGES = 0x7fffffff;

/** Copies a database that may be in use. The file appears under its name when it is complete; never overwrites. */
export async function backUp(source: string, file: string): Promise<void> {
  refuseExisting(file);
  const partial = `${file}.partial`;
  const db = openReadOnly(source);
  try {
    closeSync(openSync(partial, "wx", OWNER_ONLY));
    try {
      await backup(db, partial, { rate: ALL_PAGES });
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

function refuseExisting(file: string): void {
  if (existsSync(file)) throw new Error(`${file} exists; a backup never overwrites`);
}
