/** The composition root: settings in, a running shop out. With parts.ts, the only file that knows every part. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { actions, type ShopActions } from "./actions/index.ts";
import { systemClock } from "./clock.ts";
import { readConfig, type Config } from "./config.ts";
import { createLocalFeed } from "./feed/local.ts";
import { buildApp } from "./http/app.ts";
import { DEFAULT_LIMITS, DEFAULT_STREAMS, type Health, type HttpSettings } from "./http/deps.ts";
import { systemRandom } from "./ids.ts";
import { createLog, writeToStderr, type Log } from "./log.ts";
import { parseDecimal } from "./money.ts";
import { openPriceBoard } from "./oracle/index.ts";
import { assembleParts, type Parts } from "./parts.ts";
import { openSqliteStore } from "./store/sqlite.ts";
import type { Store } from "./store/tx.ts";
import { availabilityOf } from "./suppliers/availability.ts";
import { mayBuy } from "./suppliers/breaker.ts";
import { hashApiKey } from "./vault/api-key.ts";
import { openVault } from "./vault/seal.ts";
import { startWorkers, type Workers } from "./workers/index.ts";
import { createSupplierBoard, type SupplierBoard } from "./workers/supplier-board.ts";
import { candidatesOf } from "./workers/supply.ts";

/** A running shop. */
export interface Shop {
  /** "http://127.0.0.1:8402" */
  readonly url: string;
  /** Stops accepting, cuts the streams so that clients reconnect, finishes or hands back what is in hand. */
  close(): Promise<void>;
}

/** What a test may put in place of the real thing. */
export interface ShopSeams {
  /** Sits between the shop and its store. */
  readonly wrapStore?: (store: Store<ShopActions>) => Store<ShopActions>;
}

/** Offers older than this many refresh periods are not trusted. */
const OFFERS_KEPT_PERIODS = 6;
/** A watcher that has not read its rail for this long is stalled. */
const RAIL_MAX_AGE_MS = 30_000;
const RETRY_AFTER_S = 10;
const BPS = 10_000n;

/** Starts everything in order. Rejects when the rail's surroundings are not what the settings say. */
export async function startShop(
  config: Config,
  parts: Parts,
  log: Log,
  seams: ShopSeams = {},
): Promise<Shop> {
  await checkRail(parts, log);
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 });
  const opened = await openSqliteStore({
    file: path.join(config.dataFolder, "vend402.db"),
    thread: "worker",
    actionsUrl: new URL("./actions/index.ts", import.meta.url),
    log,
    onFatal: (error) => {
      log.error("the database thread is gone", { error });
      process.exit(1);
    },
  } as const);
  const store = (seams.wrapStore ?? ((same) => same))(opened as Store<ShopActions>);
  const feed = createLocalFeed(log);
  store.onCommit((notice) => feed.publish(notice.orderIds));
  const { suppliers } = parts;
  const board = createSupplierBoard({ suppliers, store, clock: systemClock, log });
  const prices = openPriceBoard(config, { clock: systemClock, log });
  await Promise.all([board.refresh(AbortSignal.timeout(15_000)), prices.refresh()]);
  const workers = await startWorkers(workerDeps({ config, parts, log, store, board }), {
    terms: depositTerms(config, parts),
    ...config.work,
  });
  const app = await buildApp({
    settings: httpSettings(config),
    clock: systemClock,
    random: systemRandom,
    log,
    store,
    feed,
    openGoods: vaultOf(parts).open,
    hashKey: (key) => hashApiKey(key, parts.pepper),
    product: productOf(config, parts),
    rail: parts.rail,
    pricing: prices.pricing,
    availability: availabilityFrom(config, parts, board),
    health: () => healthFrom(config, { parts, board, workers }),
  });
  const url = await app.listen(config.host, config.port);
  log.info("the shop is open", { url });
  return {
    url,
    close: async () => {
      log.info("the shop is closing");
      await app.close();
      await Promise.all([workers.stop(), prices.stop()]);
      await store.close();
      log.info("the shop is closed");
    },
  };
}
