import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createLog } from "../../src/log.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { actions, within, type ContractStore } from "../contracts/store/actions.ts";
import { newKey, NOW_MS } from "../contracts/store/rows.ts";

const WRITER = path.join(import.meta.dirname, "store-writer.ts");
const ROUNDS = 3;

function openStore(file: string): Promise<ContractStore> {
  return openSqliteStore({
    file,
    thread: "inline",
    actions,
    log: createLog({ level: "error", now: () => NOW_MS, write: () => {} }),
    onFatal: (error) => {
      throw error;
    },
  });
}

/** Lets a writer store at least so many orders, kills it in the middle, and gives the ids that it was told are safe. */
async function killedWriter(file: string, run: string, atLeast: number): Promise<string[]> {
  const writer = spawn(process.execPath, [WRITER, file, run], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(writer, "exit");
  let printed = "";
  for await (const chunk of writer.stdout) {
    printed += String(chunk);
    if (!writer.killed && printed.split("\n").length > atLeast) writer.kill("SIGKILL");
  }
  await exited;
  expect(writer.signalCode).toBe("SIGKILL");
  // The last line may have been cut.
  return printed.split("\n").slice(0, -1);
}

test("a process that is killed at full load loses no order that it acknowledged, and keeps none in part", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-crash-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, "shop.db");
  const first = await openStore(file);
  await within(first, "keys", "insert", newKey());
  await first.close();
  const safe: string[] = [];
  for (let round = 1; round <= ROUNDS; round++)
    safe.push(...(await killedWriter(file, `${round}`, 200 * round)));
  expect(safe.length).toBeGreaterThan(1000);

  const store = await openStore(file);
  const lost: string[] = [];
  for (const id of safe) if ((await store.read.orders.byId(id)) === null) lost.push(id);
  expect(lost).toEqual([]);
  const counted = (await store.read.orders.countByState("key_1")).awaiting_payment;
  await store.close();

  const db = new DatabaseSync(file);
  const count = (table: string) => db.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get()?.["n"];
  const orders = count("orders");
  expect(counted).toBe(orders);
  expect([count("order_events"), count("jobs"), count("idempotency")]).toEqual([
    orders,
    orders,
    orders,
  ]);
  expect(db.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
  expect(db.prepare("PRAGMA foreign_key_check").all()).toEqual([]);
  db.close();
});

test("a server on the data of a running one refuses to start, and starts when that one was killed", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-crash-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, "shop.db");
  const first = await openStore(file);
  await within(first, "keys", "insert", newKey());
  await first.close();
  const writer = spawn(process.execPath, [WRITER, file, "1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void writer.kill("SIGKILL"));
  const exited = once(writer, "exit");
  await once(writer.stdout, "data");
  await expect(openStore(file)).rejects.toThrow(
    "belongs to another running server; stop that one first",
  );
  writer.stdout.resume();
  writer.kill("SIGKILL");
  await exited;
  const next = await openStore(file);
  expect(await next.read.keys.byId("key_1")).toEqual(newKey());
  await next.close();
});
