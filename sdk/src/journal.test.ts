import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fileJournal, memoryJournal } from "./journal.ts";
import { JournalError } from "./pay/errors.ts";

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-journal-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test.each([
  ["memory", () => memoryJournal()],
  ["file", () => fileJournal(newFolder())],
])("the first entry of a key stays, in the %s journal", async (_kind, open) => {
  const journal = open();
  expect(await journal.read("payment-1")).toBeNull();
  expect(await journal.add("payment-1", "first\nwith lines ✓")).toBe("first\nwith lines ✓");
  expect(await journal.add("payment-1", "second")).toBe("first\nwith lines ✓");
  expect(await journal.read("payment-1")).toBe("first\nwith lines ✓");
  expect(await journal.read("payment-2")).toBeNull();
});

test("of many that add the same key at once exactly one wins, and all are told who", async () => {
  const folder = newFolder();
  const told = await Promise.all(
    Array.from({ length: 20 }, (_, i) => fileJournal(folder).add("key", `entry ${String(i)}`)),
  );
  expect(new Set(told).size).toBe(1);
  expect(readdirSync(folder)).toEqual(["key.entry"]);
});

test("the folder is for its user alone, also one that was open before", async () => {
  const folder = path.join(newFolder(), "a", "b");
  await fileJournal(folder).add("key", "text");
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(path.join(folder, "key.entry")).mode & 0o777).toBe(0o600);
  chmodSync(folder, 0o755);
  await fileJournal(folder).read("key");
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test("a torn or altered entry stops the payment instead of being taken for none", async () => {
  const folder = newFolder();
  const journal = fileJournal(folder);
  const file = path.join(folder, "key.entry");
  await journal.add("key", '{"hash":"ab"}');
  const { size } = statSync(file);
  for (const harm of [
    () => truncateSync(file, size - 1),
    () => truncateSync(file, 10),
    () => truncateSync(file, 0),
    () => appendFileSync(file, " "),
    () => writeFileSync(file, readFileSync(file, "utf8").replace("ab", "cd")),
  ]) {
    rmSync(file, { force: true });
    await journal.add("key", '{"hash":"ab"}');
    harm();
    await expect(journal.read("key")).rejects.toThrow(JournalError);
    await expect(journal.add("key", "other")).rejects.toThrow(JournalError);
  }
});

test("a draft left by a crash is not an entry", async () => {
  const folder = newFolder();
  writeFileSync(path.join(folder, "0011.draft"), "half a pay");
  expect(await fileJournal(folder).read("0011")).toBeNull();
});

test("a folder that cannot be used says what to do", async () => {
  const file = path.join(newFolder(), "file");
  writeFileSync(file, "");
  await expect(fileJournal(path.join(file, "payments")).read("key")).rejects.toMatchObject({
    code: "journal_error",
    given: { folder: path.join(file, "payments") },
  });
});

test("a key is never a path", async () => {
  for (const key of ["../x", "a/b", "", "A", "x".repeat(101)])
    await expect(fileJournal(newFolder()).read(key)).rejects.toThrow(JournalError);
});

const WRITER = `
import { fileJournal } from ${JSON.stringify(new URL("journal.ts", import.meta.url).href)};
const journal = fileJournal(process.argv[1]);
for (let i = 0; ; i++) {
  const kept = await journal.add("key-" + i, "x".repeat(20_000) + i);
  process.stdout.write(kept.slice(20_000) + "\\n");
}`;

test("a writer killed at any moment leaves whole entries or none, and every one it reported", async () => {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  for (let round = 0; round < 5; round++) {
    const target = path.join(folder, String(round));
    const child = spawn(process.execPath, ["--input-type=module", "-e", WRITER, target], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    let reported = "";
    child.stdout.setEncoding("utf8").on("data", (piece: string) => {
      reported += piece;
      // Each round dies at another distance from the last fsync.
      if (reported.split("\n").length > 5 + round) setTimeout(() => child.kill("SIGKILL"), round);
    });
    await once(child, "close");
    const journal = fileJournal(target);
    const lines = reported.split("\n").slice(0, -1);
    expect(lines.length).toBeGreaterThanOrEqual(5);
    for (const line of lines)
      expect(await journal.read(`key-${line}`)).toBe("x".repeat(20_000) + line);
    for (const file of readdirSync(target).filter((name) => name.endsWith(".entry")))
      await expect(journal.read(path.basename(file, ".entry"))).resolves.toMatch(/^x{20000}\d+$/);
  }
});
