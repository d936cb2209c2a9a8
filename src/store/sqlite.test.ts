import path from "node:path";
import { onTestFinished } from "vitest";
import { storeContract, type OpenedStore } from "../../tests/contracts/store.ts";
import { ACTIONS_URL, actions, type ContractActions } from "../../tests/contracts/store/actions.ts";
import { dataFolder } from "../../tests/fixtures/data-folder.ts";
import { createLog } from "../log.ts";
import { openSqliteStore, type SqliteThread } from "./sqlite.ts";

async function openStore(place: SqliteThread<ContractActions>): Promise<OpenedStore> {
  const file = path.join(dataFolder(), "shop.db");
  const open = () =>
    openSqliteStore<ContractActions>({
      ...place,
      file,
      log: createLog({ level: "error", now: () => 0, write: () => {} }),
      onFatal: (error) => {
        throw error;
      },
    });
  let store = await open();
  onTestFinished(() => store.close());
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
