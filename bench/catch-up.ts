/** The books of a shop that was away: what a rail reads goes into a store of their own by the real actions. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ShopActions } from "../src/actions/index.ts";
import { systemClock } from "../src/clock.ts";
import { createLog } from "../src/log.ts";
import type { Order } from "../src/orders/order.ts";
import type { DepositPage, Rail } from "../src/rails/rail.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import type { Store } from "../src/store/tx.ts";
import { apiKeyRow } from "./orders.ts";

const READ_LIMIT_MS = 60_000;
const log = createLog({ level: "error", now: Date.now, write: () => {} });

/** A new store with these orders, for as long as it is used. */
export async function withStore<Result>(
  orders: readonly Order[],
  use: (store: Store<ShopActions>) => Promise<Result>,
): Promise<Result> {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-bench-"));
  const store = await openSqliteStore<ShopActions>({
    file: path.join(folder, "shop.db"),
    thread: "worker",
    actionsUrl: new URL("../src/actions/index.ts", import.meta.url),
    log,
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    await store.transact("createKey", apiKeyRow("hash"));
    await Promise.all(
      orders.map((order) => store.transact("createOrder", { order, idempotency: null })),
    );
    return await use(store);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resolves with how many deposits became an order's payment. */
export async function book(
  store: Store<ShopActions>,
  rail: Rail,
  page: DepositPage,
): Promise<number> {
  const before = (await store.read.cursors.byRail(rail.id))?.cursor ?? null;
  const { matched } = await store.transact("applyDeposits", {
    railId: rail.id,
    before,
    page,
    terms: { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n },
    nowMs: systemClock.now(),
  });
  return matched;
}

/** From a cursor to the chain's end, as a watcher does it; resolves with how many orders were paid. */
export async function catchUp(
  store: Store<ShopActions>,
  rail: Rail,
  start: { readonly cursor: string | null; readonly onPage?: (page: DepositPage) => void },
): Promise<number> {
  let { cursor } = start;
  let matched = 0;
  for (;;) {
    const read = await rail.readDeposits(cursor, AbortSignal.timeout(READ_LIMIT_MS));
    if (read.kind !== "done") throw new Error(`the rail could not be read: ${read.reason}`);
    start.onPage?.(read.value);
    matched += await book(store, rail, read.value);
    if (read.value.isCaughtUp) return matched;
    cursor = read.value.cursor;
  }
}

export async function seconds(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}
