import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ShopActions } from "../src/actions/index.ts";
import { systemClock } from "../src/clock.ts";
import { createLog } from "../src/log.ts";
import type { DepositPage, Rail } from "../src/rails/rail.ts";
import { rails } from "../src/rails/index.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";
import type { Store } from "../src/store/tx.ts";
import { startNetwork, type Network } from "../tests/world/network.ts";
import { sendPayment } from "../tests/world/pay.ts";
import type { Size } from "./main.ts";
import { apiKeyRow, openOrder } from "./orders.ts";
import type { Row } from "./report.ts";

const PAYMENTS = 2_000;
const PAYERS = 100;
const AMOUNT = "10.00";
const SETUP_LEDGER_MS = 15;
const READ_LIMIT_MS = 60_000;
const log = createLog({ level: "error", now: Date.now, write: () => {} });

/**
 * How fast a chain's past is caught up: every payment of a local chain is read from the first ledger over
 * JSON-RPC by the real rail and booked by the real actions, once with orders that wait for them and once
 * more when all of it is known. The baseline is the booking alone, of pages that were read before.
 */
export async function* replay(size: Size): AsyncGenerator<Row> {
  const payments = size.isSmall ? 10 : PAYMENTS;
  const network = await startNetwork({ closeEveryMs: "manual" });
  const rail = openRail(network);
  const orderIds = Array.from({ length: payments }, (_, i) => `ord_replay_${i}`);
  try {
    await payAll(network, orderIds, size.isSmall ? 2 : PAYERS);
    const [pages, fresh, known] = await withStore(rail, orderIds, async (store) => {
      const read: DepositPage[] = [];
      const freshS = await seconds(() => catchUp(store, rail, (page) => read.push(page)));
      const knownS = await seconds(() => catchUp(store, rail, () => {}));
      return [read, freshS, knownS] as const;
    });
    const alone = await withStore(rail, orderIds, (store) =>
      seconds(async () => {
        for (const page of pages) await book(store, rail, page);
      }),
    );
    yield rowOf("new_payments_per_s", payments / fresh, payments / alone);
    yield rowOf("known_payments_per_s", payments / known, payments / alone);
  } finally {
    await network.close();
  }
}

function rowOf(metric: string, value: number, baselineValue: number): Row {
  return {
    bench: "replay",
    metric,
    value,
    baseline: "booking alone, without reading",
    baselineValue,
    p50Ms: null,
    p99Ms: null,
    note: "payments read over JSON-RPC from the first ledger and booked with the cursor",
  };
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}

function openRail(network: Network): Rail {
  const { cast, devnet, receiverId } = network;
  const manifest = new URL("../contracts/stellar/receiver.manifest.json", import.meta.url);
  const { sha256 } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly sha256: string };
  const module = rails["stellar-contract"];
  const parsed = module.parse({
    network: "local",
    passphrase: devnet.passphrase,
    rpcUrls: [devnet.url],
    receiverContractId: receiverId,
    receiverWasmSha256: sha256,
    usdcIssuer: cast.issuer.publicKey(),
    treasurySecret: cast.treasury.secret(),
    keeperSecret: cast.keeper.secret(),
  });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  return module.open(parsed.config, { clock: systemClock, log });
}

/** Pays every order on the chain, as many in one ledger as there are payers. */
async function payAll(
  network: Network,
  orderIds: readonly string[],
  payerCount: number,
): Promise<void> {
  network.pace(SETUP_LEDGER_MS);
  const payers = [];
  for (let i = 0; i < payerCount; i++) payers.push(await network.newPayer("10000"));
  network.pace("manual");
  for (let i = 0; i < orderIds.length; i += payers.length) {
    const batch = orderIds.slice(i, i + payers.length);
    await Promise.all(
      payers.slice(0, batch.length).map((payer, at) =>
        sendPayment(network, payer, {
          contract_id: network.receiverId,
          order_id: batch[at] ?? "",
          usdc: { amount: AMOUNT },
        }),
      ),
    );
    network.devnet.chain.closeLedger();
  }
}

async function withStore<Result>(
  rail: Rail,
  orderIds: readonly string[],
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
    const asset = rail.assets.find(({ symbol }) => symbol === "USDC");
    await store.transact("createKey", apiKeyRow("hash"));
    await Promise.all(
      orderIds.map((id) =>
        store.transact("createOrder", { order: openOrder(id, asset), idempotency: null }),
      ),
    );
    return await use(store);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function book(store: Store<ShopActions>, rail: Rail, page: DepositPage): Promise<void> {
  const before = (await store.read.cursors.byRail(rail.id))?.cursor ?? null;
  await store.transact("applyDeposits", {
    railId: rail.id,
    before,
    page,
    terms: { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n },
    nowMs: systemClock.now(),
  });
}

/** From the first ledger to the last, as a watcher with an empty cursor does it. */
async function catchUp(
  store: Store<ShopActions>,
  rail: Rail,
  onPage: (page: DepositPage) => void,
): Promise<void> {
  let cursor: string | null = null;
  for (;;) {
    const read = await rail.readDeposits(cursor, AbortSignal.timeout(READ_LIMIT_MS));
    if (read.kind !== "done") throw new Error(`the rail could not be read: ${read.reason}`);
    onPage(read.value);
    await book(store, rail, read.value);
    if (read.value.isCaughtUp) return;
    cursor = read.value.cursor;
  }
}
