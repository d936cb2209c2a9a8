import type { ShopActions } from "../actions/index.ts";
import type { Clock } from "../clock.ts";
import type { RandomBytes } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Asset } from "../money.ts";
import type { Pricing, QuoteTerms } from "../orders/quote.ts";
import type { Plans } from "../products/plan.ts";
import type { Goods, Product } from "../products/product.ts";
import type { Rail } from "../rails/rail.ts";
import type { Store } from "../store/tx.ts";
import type { SupplierHint } from "../suppliers/supplier.ts";

/** So many in so long. */
export interface WindowLimit {
  readonly count: number;
  readonly windowMs: number;
}

export interface HttpLimits {
  /** Orders made, per key; a key's own `ordersPerHour` replaces the count. */
  readonly orders: WindowLimit;
  /** Everything else that a key asks, one shared bucket: reads, lists, streams, replays, refused orders. */
  readonly reads: WindowLimit;
  /** API keys that were presented and not valid, per address. */
  readonly failedKeys: WindowLimit;
  readonly statusPage: WindowLimit;
  readonly versionPage: WindowLimit;
  /** Of callers without a key, per address: orders made, payments presented, everything that is asked. */
  readonly walkInOrders: WindowLimit;
  readonly walkInPayments: WindowLimit;
  readonly walkInReads: WindowLimit;
  /** Calls of suppliers and facilitators to us, per address. */
  readonly hooks: WindowLimit;
}

export interface StreamSettings {
  readonly perKey: number;
  readonly perServer: number;
  /** Longest silence on an open stream. A reader that takes nothing for as long is cut off. */
  readonly heartbeatMs: number;
}

/** How orders are paid by x402. */
export interface X402Settings {
  /** How long an order can be paid; longer than blocks may be taken back. */
  readonly windowMs: number;
  /** How long a paid request waits until its payment was sent to the chain. */
  readonly settleWaitMs: number;
  /** How long it then waits for the goods. */
  readonly goodsWaitMs: number;
  /** The longest that a client may ask an answer to wait for news (`Prefer: wait`). */
  readonly longestWaitMs: number;
}

export interface HttpSettings {
  /** In development plain HTTP is answered and webhooks may be `http`. */
  readonly environment: "development" | "production";
  /** Where clients reach the server, "https://shop.example": the base of links in answers. */
  readonly publicBaseUrl: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** Addresses or CIDR ranges whose `X-Forwarded-*` headers are believed. Empty: nobody's. */
  readonly trustedProxies: readonly string[];
  /** Bare origins ("https://app.example") that browsers may call from; anything else stops the start. */
  readonly corsOrigins: readonly string[];
  /** Webhooks to private addresses: for tests on one machine only. */
  readonly allowsPrivateWebhooks: boolean;
  readonly quoteTerms: QuoteTerms;
  readonly limits: HttpLimits;
  readonly streams: StreamSettings;
  readonly x402: X402Settings;
}

const MINUTE_MS = 60_000;

export const DEFAULT_LIMITS: HttpLimits = {
  orders: { count: 60, windowMs: 60 * MINUTE_MS },
  reads: { count: 600, windowMs: MINUTE_MS },
  failedKeys: { count: 60, windowMs: 15 * MINUTE_MS },
  statusPage: { count: 180, windowMs: MINUTE_MS },
  versionPage: { count: 60, windowMs: MINUTE_MS },
  walkInOrders: { count: 30, windowMs: MINUTE_MS },
  walkInPayments: { count: 60, windowMs: MINUTE_MS },
  walkInReads: { count: 600, windowMs: MINUTE_MS },
  hooks: { count: 120, windowMs: MINUTE_MS },
};

export const DEFAULT_X402: X402Settings = {
  windowMs: 15 * MINUTE_MS,
  settleWaitMs: 10_000,
  goodsWaitMs: 3_000,
  longestWaitMs: 30_000,
};

export const DEFAULT_STREAMS: StreamSettings = {
  perKey: 20,
  perServer: 1000,
  heartbeatMs: 15_000,
};

/** Whether a piece of this price can be sold at this moment. */
export type Availability =
  | { readonly kind: "available" }
  /** Others can be sold, this one cannot; both ends are allowed prices, USD with 6 decimals. */
  | {
      readonly kind: "out_of_range";
      readonly minUsdMicro: bigint;
      readonly maxUsdMicro: bigint;
    }
  | { readonly kind: "unavailable"; readonly retryAfterS: number };

/** How a rail's watcher does. Its pulse is the last successful poll, not the last payment. */
export interface RailHealth {
  readonly id: string;
  /** "stellar-contract" */
  readonly kind: string;
  /** Null: no poll has succeeded since the start. */
  readonly lastPollAtMs: number | null;
  /** A poll that is older counts as stalled. */
  readonly maxAgeMs: number;
  /** Last ledger or block read, and its time by the chain's own clock; null before the first. */
  readonly height: number | null;
  readonly chainTimeMs: number | null;
  /** Why the watcher cannot go on (history is missing); null while it can. */
  readonly gap: string | null;
}

export interface SupplierHealth {
  readonly id: string;
  readonly breaker: "closed" | "open" | "half_open";
  readonly consecutiveFaults: number;
  /** It would be asked for the next order. */
  readonly canSell: boolean;
}

export interface Health {
  /** The operator stopped new orders. */
  readonly isFrozen: boolean;
  readonly rails: readonly RailHealth[];
  readonly suppliers: readonly SupplierHealth[];
}

/** A rail as far as requests need it. */
export type PayableRail = Pick<
  Rail,
  "assets" | "confirmations" | "id" | "instructions" | "kind" | "x402"
>;

/** What the shop sells, by the name that each API gives it. */
export interface Products {
  readonly prepaidCard: Product;
  readonly travelEsim: Product;
}

/** Everything that answering requests needs; `main.ts` brings it. */
export interface HttpDeps {
  readonly settings: HttpSettings;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly store: Pick<Store<ShopActions>, "read" | "transact">;
  readonly feed: {
    /** Calls the listener whenever the order may have new events. Returns the unsubscriber. */
    subscribe(orderId: string, listener: () => void): () => void;
  };
  readonly openGoods: (attemptId: string, sealed: string) => Goods;
  /** What keys are stored under: HMAC-SHA-256 with the server's pepper, hex. */
  readonly hashKey: (key: string) => string;
  /** What lets a buyer without a key read an order's goods; derived from the pepper. */
  readonly accessTokenOf: (orderId: string) => string;
  readonly products: Products;
  /** Every rail that the shop is paid on, in the operator's order. */
  readonly rails: readonly PayableRail[];
  /** Whether a payment on the rail would be seen now; an order is not payable where it would not. */
  readonly isRailOpen: (railId: string, nowMs: number) => boolean;
  /** The newest block of the rail's chain; null before it was read, or where blocks are final at once. */
  readonly headHeight: (railId: string) => number | null;
  readonly pricing: (asset: Asset, nowMs: number) => Pricing;
  /** What of a product is on sale by name now; memory only. */
  readonly plans: (productId: string, nowMs: number) => Plans;
  /**
   * Whether a piece of the product can be sold at this price; `priceUsdMicro` is null when the request named no
   * readable piece: can anything be sold?
   */
  readonly availability: (
    productId: string,
    priceUsdMicro: bigint | null,
    nowMs: number,
  ) => Availability;
  readonly health: () => Health | Promise<Health>;
  /** What a call of a supplier to us is about; null when it is about nothing, or there is no such supplier. */
  readonly readSupplierHint: (supplierId: string, body: unknown) => SupplierHint | null;
  /** What a facilitator signs its calls to us with; null: none may call. */
  readonly facilitatorSecret: string | null;
}
