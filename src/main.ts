/** The composition root: settings in, a running shop out. With parts.ts, the only file that knows every part. */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import type { DepositTerms } from "./actions/apply-deposits.ts";
import type { ShopActions } from "./actions/index.ts";
import { systemClock, type Clock } from "./clock.ts";
import { readConfig, type Config } from "./config.ts";
import { createLocalFeed } from "./feed/local.ts";
import { buildApp } from "./http/app.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_STREAMS,
  DEFAULT_X402,
  type Availability,
  type Health,
  type HttpDeps,
  type HttpSettings,
  type Products,
} from "./http/deps.ts";
import { systemRandom } from "./ids.ts";
import { announce, createLog, writeToStderr, type Log } from "./log.ts";
import { DOLLARS, openPriceBoard, type Prices } from "./oracle/index.ts";
import { assembleParts, type Parts } from "./parts.ts";
import { products } from "./products/index.ts";
import type { Plans } from "./products/plan.ts";
import type { Rail } from "./rails/rail.ts";
import { openSqliteStore } from "./store/sqlite.ts";
import type { Store } from "./store/tx.ts";
import { availabilityOf } from "./suppliers/availability.ts";
import { mayBuy } from "./suppliers/breaker.ts";
import { plansOnSale, type PlanPricing } from "./suppliers/plans.ts";
import { createAccessTokens } from "./vault/access-token.ts";
import { hashApiKey } from "./vault/api-key.ts";
import { openVault, type Vault } from "./vault/seal.ts";
import type { FulfilLimits } from "./workers/deps.ts";
import { startWorkers, type WorkerSettings, type Workers } from "./workers/index.ts";
import { createSupplierBoard, type SupplierBoard } from "./workers/supplier-board.ts";
import { candidatesOf } from "./workers/supply.ts";
import type { WatchHealth } from "./workers/watch.ts";

/** A running shop. */
export interface Shop {
  /** "http://127.0.0.1:8402" */
  readonly url: string;
  /** Stops accepting, cuts the streams so that clients reconnect, finishes or hands back what is in hand. */
  close(): Promise<void>;
}

/** What a test may put between the parts. */
export interface ShopSeams {
  readonly wrapStore?: (store: Store<ShopActions>) => Store<ShopActions>;
}

/** Offers older than this many refresh periods are not trusted. */
const OFFERS_KEPT_PERIODS = 6;
/** A watcher that has not read its rail for this long is stalled. */
const RAIL_MAX_AGE_MS = 30_000;
const RETRY_AFTER_S = 10;
const FIRST_LOOK_MS = 15_000;
const FIRST_READS_MS = 5_000;
const FIRST_READS_LOOK_MS = 10;

/** Starts everything in order. Rejects when the rail's surroundings are not what the settings say. */
export async function startShop(
  config: Config,
  parts: Parts,
  log: Log,
  seams: ShopSeams = {},
): Promise<Shop> {
  const store = await openStore(config, log, seams);
  try {
    await holdRestored(store, log);
    for (const rail of parts.rails.values()) await checkRail(rail, store, log);
  } catch (error) {
    await store.close();
    throw error;
  }
  const feed = createLocalFeed(log);
  store.onCommit((notice) => feed.publish(notice.orderIds));
  const context = { clock: systemClock, log };
  const { suppliers, rails } = parts;
  const vault = openVault(parts.keyring, systemRandom);
  const board = createSupplierBoard({ ...context, suppliers, store });
  const prices = openPriceBoard({ prices: config.prices, stellar: parts.priceNetwork }, context);
  await Promise.all([board.refresh(AbortSignal.timeout(FIRST_LOOK_MS)), prices.refresh()]);
  const limits = {
    maxCostBps: config.orders.maxCostBps,
    offersMaxAgeMs: config.work.supplierRefreshMs * OFFERS_KEPT_PERIODS,
  };
  const workers = await startWorkers(
    { ...context, store, random: systemRandom, vault, rails, suppliers, board, limits },
    workerSettings(config, parts),
  );
  await firstReads(workers, context.clock);
  const app = await buildApp(
    httpDeps(config, parts, { ...context, store, feed, vault, prices, board, limits, workers }),
  );
  const url = await app.listen({ host: config.host, port: config.port });
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

/** The parts that are at work once a shop has started. */
interface Running {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store<ShopActions>;
  readonly feed: HttpDeps["feed"];
  readonly vault: Vault;
  readonly prices: Pick<Prices, "pricing">;
  readonly board: SupplierBoard;
  readonly limits: FulfilLimits;
  readonly workers: Workers;
}

/** Everything that answering requests needs. */
function httpDeps(config: Config, { rails, suppliers, pepper }: Parts, running: Running): HttpDeps {
  const { clock, log, store, feed, vault, prices, board, limits, workers } = running;
  const supply = { board, limits, plans: config.plans };
  const watchOf = (railId: string): WatchHealth | undefined =>
    workers.watches().find((watch) => watch.railId === railId);
  const isRailOpen = (railId: string, nowMs: number): boolean => {
    const watch = watchOf(railId);
    return watch !== undefined && !isBlind(watch, nowMs);
  };
  return {
    clock,
    log,
    settings: httpSettings(config),
    random: systemRandom,
    store,
    feed,
    openGoods: vault.open,
    hashKey: (key) => hashApiKey(key, pepper),
    accessTokenOf: createAccessTokens(pepper),
    products: withDeadline(config.orders.deadlineMs),
    rails: [...rails.values()],
    isRailOpen,
    headHeight: (railId) => watchOf(railId)?.headHeight ?? null,
    pricing: prices.pricing,
    plans: (productId, nowMs) => plansNow(supply, productId, nowMs),
    availability: (productId, priceUsdMicro, nowMs) =>
      [...rails.keys()].some((railId) => isRailOpen(railId, nowMs))
        ? availabilityNow(supply, { productId, priceUsdMicro, nowMs })
        : UNAVAILABLE,
    health: () => healthOf(rails, workers, board),
    readSupplierHint: (supplierId, body) => suppliers.get(supplierId)?.readHint?.(body) ?? null,
    facilitatorSecret: config.facilitatorSecret,
  };
}

async function openStore(
  config: Config,
  log: Log,
  { wrapStore }: ShopSeams,
): Promise<Store<ShopActions>> {
  mkdirSync(config.dataFolder, { recursive: true, mode: 0o700 });
  const store = await openSqliteStore<ShopActions>({
    file: path.join(config.dataFolder, "vend402.db"),
    thread: "worker",
    actionsUrl: new URL("./actions/index.ts", import.meta.url),
    maxBatch: config.work.storeBatch,
    log,
    onFatal: (error) => {
      log.error("the database thread is gone", { error });
      process.exit(1);
    },
  });
  return wrapStore?.(store) ?? store;
}

/** Before anything works: what a restored copy may have missed is left to a person. */
async function holdRestored(store: Store<ShopActions>, log: Log): Promise<void> {
  const nowMs = systemClock.now();
  const held = await store.transact("openRestored", { isDeclared: false, nowMs });
  if (held === null) return;
  log.error("these books are a restored copy: what was paid before now waits for a person", {
    held_refunds: held,
    fix: "Compare them with the chain and the suppliers; `vend402 refunds retry` pays what is owed.",
  });
}

async function checkRail(
  rail: Rail,
  { read }: Pick<Store<ShopActions>, "read">,
  log: Log,
): Promise<void> {
  const problems = await rail.check((await read.cursors.byRail(rail.id))?.cursor ?? null);
  for (const { severity, what, fix } of problems)
    if (severity === "warning") log.warn(what, { rail: rail.id, fix });
  const fatal = problems.filter(({ severity }) => severity === "fatal");
  if (fatal.length > 0)
    throw new Error(fatal.map(({ what, fix }) => `${rail.id}: ${what} (${fix})`).join("\n"));
}

/** Orders are refused on a rail that was not read yet, so a start waits a moment for the first look. */
async function firstReads(workers: Workers, clock: Clock): Promise<void> {
  const untilMs = clock.now() + FIRST_READS_MS;
  const isUnread = ({ lastReadAtMs, gap, lastError }: WatchHealth): boolean =>
    lastReadAtMs === null && gap === null && lastError === null;
  while (workers.watches().some(isUnread) && clock.now() < untilMs)
    await clock.sleep(FIRST_READS_LOOK_MS);
}

/** A payment made now would not be seen: nothing may be sold. */
function isBlind({ gap, lastReadAtMs }: WatchHealth, nowMs: number): boolean {
  return gap !== null || lastReadAtMs === null || nowMs - lastReadAtMs > RAIL_MAX_AGE_MS;
}

const UNAVAILABLE: Availability = { kind: "unavailable", retryAfterS: RETRY_AFTER_S };

/** What is known at this moment of what can be sold. */
interface Supply {
  readonly board: SupplierBoard;
  readonly limits: FulfilLimits;
  readonly plans: PlanPricing;
}

function plansNow({ board, limits, plans }: Supply, productId: string, nowMs: number): Plans {
  return plansOnSale(productId, plans, candidatesOf(board, nowMs - limits.offersMaxAgeMs));
}

/** A plan that is on sale can be bought at its price; a face value must lie in somebody's range. */
function availabilityNow(
  supply: Supply,
  piece: {
    readonly productId: string;
    readonly priceUsdMicro: bigint | null;
    readonly nowMs: number;
  },
): Availability {
  const { board, limits } = supply;
  const { productId: product, priceUsdMicro, nowMs } = piece;
  if (product === products.travelEsim.id)
    return plansNow(supply, product, nowMs).size > 0 ? { kind: "available" } : UNAVAILABLE;
  const candidates = candidatesOf(board, nowMs - limits.offersMaxAgeMs);
  const { maxCostBps } = limits;
  const availability = availabilityOf({ product, maxCostBps }, priceUsdMicro, candidates);
  return availability.kind === "unavailable" ? UNAVAILABLE : availability;
}

/** @param deadlineMs Replaces every product's own; null keeps them. */
function withDeadline(deadlineMs: number | null): Products {
  if (deadlineMs === null) return products;
  const { prepaidCard, travelEsim } = products;
  return {
    prepaidCard: { ...prepaidCard, deadlineMs },
    travelEsim: { ...travelEsim, deadlineMs },
  };
}

function workerSettings(config: Config, { rails }: Parts): WorkerSettings {
  const terms = new Map([...rails.values()].map((rail) => [rail.id, termsOf(config, rail)]));
  return { ...config.work, terms };
}

/** Dust is given in dollars; only assets that count as dollars have it, a moving one is always sent back. */
function termsOf({ orders }: Config, rail: Rail): DepositTerms {
  const dollars = rail.assets.filter(({ symbol }) => DOLLARS.has(symbol));
  const dustAtomic = Object.fromEntries(
    dollars.map(({ id, decimals }) => [
      id,
      (orders.excessDustUsdMicro * 10n ** BigInt(decimals)) / 10n ** 6n,
    ]),
  );
  const toleranceUsdMicro = rail.roundsAmounts ? orders.toleranceUsdMicro : 0n;
  return { holdMs: orders.unmatchedHoldMs, dustAtomic, toleranceUsdMicro };
}

function httpSettings(config: Config): HttpSettings {
  const { orders, limits } = config;
  return {
    environment: config.environment,
    publicBaseUrl: config.publicUrl ?? `http://${config.host}:${config.port}`,
    version: readVersion(),
    startedAtMs: systemClock.now(),
    trustedProxies: config.trustedProxies,
    corsOrigins: config.corsOrigins,
    allowsPrivateWebhooks: config.environment === "development",
    quoteTerms: {
      windowMs: orders.windowMs,
      volatileMs: orders.volatileMs,
      spreadBps: orders.spreadBps,
    },
    limits: {
      ...DEFAULT_LIMITS,
      orders: { ...DEFAULT_LIMITS.orders, count: limits.ordersPerHour },
      reads: { ...DEFAULT_LIMITS.reads, count: limits.readsPerMinute },
      statusPage: { ...DEFAULT_LIMITS.statusPage, count: limits.statusPerMinute },
      walkInReads: { ...DEFAULT_LIMITS.walkInReads, count: limits.walkInReadsPerMinute },
      walkInOrders: { ...DEFAULT_LIMITS.walkInOrders, count: limits.walkInOrdersPerMinute },
      walkInPayments: { ...DEFAULT_LIMITS.walkInPayments, count: limits.walkInPaymentsPerMinute },
    },
    x402: {
      ...DEFAULT_X402,
      windowMs: orders.x402WindowMs,
      goodsWaitMs: orders.x402GoodsWaitMs,
    },
    streams: {
      ...DEFAULT_STREAMS,
      perKey: limits.streamsPerKey,
      perServer: limits.streamsPerServer,
    },
  };
}

function readVersion(): string {
  const file = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}

function healthOf(rails: Parts["rails"], workers: Workers, board: SupplierBoard): Health {
  return {
    isFrozen: false,
    rails: workers.watches().map((watch) => ({
      id: watch.railId,
      kind: rails.get(watch.railId)?.kind ?? "",
      lastPollAtMs: watch.lastReadAtMs,
      maxAgeMs: RAIL_MAX_AGE_MS,
      height: watch.height,
      chainTimeMs: watch.chainTimeMs,
      gap: watch.gap,
    })),
    suppliers: board.news().map(({ supplierId, offers, breaker }) => ({
      id: supplierId,
      breaker: breaker.state,
      consecutiveFaults: breaker.consecutiveFaults,
      canSell: offers !== null && mayBuy(breaker),
    })),
  };
}

/** Runs a shop by the environment until it is told to stop; ends the process with a list of what is wrong. */
export async function serve(seams: ShopSeams = {}): Promise<void> {
  const read = readConfig();
  if (read.kind === "problems") return refuse(read.problems);
  const { config } = read;
  const log = createLog({ level: config.logLevel, now: systemClock.now, write: writeToStderr });
  const assembled = assembleParts(config, log);
  if (assembled.kind === "problems") return refuse(assembled.problems);
  let shop: Shop;
  try {
    shop = await startShop(config, assembled.parts, log, seams);
  } catch (error) {
    return refuse((error instanceof Error ? error.message : String(error)).split("\n"));
  }
  announce(`Vend402 is open at ${shop.url}`);
  let isClosing = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      // The second signal means it: the stored state is whole at every moment.
      if (isClosing) process.exit(1);
      isClosing = true;
      void shop.close().then(() => process.exit(0));
    });
}

function refuse(problems: readonly string[]): void {
  writeToStderr(["the shop does not start:", ...problems].join("\n  - "));
  process.exit(1);
}

if (import.meta.main) await serve();
