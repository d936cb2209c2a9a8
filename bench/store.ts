import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ShopActions } from "../src/actions/index.ts";
import { newId, systemRandom } from "../src/ids.ts";
import { createLog, writeToStderr } from "../src/log.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import type { Store } from "../src/store/tx.ts";
import type { Size } from "./main.ts";
import { apiKeyRow, openOrder } from "./orders.ts";
import { median, percentile, type Row } from "./report.ts";

const ACTIONS_URL = new URL("../src/actions/index.ts", import.meta.url);
const CALLERS = 256;
const ROUNDS = 3;
const MAX_BATCH = 256;

interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/**
 * Order intake without HTTP: the real `createOrder` through the database thread, each answer after its
 * fsync, against the same store with a transaction for each call.
 */
export async function* store(size: Size): AsyncGenerator<Row> {
  const seconds = size.isSmall ? 0.2 : size.seconds;
  const grouped: Load[] = [];
  const single: Load[] = [];
  for (let round = 0; round < (size.isSmall ? 1 : ROUNDS); round++) {
    grouped.push(await measure(MAX_BATCH, seconds));
    single.push(await measure(1, seconds));
  }
  yield {
    bench: "store",
    metric: "orders_per_s",
    value: median(grouped.map(({ perSecond }) => perSecond)),
    baseline: "one transaction per call",
    baselineValue: median(single.map(({ perSecond }) => perSecond)),
    p50Ms: median(grouped.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(grouped.map(({ p99Ms }) => p99Ms)),
    note: `${CALLERS} callers: order, event, job, idempotent answer and budget, each fsynced`,
  };
}

async function measure(maxBatch: number, seconds: number): Promise<Load> {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-bench-"));
  const opened = await openSqliteStore<ShopActions>({
    file: path.join(folder, "bench.db"),
    thread: "worker",
    actionsUrl: ACTIONS_URL,
    maxBatch,
    log: createLog({ level: "error", now: () => Date.now(), write: writeToStderr }),
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    await opened.transact("createKey", apiKeyRow("hash"));
    // The first moments compile the code.
    await load(opened, seconds / 4);
    return await load(opened, seconds);
  } finally {
    await opened.close();
    rmSync(folder, { recursive: true });
  }
}

async function load(opened: Store<ShopActions>, seconds: number): Promise<Load> {
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const call = async (): Promise<void> => {
    for (let atMs = performance.now(); atMs < endMs; atMs = performance.now()) {
      const order = openOrder(newId("ord", Date.now(), systemRandom));
      const idempotency = { key: `for ${order.id}`, fingerprint: "0".repeat(64) };
      await opened.transact("createOrder", { order, idempotency });
      latenciesMs.push(performance.now() - atMs);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  const tookMs = performance.now() - startMs;
  return {
    perSecond: (latenciesMs.length / tookMs) * 1000,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  };
}
