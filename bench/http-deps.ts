import type { KeyObject } from "node:crypto";
import type { ShopActions } from "../src/actions/index.ts";
import { systemClock } from "../src/clock.ts";
import { DEFAULT_LIMITS, DEFAULT_STREAMS, DEFAULT_X402, type HttpDeps } from "../src/http/deps.ts";
import { systemRandom } from "../src/ids.ts";
import { products } from "../src/products/index.ts";
import { NO_PLANS } from "../src/products/plan.ts";
import type { Store } from "../src/store/tx.ts";
import { createAccessTokens } from "../src/vault/access-token.ts";
import { hashApiKey } from "../src/vault/api-key.ts";
import { RAIL, USDC } from "./orders.ts";

/** What the HTTP server needs, in memory but for the store: one rail, dollars only, no limits. */
export function httpDeps(
  store: Store<ShopActions>,
  feed: HttpDeps["feed"],
  pepper: KeyObject,
  log: HttpDeps["log"],
): HttpDeps {
  const unlimited = { count: Number.MAX_SAFE_INTEGER, windowMs: 60_000 };
  return {
    settings: {
      environment: "development",
      publicBaseUrl: "http://127.0.0.1",
      version: "bench",
      startedAtMs: systemClock.now(),
      trustedProxies: [],
      corsOrigins: [],
      allowsPrivateWebhooks: true,
      quoteTerms: { windowMs: 7_200_000, volatileMs: 600_000, spreadBps: 100n },
      limits: {
        ...DEFAULT_LIMITS,
        orders: unlimited,
        reads: unlimited,
        walkInOrders: unlimited,
        walkInReads: unlimited,
      },
      streams: { ...DEFAULT_STREAMS, perKey: 100_000, perServer: 100_000 },
      x402: DEFAULT_X402,
    },
    clock: systemClock,
    random: systemRandom,
    log,
    store,
    feed,
    openGoods: () => ({}),
    hashKey: (key) => hashApiKey(key, pepper),
    products,
    rails: [
      {
        id: RAIL,
        kind: "stellar-contract",
        assets: [USDC],
        confirmations: null,
        instructions: () => ({ type: "soroban_contract" }),
      },
    ],
    isRailOpen: () => true,
    headHeight: () => null,
    plans: () => NO_PLANS,
    pricing: () => ({ kind: "dollar" }),
    availability: () => ({ kind: "available" }),
    health: () => ({ isFrozen: false, rails: [], suppliers: [] }),
    accessTokenOf: createAccessTokens(pepper),
    readSupplierHint: () => null,
    facilitatorSecret: null,
  };
}
