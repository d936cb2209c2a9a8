/** A shop to test against: the real server on a real socket, the real store in a file, a chain that is a list of facts. */
import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import type { CreateOrderResponse, SorobanPayment } from "#wire";
import { onTestFinished } from "vitest";
import type { ShopActions } from "../actions/index.ts";
import { systemClock } from "../clock.ts";
import { createLocalFeed } from "../feed/local.ts";
import { newId, systemRandom } from "../ids.ts";
import { createLog, type Log } from "../log.ts";
import type { Goods } from "../products/product.ts";
import { formatDecimal, type Asset } from "../money.ts";
import { prepaidCard } from "../products/prepaid-card/index.ts";
import { NO_PLANS } from "../products/plan.ts";
import { travelEsim } from "../products/travel-esim/index.ts";
import type { Instructions, PayableOrder } from "../rails/rail.ts";
import type { ApiKeyRow } from "../store/rows.ts";
import type { Store } from "../store/tx.ts";
import { createAccessTokens } from "../vault/access-token.ts";
import { hashApiKey, newApiKey } from "../vault/api-key.ts";
import { openVault } from "../vault/seal.ts";
import { openShopStore, RAIL_ID, USDC, XLM } from "../../tests/fixtures/shop-store.ts";
import { buildApp, type HttpApp } from "./app.ts";
import {
  DEFAULT_LIMITS,
  DEFAULT_STREAMS,
  DEFAULT_X402,
  type Availability,
  type Health,
  type HttpDeps,
  type HttpSettings,
} from "./deps.ts";
import { playOutside, SUPPLIER_ID, type Outside } from "./test-outside.ts";

export const CARD = {
  number: "4111111111111111",
  cvv: "123",
  expiry: "12/34",
  brand: "USD Visa Card",
};

export interface TestShop extends Outside {
  /** "http://127.0.0.1:40123" */
  readonly url: string;
  readonly port: number;
  readonly apiKey: string;
  readonly app: HttpApp;
  readonly store: Store<ShopActions>;
  /** Every log line, as written. */
  readonly logLines: readonly string[];
  /** What the outside world says; change it at will. */
  readonly world: World;
  /** A request with the shop's key; `headers` replace, a null removes. */
  ask(path: string, init?: AskInit): Promise<Response>;
  addKey(changes?: Partial<ApiKeyRow>): Promise<string>;
  /** Makes an order over HTTP. */
  order(body?: object, init?: AskInit): Promise<CreateOrderResponse>;
}

export interface AskInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | null>>;
  /** An object is sent as JSON, text as it is. */
  readonly body?: object | string;
}

export interface World {
  availability: Availability;
  xlmPrice: bigint | null;
  usdcIsPriced: boolean;
  health: Health;
  /** Added to the time of day. */
  skewMs: number;
}

export interface TestShopOptions {
  readonly settings?: Partial<HttpSettings>;
  readonly key?: Partial<ApiKeyRow>;
  readonly wrap?: (deps: HttpDeps) => HttpDeps;
  /** What suppliers deliver; a card unless it says otherwise. */
  readonly goods?: Goods;
}

const PASSPHRASE = "Standalone Network ; February 2017";
const CONTRACT_ID = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC";

/** What the Stellar rail tells a payer, for a contract that does not exist. */
function instructions(order: PayableOrder): Instructions {
  const amountOf = (asset: Asset, digits: number): string | null => {
    const leg = order.legs.find(({ amount }) => amount.asset.id === asset.id);
    return leg === undefined ? null : formatDecimal(leg.amount.atomic, asset.decimals, digits);
  };
  const xlm = amountOf(XLM, 7);
  const payment: SorobanPayment = {
    type: "soroban_contract",
    contract_id: CONTRACT_ID,
    order_id: order.id,
    usdc: { amount: amountOf(USDC, 2) ?? "0", asset: "USDC:GISSUER" },
    ...(xlm === null
      ? { xlm_unavailable: order.missing[0]?.reason ?? "price_unavailable" }
      : {
          xlm: { amount: xlm, expires_at: new Date(order.legs[1]?.expiresAtMs ?? 0).toISOString() },
        }),
    network_passphrase: PASSPHRASE,
  };
  return { ...payment };
}

function testSettings(changes: Partial<HttpSettings> = {}): HttpSettings {
  return {
    environment: "development",
    publicBaseUrl: "https://shop.example",
    version: "0.0.0-test",
    startedAtMs: Date.now(),
    trustedProxies: [],
    corsOrigins: [],
    allowsPrivateWebhooks: false,
    quoteTerms: { windowMs: 7_200_000, volatileMs: 600_000, spreadBps: 0n },
    limits: DEFAULT_LIMITS,
    streams: DEFAULT_STREAMS,
    x402: DEFAULT_X402,
    ...changes,
  };
}

function firstWorld(): World {
  const nowMs = Date.now();
  return {
    availability: { kind: "available" },
    xlmPrice: 100_000n,
    usdcIsPriced: true,
    skewMs: 0,
    health: {
      isFrozen: false,
      rails: [
        {
          id: RAIL_ID,
          kind: "stellar-contract",
          lastPollAtMs: nowMs,
          maxAgeMs: 30_000,
          height: 123,
          chainTimeMs: nowMs,
          gap: null,
        },
      ],
      suppliers: [{ id: SUPPLIER_ID, breaker: "closed", consecutiveFaults: 0, canSell: true }],
    },
  };
}

/** Opens a shop that closes when the test ends. */
export async function openTestShop(options: TestShopOptions = {}): Promise<TestShop> {
  const pepper = createSecretKey(randomBytes(32));
  const apiKey = newApiKey(systemRandom);
  const store = await openShopStore({ hash: hashApiKey(apiKey, pepper), ...options.key });
  const world = firstWorld();
  const now = (): number => Date.now() + world.skewMs;
  const logLines: string[] = [];
  const log: Log = createLog({ level: "debug", now, write: (line) => logLines.push(line) });
  const feed = createLocalFeed(log);
  store.onCommit(({ orderIds }) => feed.publish(orderIds));
  const keyring = { currentId: "k1", keys: new Map([["k1", randomBytes(32)]]) };
  const vault = openVault(keyring, systemRandom);
  const deps: HttpDeps = {
    settings: testSettings(options.settings),
    clock: { now, sleep: (ms, signal) => systemClock.sleep(ms, signal) },
    random: systemRandom,
    log,
    store,
    feed,
    openGoods: (attemptId, sealed) => vault.open(attemptId, sealed),
    hashKey: (key) => hashApiKey(key, pepper),
    products: { prepaidCard, travelEsim },
    rails: [
      {
        id: RAIL_ID,
        kind: "stellar-contract",
        assets: [USDC, XLM],
        confirmations: null,
        instructions,
      },
    ],
    isRailOpen: () => true,
    headHeight: () => null,
    plans: () => NO_PLANS,
    pricing: (asset) => {
      if (asset.id === USDC.id && world.usdcIsPriced) return { kind: "dollar" };
      const usdMicroPerUnit = asset.id === XLM.id ? world.xlmPrice : null;
      return { kind: "rate", usdMicroPerUnit, reason: "no fresh price" };
    },
    availability: () => world.availability,
    health: () => world.health,
    accessTokenOf: createAccessTokens(pepper),
    readSupplierHint: () => null,
    facilitatorSecret: null,
  };
  const app = await buildApp(options.wrap?.(deps) ?? deps);
  onTestFinished(() => app.close());
  const url = await app.listen({ host: "127.0.0.1", port: 0 });

  const ask = asker(url, apiKey);
  return {
    url,
    port: Number(new URL(url).port),
    apiKey,
    app,
    store,
    logLines,
    world,
    ask,
    order: async (body = { amount_usdc: "10.00" }, init = {}) => {
      const answer = await ask("/v1/orders", { body, ...init });
      if (answer.status !== 201)
        throw new Error(`no order: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as CreateOrderResponse;
    },
    addKey: (changes = {}) => addKey(store, pepper, changes),
    ...playOutside(store, (attemptId) => vault.seal(attemptId, options.goods ?? CARD)),
  };
}

function asker(url: string, apiKey: string): TestShop["ask"] {
  return (path, init = {}) => {
    const { method, body } = init;
    const text = typeof body === "object" ? JSON.stringify(body) : body;
    const headers = Object.entries({
      "x-api-key": apiKey,
      ...(text === undefined ? {} : { "content-type": "application/json" }),
      ...init.headers,
    }).filter((entry): entry is [string, string] => entry[1] !== null);
    return fetch(url + path, {
      method: method ?? (text === undefined ? "GET" : "POST"),
      headers,
      ...(text === undefined ? {} : { body: text }),
    });
  };
}

async function addKey(
  store: Store<ShopActions>,
  pepper: KeyObject,
  changes: Partial<ApiKeyRow>,
): Promise<string> {
  const key = newApiKey(systemRandom);
  const nowMs = Date.now();
  await store.transact("createKey", {
    id: newId("key", nowMs, systemRandom),
    hash: hashApiKey(key, pepper),
    label: null,
    limitUsdMicro: null,
    spentUsdMicro: 0n,
    inFlightUsdMicro: 0n,
    ordersPerHour: null,
    isSuspended: false,
    expiresAtMs: null,
    createdAtMs: nowMs,
    ...changes,
  });
  return key;
}
