import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { newKey } from "../../../tests/contracts/store/rows.ts";
import { dataFolder } from "../../../tests/fixtures/data-folder.ts";
import { createReader } from "../handles.ts";
import { loadMigrations, type Migration } from "../migrations.ts";
import { createRunBatch } from "./batch.ts";
import { connect, openReadOnly, readingSql } from "./connection.ts";
import type { Tx } from "../tx.ts";
import { openGuest, openOwned } from "./owner.ts";

const newFile = (): string => path.join(dataFolder(), "shop.db");

/** Opens and closes, then changes the file as only somebody else would. */
function tampered(...statements: readonly string[]): string {
  const file = newFile();
  openOwned(file).close();
  const db = new DatabaseSync(file);
  for (const statement of statements) db.exec(statement);
  db.close();
  return file;
}

test("a data file has one owner at a time", () => {
  const file = newFile();
  const first = openOwned(file);
  expect(() => openOwned(file)).toThrow(
    `${file} belongs to another running server; stop that one first`,
  );
  first.close();
  const second = openOwned(file);
  second.close();
});

test("an owner keeps no reader out", async () => {
  const file = newFile();
  const owned = openOwned(file);
  onTestFinished(owned.close);
  const insert = (tx: Tx): Promise<void> => tx.keys.insert(newKey());
  await createRunBatch(owned.db, { insert })([{ name: "insert", input: null }]);
  const db = openReadOnly(file);
  onTestFinished(() => db.close());
  expect(await createReader(readingSql(connect(db))).keys.byId("key_1")).toEqual(newKey());
  expect(() => db.exec("DELETE FROM keys")).toThrow("readonly");
});

test("an owner that could not open leaves the file to the next", () => {
  const file = tampered("UPDATE schema_migrations SET checksum = 'edited'");
  expect(() => openOwned(file)).toThrow("was applied to the database with another text");
  expect(() => openOwned(file)).toThrow("was applied to the database with another text");
});

test("a database of a newer version is refused and left as it is", () => {
  const file = tampered("INSERT INTO schema_migrations VALUES (999, 'from-the-future', 'x')");
  expect(() => openOwned(file)).toThrow("it was written by a newer version");
});

test("a database of another program is refused and left as it is", () => {
  const file = newFile();
  const other = new DatabaseSync(file);
  other.exec("CREATE TABLE keys (mine TEXT); INSERT INTO keys VALUES ('x')");
  other.close();
  expect(() => openOwned(file)).toThrow(`${file} is a database of another program`);
  const after = new DatabaseSync(file);
  onTestFinished(() => after.close());
  expect(after.prepare("SELECT name FROM sqlite_schema").all()).toHaveLength(1);
});

test("a file that is no database is refused", () => {
  const file = import.meta.filename;
  expect(() => openOwned(path.join(path.dirname(file), "nowhere", "shop.db"))).toThrow(/open/);
});

test("a migration that fails leaves nothing of itself and of those before it", () => {
  const file = newFile();
  const known = loadMigrations();
  const next = known.length + 1;
  const faulty: Migration = {
    version: next,
    name: "faulty",
    sql: "CREATE TABLE extra (a); oops",
    checksum: "x",
  };
  expect(() => openOwned(file, [...known, faulty])).toThrow("syntax error");
  openOwned(file).close();
  const mended: Migration = {
    ...faulty,
    sql: "CREATE TABLE extra (a) STRICT".replace("(a)", "(a TEXT)"),
  };
  openOwned(file, [...known, mended]).close();
  openOwned(file, [...known, mended]).close();
  expect(() => openOwned(file)).toThrow("it was written by a newer version");
});

test("the writer waits for the disk at each commit and forgets nothing it was told to delete", () => {
  const owned = openOwned(newFile());
  onTestFinished(owned.close);
  const setting = (name: string) =>
    Object.values(owned.db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
  expect(setting("journal_mode")).toBe("wal");
  expect(setting("synchronous")).toBe(2);
  expect(setting("foreign_keys")).toBe(1);
  expect(setting("secure_delete")).toBe(1);
});

test("the data is for the owner's eyes only, and closing leaves no log behind", () => {
  const file = newFile();
  const owned = openOwned(file);
  const modes = ["", "-wal", "-shm"].map((suffix) => statSync(file + suffix).mode & 0o777);
  expect(modes).toEqual([0o600, 0o600, 0o600]);
  owned.close();
  expect(readdirSync(path.dirname(file)).toSorted()).toEqual(["shop.db", "shop.db.lock"]);
});

test("a guest writes beside the owner, and what it wrote is there for the owner at once", async () => {
  const file = newFile();
  const owned = openOwned(file);
  onTestFinished(owned.close);
  const guest = openGuest(file);
  onTestFinished(guest.close);
  const actions = {
    insert: (tx: Tx, id: string) => tx.keys.insert(newKey({ id })),
    count: async (tx: Tx) => (await tx.keys.all()).length,
  };
  const [own, beside] = [createRunBatch(owned.db, actions), createRunBatch(guest.db, actions)];
  for (const id of ["a", "b", "c"]) {
    await own([{ name: "insert", input: `own ${id}` }]);
    await beside([{ name: "insert", input: `guest ${id}` }]);
  }
  const { results } = await own([{ name: "count", input: null }]);
  expect(results).toEqual([{ kind: "done", value: 6 }]);
});

test("a guest makes the file when there is none, and takes no ownership", () => {
  const file = newFile();
  const guest = openGuest(file);
  onTestFinished(guest.close);
  const owned = openOwned(file);
  expect(owned.db.isOpen).toBe(true);
  owned.close();
});

test("a guest changes no schema and enters no other program's file", () => {
  const older = newFile();
  openOwned(older, []).close();
  expect(() => openGuest(older)).toThrow("is of an older version; start the server once");
  const newer = tampered("INSERT INTO schema_migrations VALUES (999, 'from-the-future', 'x')");
  expect(() => openGuest(newer)).toThrow("it was written by a newer version");
  const foreign = tampered("PRAGMA application_id = 7");
  expect(() => openGuest(foreign)).toThrow("is a database of another program");
});
