import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { dataFolder } from "../../tests/fixtures/data-folder.ts";
import { loadMigrations, pendingMigrations } from "./migrations.ts";

function folderWith(files: Readonly<Record<string, string>>): URL {
  const folder = dataFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return pathToFileURL(`${folder}${path.sep}`);
}

const TWO = { "0002-more.sql": "two", "0001-initial.sql": "one\r\nline" };

test("migrations are read in the order of their numbers, the same whatever the line ends", () => {
  const checksum = createHash("sha256").update("one\nline").digest("hex");
  expect(loadMigrations(folderWith(TWO))).toMatchObject([
    { version: 1, name: "initial", sql: "one\nline", checksum },
    { version: 2, name: "more", sql: "two" },
  ]);
});

test.each([
  ["0002-more.sql", "leaves a gap in the numbers"],
  ["0001_initial.sql", "is not named like a migration"],
  ["notes.txt", "is not named like a migration"],
])("a folder with only %s is refused", (name, reason) => {
  expect(() => loadMigrations(folderWith({ [name]: "" }))).toThrow(reason);
});

test("this program's own migrations can be read", () => {
  expect(loadMigrations().length).toBeGreaterThan(0);
});

test("only what has not been applied is pending", () => {
  const known = loadMigrations(folderWith(TWO));
  expect(pendingMigrations(known, [])).toEqual(known);
  expect(pendingMigrations(known, known.slice(0, 1))).toEqual(known.slice(1));
  expect(pendingMigrations(known, known)).toEqual([]);
});

test("a database is refused when it is newer or was built from another text", () => {
  const known = loadMigrations(folderWith(TWO));
  const [first] = known;
  expect(() => pendingMigrations(known.slice(0, 1), known)).toThrowErrorMatchingInlineSnapshot(
    `[Error: the database has migration 2 (more), this program knows 1: it was written by a newer version, start that one]`,
  );
  const edited = [{ version: 1, name: "initial", checksum: `${first?.checksum}x` }];
  expect(() => pendingMigrations(known, edited)).toThrowErrorMatchingInlineSnapshot(
    `[Error: migration 1 (initial) was applied to the database with another text: this program is not the one that built it]`,
  );
});
