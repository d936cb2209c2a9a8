import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  ACTIONS_URL,
  step,
  type ContractActions,
  type ContractStore,
} from "../../../tests/contracts/store/actions.ts";
import { newKey, newPosting } from "../../../tests/contracts/store/rows.ts";
import { dataFolder } from "../../../tests/fixtures/data-folder.ts";
import { createLog } from "../../log.ts";
import { openSqliteReader, openSqliteStore } from "../sqlite.ts";

const NOW_MS = 1_800_000_000_000;

async function openStore(folder: string, name: string): Promise<ContractStore> {
  const store = await openSqliteStore<ContractActions>({
    file: path.join(folder, name),
    thread: "worker",
    actionsUrl: ACTIONS_URL,
    log: createLog({ level: "error", now: () => 0, write: () => {} }),
    onFatal: (error) => {
      throw error;
    },
  });
  onTestFinished(() => store.close());
  return store;
}

/** A key and a balanced entry that name each other: a copy with one of them only was torn. */
const pair = (i: number) => [
  step("keys", "insert", newKey({ id: `key_${i}`, label: "x".repeat(2000) })),
  step("ledger", "post", [
    newPosting({ entryId: `e${i}`, account: "left", atomic: 1n }),
    newPosting({ entryId: `e${i}`, account: "right", atomic: -1n }),
  ]),
];

test("a backup made under load is whole, of one instant, and opens as a store", async () => {
  const folder = dataFolder();
  const store = await openStore(folder, "shop.db");
  for (let i = 0; i < 100; i++) await store.transact("run", pair(i));
  let next = 100;
  const stop = new AbortController();
  const load = Array.from({ length: 8 }, async () => {
    while (!stop.signal.aborted) await store.transact("run", pair(next++));
  });
  const target = path.join(folder, "copy.db");
  await store.backup(target, NOW_MS);
  const before = next;
  stop.abort();
  await Promise.all(load);
  const copy = await openStore(folder, "copy.db");
  const keys = await copy.read.keys.all();
  expect(keys.length).toBeGreaterThanOrEqual(100);
  expect(keys.length).toBeLessThanOrEqual(before);
  const [left, right] = await copy.read.ledger.balances();
  expect(left?.atomic).toBe(BigInt(keys.length));
  expect(right?.atomic).toBe(BigInt(-keys.length));
  await copy.transact("run", pair(-1));
  expect(statSync(target).mode & 0o777).toBe(0o600);
});

test("a backup never overwrites, and a failed one leaves nothing", async () => {
  const folder = dataFolder();
  const store = await openStore(folder, "shop.db");
  const taken = path.join(folder, "taken.db");
  writeFileSync(taken, "precious");
  await expect(store.backup(taken, NOW_MS)).rejects.toThrow(
    `${taken} exists; a backup never overwrites`,
  );
  expect(statSync(taken).size).toBe("precious".length);
  await expect(store.backup(path.join(folder, "nowhere", "copy.db"), NOW_MS)).rejects.toThrow(
    "ENOENT",
  );
  expect(readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
  expect(existsSync(path.join(folder, "nowhere"))).toBe(false);
});

test("a tool reads a data file while its owner goes on writing", async () => {
  const folder = dataFolder();
  const store = await openStore(folder, "shop.db");
  const tool = openSqliteReader(path.join(folder, "shop.db"));
  onTestFinished(() => tool.close());
  expect(await tool.read.keys.all()).toEqual([]);
  await store.transact("run", pair(1));
  expect(await tool.read.keys.all()).toHaveLength(1);
});

test("a copy says that it is one until it is opened in the place of the books; the books say nothing", async () => {
  const folder = dataFolder();
  const store = await openStore(folder, "shop.db");
  await store.backup(path.join(folder, "copy.db"), NOW_MS);
  const copy = await openStore(folder, "copy.db");
  const open = (of: ContractStore, nowMs: number) =>
    of.transact("run", [step("restores", "open", nowMs)]);
  expect(await copy.read.restores.heldBeforeMs()).toBeNull();
  expect(await open(store, NOW_MS + 5)).toEqual([false]);
  expect(await open(copy, NOW_MS + 5)).toEqual([true]);
  expect(await copy.read.restores.heldBeforeMs()).toBe(NOW_MS + 5);
  expect(await open(copy, NOW_MS + 9)).toEqual([false]);
  expect(await copy.read.restores.heldBeforeMs()).toBe(NOW_MS + 5);
});
