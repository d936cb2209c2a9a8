import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ShopActions } from "../src/actions/index.ts";
import { newId, systemRandom } from "../src/ids.ts";
import { createLog } from "../src/log.ts";
import type { Order } from "../src/orders/order.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import type { ApiKeyRow, Store } from "../src/store/tx.ts";

/**
 * How many orders per second the store takes in: the real `createOrder` through the database thread, every
 * answer after its fsync, with group commit and with one transaction per call.
 */
const ACTIONS_URL = new URL("../src/actions/index.ts", import.meta.url);
const log = createLog({
  level: "error",
  now: Date.now,
  write: (line) => process.stderr.write(`${line}\n`),
});

interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const KEY: ApiKeyRow = {
  id: "key_bench",
  hash: "0".repeat(64),
  label: "bench",
  limitUsdMicro: null,
  spentUsdMicro: 0n,
  inFlightUsdMicro: 0n,
  ordersPerHour: null,
  isSuspended: false,
  expiresAtMs: null,
  createdAtMs: 0,
};

function newOrder(nowMs: number): Order {
  const id = newId("ord", nowMs, systemRandom);
  const usdc =
    "stellar:testnet/asset:USDC-GBBD47IF6LWK7P7MDEVSCWR7DPUWV3NY3DTQEVFL4NAT4AQH3ZLLFLA5";
  const leg = { decimals: 7, expiresAtMs: nowMs + 1_800_000, rateUsdMicro: null };
  return {
    id,
    keyId: KEY.id,
    product: "prepaid-card",
    request: { faceUsdMicro: "10000000" },
    state: "awaiting_payment",
    seq: 1,
    priceUsdMicro: 10_000_000n,
    quote: {
      legs: [
        { assetId: usdc, symbol: "USDC", atomic: "100000000", ...leg },
        { assetId: "stellar:testnet/slip44:148", symbol: "XLM", atomic: "645161290", ...leg },
      ],
      missing: [],
    },
    instructions: {
      type: "soroban_contract",
      contract_id: "CCJZ5DGASBWQXR5MPFCJXMBI333XE5U3FSJTNQU7RIKE3P5GN2K2WYD5",
      order_id: id,
      usdc: { amount: "10.00", asset: usdc },
      xlm: { amount: "64.5161290" },
    },
    windowClosesAtMs: nowMs + 1_800_000,
    fulfilWithinMs: 600_000,
    deadlineAtMs: null,
    payment: null,
    stage: null,
    error: null,
    metadata: null,
    webhookUrl: null,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

async function createOne(store: Store<ShopActions>): Promise<void> {
  const nowMs = Date.now();
  const key = newId("idem", nowMs, systemRandom);
  const idempotency = { key, fingerprint: "f".repeat(64) };
  await store.transact("createOrder", { order: newOrder(nowMs), idempotency });
}

async function measure(maxBatch: number, seconds: number, callers: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), "vend402-bench-"));
  const store = await openSqliteStore<ShopActions>({
    file: join(folder, "bench.db"),
    thread: "worker",
    actionsUrl: ACTIONS_URL,
    maxBatch,
    log,
    onFatal: (error) => {
      throw error;
    },
  });
  try {
    await store.transact("createKey", KEY);
    await load(store, callers, 0.5);
    return await load(store, callers, seconds);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

async function load(
  store: Store<ShopActions>,
  callers: number,
  seconds: number,
): Promise<Measured> {
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1000;
  const caller = async (): Promise<void> => {
    for (let atMs = performance.now(); atMs < endMs; atMs = performance.now()) {
      await createOne(store);
      latenciesMs.push(performance.now() - atMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const tookMs = performance.now() - startMs;
  const sorted = Float64Array.from(latenciesMs).toSorted();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { perSecond: (sorted.length / tookMs) * 1000, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "3" },
    callers: { type: "string", default: "256" },
    batch: { type: "string", default: "256" },
    rounds: { type: "string", default: "2" },
  },
});
const line = (name: string, m: Measured): string =>
  `${name.padEnd(28)} ${m.perSecond.toFixed(0).padStart(7)}/s  p50 ${m.p50Ms.toFixed(1)} ms  p99 ${m.p99Ms.toFixed(1)} ms`;
for (let round = 0; round < Number(values.rounds); round++) {
  const [seconds, callers] = [Number(values.seconds), Number(values.callers)];
  const grouped = await measure(Number(values.batch), seconds, callers);
  const alone = await measure(1, seconds, callers);
  process.stdout.write(
    `${line("group commit", grouped)}\n${line("one transaction per call", alone)}\n`,
  );
  process.stdout.write(`ratio ${(grouped.perSecond / alone.perSecond).toFixed(1)}\n`);
}
