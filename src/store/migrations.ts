import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { assert } from "../errors.ts";

/** One step of the schema, applied once, in order, never edited afterwards. */
export interface Migration {
  /** Counts from 1 without gaps. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text, hex. */
  readonly checksum: string;
}

/** What a database says it has been through. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

const FOLDER = new URL("./migrations/", import.meta.url);
const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/;

/** All migrations of this version of the program, oldest first. */
export function loadMigrations(folder: URL = FOLDER): readonly Migration[] {
  return readdirSync(folder)
    .toSorted()
    .map((file, index) => {
      const match = FILE_NAME.exec(file);
      assert(match !== null, `${file} is not named like a migration: 0001-words.sql`);
      const version = Number(match[1]);
      assert(version === index + 1, `migration ${file} leaves a gap in the numbers`);
      const sql = readFileSync(new URL(file, folder), "utf8").replaceAll("\r\n", "\n");
      const checksum = createHash("sha256").update(sql).digest("hex");
      return { version, name: match[2] ?? "", sql, checksum };
    });
}

/**
 * What is still to be applied. Throws when the database is newer than the program, or was built from a
 * migration that has since been edited.
 */
export function pendingMigrations(
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  for (const { version, name, checksum } of applied) {
    const migration = known[version - 1];
    if (migration === undefined)
      throw new Error(
        `the database has migration ${version} (${name}), this program knows ${known.length}: it was written by a newer version, start that one`,
      );
    if (migration.checksum !== checksum)
      throw new Error(
        `migration ${version} (${name}) was applied to the database with another text: this program is not the one that built it`,
      );
  }
  return known.slice(applied.length);
}
