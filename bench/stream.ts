import { spawn } from "node:child_process";
import { createSecretKey } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import type { ShopActions } from "../src/actions/index.ts";
import { systemClock } from "../src/clock.ts";
import { createLocalFeed } from "../src/feed/local.ts";
import { buildApp } from "../src/http/app.ts";
import { systemRandom } from "../src/ids.ts";
import { createLog } from "../src/log.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import type { Store } from "../src/store/tx.ts";
import { hashApiKey, newApiKey } from "../src/vault/api-key.ts";
import { httpDeps } from "./http-deps.ts";
import type { Size } from "./main.ts";
import { apiKeyRow, openOrder, paymentPage, RAIL } from "./orders.ts";
import { percentile, type Row } from "./report.ts";

const EVENTS_PER_SECOND = 200;
const STREAM_COUNTS = [1_000, 10_000];

/**
 * From a committed state change to the frame at the client: the real server and store in this process, the
 * clients in another one, one stream per order, one order changing at a time.
 */
export async function* stream(size: Size): AsyncGenerator<Row> {
  const counts = size.isSmall ? [50] : STREAM_COUNTS;
  for (const count of counts) yield measure(count, size.isSmall ? 0.3 : size.seconds);
}

async function measure(streams: number, seconds: number): Promise<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-bench-"));
  const log = createLog({ level: "error", now: Date.now, write: () => {} });
  const store = await openSqliteStore<ShopActions>({
    file: path.join(folder, "shop.db"),
    thread: "worker",
    actionsUrl: new URL("../src/actions/index.ts", import.meta.url),
    log,
    onFatal: (error) => {
      throw error;
    },
  });
  const feed = createLocalFeed(log);
  store.onCommit(({ orderIds }) => feed.publish(orderIds));
  const apiKey = newApiKey(systemRandom);
  const pepper = createSecretKey(systemRandom(32));
  await store.transact("createKey", apiKeyRow(hashApiKey(apiKey, pepper)));
  const orderIds = Array.from({ length: streams }, (_, i) => `ord_bench_${i}`);
  await Promise.all(
    orderIds.map((id) =>
      store.transact("createOrder", { order: openOrder(id), idempotency: null }),
    ),
  );
  const app = await buildApp(httpDeps(store, feed, pepper, log));
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  try {
    const rssBefore = process.memoryUsage().rss;
    const clients = await openClients(url, apiKey, streams);
    const rssPerStream = (process.memoryUsage().rss - rssBefore) / streams;
    const committedAt = await changeOrders(store, orderIds, seconds);
    const arrivedAt = await clients.finish(committedAt.size);
    const delaysMs = [...committedAt].map(([id, at]) => {
      const arrived = arrivedAt.get(id);
      if (arrived === undefined) throw new Error(`no frame for ${id}`);
      return Number(arrived - at) / 1e6;
    });
    return {
      bench: "stream",
      metric: `frame_delay_ms_${streams}_streams`,
      value: percentile(delaysMs, 0.5),
      baseline: null,
      baselineValue: null,
      p50Ms: percentile(delaysMs, 0.5),
      p99Ms: percentile(delaysMs, 0.99),
      note:
        `commit to frame, ${delaysMs.length} changes at ${EVENTS_PER_SECOND}/s, ` +
        `${Math.round(rssPerStream / 1024)} KiB of memory per stream`,
    };
  } finally {
    await app.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Clients {
  /** Waits for so many second frames and resolves with their arrival, nanoseconds of the machine's clock. */
  finish(frames: number): Promise<ReadonlyMap<string, bigint>>;
}

async function openClients(url: string, apiKey: string, streams: number): Promise<Clients> {
  const entry = path.join(import.meta.dirname, "stream-clients.ts");
  const child = spawn(process.execPath, [entry, url, apiKey, String(streams)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const arrivedAt = new Map<string, bigint>();
  const lines = createInterface({ input: child.stdout });
  const opened = new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      const [word = "", id = "", at = ""] = line.split(" ");
      if (word === "open") resolve();
      if (word === "frame") arrivedAt.set(id, BigInt(at));
    });
    child.once("exit", (code) => reject(new Error(`the clients ended with ${String(code)}`)));
  });
  await opened;
  return {
    finish: async (frames) => {
      while (arrivedAt.size < frames) await once(lines, "line");
      child.kill("SIGKILL");
      return arrivedAt;
    },
  };
}

/** Pays one order after the other at a steady rate; the time of each commit, by order. */
async function changeOrders(
  store: Store<ShopActions>,
  orderIds: readonly string[],
  seconds: number,
): Promise<ReadonlyMap<string, bigint>> {
  const committedAt = new Map<string, bigint>();
  const unsubscribe = store.onCommit(({ orderIds: changed }) => {
    const now = process.hrtime.bigint();
    for (const id of changed) committedAt.set(id, now);
  });
  const count = Math.min(orderIds.length, Math.ceil(seconds * EVENTS_PER_SECOND));
  const startMs = performance.now();
  let before: string | null = null;
  for (const [i, id] of orderIds.slice(0, count).entries()) {
    await systemClock.sleep(startMs + (i * 1000) / EVENTS_PER_SECOND - performance.now());
    const page = paymentPage([id], `c${i}`);
    const nowMs = systemClock.now();
    const terms = { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n };
    await store.transact("applyDeposits", { railId: RAIL, before, page, terms, nowMs });
    before = page.cursor;
  }
  unsubscribe();
  return committedAt;
}
