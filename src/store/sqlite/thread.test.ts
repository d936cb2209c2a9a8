import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { DyingActions } from "../../../tests/contracts/store/dying-actions.ts";
import { dataFolder } from "../../../tests/fixtures/data-folder.ts";
import { createLog } from "../../log.ts";
import { openSqliteStore } from "../sqlite.ts";
import type { Store } from "../tx.ts";

const ACTIONS_URL = new URL("../../../tests/contracts/store/dying-actions.ts", import.meta.url);

interface Opened {
  readonly store: Store<DyingActions>;
  readonly deaths: Error[];
}

async function openStore(folder: string, actionsUrl = ACTIONS_URL): Promise<Opened> {
  const deaths: Error[] = [];
  const store = await openSqliteStore<DyingActions>({
    file: path.join(folder, "shop.db"),
    thread: "worker",
    actionsUrl,
    log: createLog({ level: "error", now: () => 0, write: () => {} }),
    onFatal: (error) => deaths.push(error),
  });
  onTestFinished(() => store.close());
  return { store, deaths };
}

test.each(["exit", "throwLater"] as const)(
  "when the thread dies by %s, all calls reject, the process is told once, and the data file is free",
  async (way) => {
    const folder = dataFolder();
    const { store, deaths } = await openStore(folder);
    await store.transact("insertKey", "before");
    const ended = await Promise.allSettled([
      store.transact(way, undefined as never),
      store.transact("insertKey", "same batch"),
    ]);
    expect(ended.map(({ status }) => status)).toContain("rejected");
    await vi.waitFor(() => expect(deaths).toHaveLength(1));
    await expect(store.transact("insertKey", "after")).rejects.toBe(deaths[0]);
    expect(await store.read.keys.byId("before")).not.toBeNull();
    await store.close();
    expect(deaths).toHaveLength(1);
    const next = await openStore(folder);
    expect(await next.store.read.keys.byId("before")).not.toBeNull();
    expect(await next.store.read.keys.byId("after")).toBeNull();
  },
);

test("a store that can not be opened says why", async () => {
  const folder = dataFolder();
  await openStore(folder);
  await expect(openStore(folder)).rejects.toThrow("belongs to another running server");
  const none = new URL("./nothing-here.ts", import.meta.url);
  await expect(openStore(dataFolder(), none)).rejects.toThrow("nothing-here.ts");
  const other = new URL("./call.ts", import.meta.url);
  await expect(openStore(dataFolder(), other)).rejects.toThrow("exports no actions");
});

test("closing is not a death", async () => {
  const { store, deaths } = await openStore(dataFolder());
  await store.close();
  expect(deaths).toEqual([]);
});
