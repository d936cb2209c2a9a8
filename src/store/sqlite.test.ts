import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { ACTIONS_URL, storeContract, type OpenedStore } from "../../tests/contracts/store.ts";
import { actions, type ContractActions } from "../../tests/contracts/store/actions.ts";
import { createLog } from "../log.ts";
import { openSqliteStore, type SqliteThread } from "./sqlite.ts";

async function openStore(place: SqliteThread<ContractActions>): Promise<OpenedStore> {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-sqlite-"));
  const open = () =>
    openSqliteStore<ContractActions>({
      ...place,
      file: path.join(folder, "shop.db"),
      log: createLog({ level: "error", now: () => 0, write: () => {} }),
      onFatal: (error) => {
        throw error;
      },
    });
  let store = await open();
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const reopen = async () => {
    await store.close();
    store = await open();
    return store;
  };
  return { store, reopen };
}

storeContract("SQLite in a thread of its own", () =>
  openStore({ thread: "worker", actionsUrl: ACTIONS_URL }),
);

storeContract("SQLite in the calling thread", () => openStore({ thread: "inline", actions }));
