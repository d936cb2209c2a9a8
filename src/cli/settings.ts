import { existsSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../clock.ts";
import { createLog, writeToStderr } from "../log.ts";
import { readStoreSettings, type StoreSettings } from "../config.ts";
import { actions, type ShopActions } from "../actions/index.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/tx.ts";
import { Stop } from "./command.ts";

const ENV_FILE = ".env";

/** Reads `.env` of this folder, if there is one, under what the environment says already. */
export function loadEnvFile(): void {
  if (existsSync(ENV_FILE)) process.loadEnvFile(ENV_FILE);
}

/** The settings that commands about stored data need. */
export function requireStoreSettings(): StoreSettings {
  loadEnvFile();
  const read = readStoreSettings();
  if (read.kind === "settings") return read.settings;
  throw new Stop(["the configuration is not complete:", ...read.problems].join("\n  - "));
}

/** The database file inside the data folder. */
export function databaseFile(dataFolder: string): string {
  return path.join(dataFolder, "vend402.db");
}

/** Opens the shop's database beside a server that may be running, uses it and closes it. */
export async function withStore<Result>(
  use: (store: Store<ShopActions>) => Promise<Result>,
): Promise<Result> {
  const file = databaseFile(requireStoreSettings().dataFolder);
  if (!existsSync(file))
    throw new Stop(`there is no database at ${file}; start the server once (vend402 serve)`);
  return useStore(file, use);
}

/** Opens the database in this file, made when it is not there, uses it and closes it. */
export async function useStore<Result>(
  file: string,
  use: (store: Store<ShopActions>) => Promise<Result>,
): Promise<Result> {
  const store = await openSqliteStore<ShopActions>({
    file,
    actions,
    thread: "inline",
    role: "guest",
    log: createLog({ level: "warn", now: systemClock.now, write: writeToStderr }),
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
