import { randomUUID } from "node:crypto";
import {
  factsOf,
  isOrderId,
  parseCreatedOrder,
  parseOrder,
  parseOrderList,
  parseUsage,
  shownText,
  type CreatedOrder,
  type Order,
} from "./answers.ts";
import { apiError, ApiError, InvalidOptionError, NetworkError, Vend402Error } from "./errors.ts";
import { exchange, parseAddress, parseRetryAfterS, type Fetch, type HttpAnswer } from "./http.ts";
import { systemRuntime, type Runtime } from "./runtime.ts";
import type { CreateOrderRequest, OrderListItem, UsageView } from "./wire.ts";

/** Which shop, and as whom. */
export interface ShopOptions {
  /** "https://shop.example/v1"; "/v1" is added when the address has no path. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** @default globalThis.fetch */
  readonly fetch?: Fetch | undefined;
  /** Longest wait for one answer. @default 30_000 */
  readonly timeoutMs?: number | undefined;
  /** Allow plain HTTP to other machines. @default false */
  readonly allowInsecureHttp?: boolean | undefined;
}

export interface CreateOrderOptions {
  /** Face value in dollars: "10", "10.5" or "10.00". */
  readonly amountUsdc: string;
  /**
   * At most 255 printable ASCII characters. The same key with the same request is the same order.
   * @default a fresh UUID
   */
  readonly idempotencyKey?: string | undefined;
  readonly webhookUrl?: string | undefined;
  /** Comes back with the order; at most 8 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Shown to the owner when the order needs approval. */
  readonly note?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ListOrdersOptions {
  readonly status?: string | undefined;
  /** @default 20, at most 200 */
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  /** Inclusive. */
  readonly sinceCreatedAt?: Date | string | undefined;
  /** Inclusive. */
  readonly sinceUpdatedAt?: Date | string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One method per endpoint. Each may throw ApiError and its kinds, NetworkError and BadAnswerError. */
export interface Client {
  /**
   * Creates an order, or returns the one that this idempotency key already created. Retries twice by itself on 429,
   * 502, 503, 504 and lost connections, always with the same key.
   */
  readonly createOrder: (options: CreateOrderOptions) => Promise<CreatedOrder>;
  readonly getOrder: (
    orderId: string,
    options?: { readonly signal?: AbortSignal | undefined },
  ) => Promise<Order>;
  /** Newest first. */
  readonly listOrders: (options?: ListOrdersOptions) => Promise<OrderListItem[]>;
  /** Budget and counts of the API key. */
  readonly usage: (options?: { readonly signal?: AbortSignal | undefined }) => Promise<UsageView>;
}

/** A checked address and key. Internal to this package. */
export interface Shop {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: Fetch;
  readonly timeoutMs: number;
  readonly runtime: Runtime;
}

const PRINTABLE_ASCII = /^[\x21-\x7e]+$/;

/** @throws InvalidOptionError */
export function openShop(options: ShopOptions, runtime: Runtime = systemRuntime): Shop {
  const url = parseAddress(options.baseUrl, "baseUrl", options.allowInsecureHttp);
  if (
    typeof options.apiKey !== "string" ||
    !PRINTABLE_ASCII.test(options.apiKey) ||
    options.apiKey.length > 256
  )
    throw new InvalidOptionError(
      "apiKey is empty or not plain printable text.",
      "pass the key that the shop's operator gave you.",
    );
  const path = url.pathname.replace(/\/+$/, "");
  return {
    baseUrl: `${url.origin}${path === "" ? "/v1" : path}`,
    headers: { "X-Api-Key": options.apiKey, Accept: "application/json" },
    fetch: options.fetch ?? globalThis.fetch,
    timeoutMs: options.timeoutMs ?? 30_000,
    runtime,
  };
}

/**
 * A client of one shop.
 *
 * @example
 * ```ts
 * import { createClient } from "vend402";
 *
 * const client = createClient({ baseUrl: "https://shop.example/v1", apiKey: process.env.VEND402_API_KEY! });
 * const order = await client.createOrder({ amountUsdc: "10.00" });
 * if (order.phase === "awaiting_payment") console.log(order.payment.usdc.amount);
 * ```
 */
export function createClient(options: ShopOptions): Client {
  return clientOf(openShop(options));
}

export function clientOf(shop: Shop): Client {
  return {
    createOrder: (options) => createOrder(shop, options),
    getOrder: async (orderId, { signal } = {}) => {
      const json = await retrying(shop, signal, () =>
        call(shop, { path: orderPath(orderId), signal }),
      );
      return parseOrder(json, orderId);
    },
    listOrders: async (options = {}) => {
      const path = `/orders${listQuery(options)}`;
      return parseOrderList(
        await retrying(shop, options.signal, () => call(shop, { path, signal: options.signal })),
      );
    },
    usage: async ({ signal } = {}) =>
      parseUsage(await retrying(shop, signal, () => call(shop, { path: "/usage", signal }))),
  };
}

const AMOUNT = /^\d{1,12}(\.\d{1,2})?$/;
export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/** @throws InvalidOptionError */
export function checkAmount(amountUsdc: string): void {
  if (typeof amountUsdc === "string" && AMOUNT.test(amountUsdc)) return;
  throw new InvalidOptionError(
    "amountUsdc is not a plain decimal text with at most two places.",
    'pass a string such as "10.00", not a number.',
  );
}

async function createOrder(shop: Shop, options: CreateOrderOptions): Promise<CreatedOrder> {
  const { amountUsdc, webhookUrl, metadata, note, signal } = options;
  checkAmount(amountUsdc);
  const idempotencyKey = options.idempotencyKey ?? randomUUID();
  if (!IDEMPOTENCY_KEY.test(idempotencyKey))
    throw new InvalidOptionError(
      "idempotencyKey is not 1 to 255 printable ASCII characters.",
      "pass a UUID, or leave it out.",
    );
  const body: CreateOrderRequest = {
    amount_usdc: amountUsdc,
    ...(webhookUrl === undefined ? {} : { webhook_url: webhookUrl }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(note === undefined ? {} : { note }),
  };
  const request = { path: "/orders", body: JSON.stringify(body), idempotencyKey, signal };
  try {
    return parseCreatedOrder(await retrying(shop, signal, () => call(shop, request)));
  } catch (error) {
    // Only with its key can the caller find out whether the order exists.
    if (error instanceof Vend402Error)
      error.purchase = { orderId: null, idempotencyKey, paymentHash: null };
    throw error;
  }
}

/** @throws InvalidOptionError */
export function orderPath(orderId: string): string {
  if (!isOrderId(orderId))
    throw new InvalidOptionError(
      "orderId is not an order id.",
      "pass the order_id that the shop answered.",
    );
  return `/orders/${orderId}`;
}

function listQuery(options: ListOrdersOptions): string {
  const instant = (value: Date | string | undefined) =>
    value instanceof Date ? value.toISOString() : value;
  const query = new URLSearchParams();
  const add = (name: string, value: string | number | undefined) => {
    if (value !== undefined) query.set(name, String(value));
  };
  add("status", options.status);
  add("limit", options.limit);
  add("offset", options.offset);
  add("since_created_at", instant(options.sinceCreatedAt));
  add("since_updated_at", instant(options.sinceUpdatedAt));
  return query.size === 0 ? "" : `?${query.toString()}`;
}

interface Call {
  readonly path: string;
  /** JSON text; its presence makes the call a POST. */
  readonly body?: string;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal | undefined;
}

/** One request without retries. @throws ApiError for every status but 200, 201 and 202. */
async function call(shop: Shop, { path, body, idempotencyKey, signal }: Call): Promise<unknown> {
  const answer = await exchange(shop.fetch, {
    url: new URL(shop.baseUrl + path),
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...shop.headers,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
    },
    ...(body === undefined ? {} : { body }),
    timeoutMs: shop.timeoutMs,
    signal,
  });
  if (answer.status >= 200 && answer.status <= 202) return answer.json;
  throw refusalOf(answer, shop.runtime.nowMs());
}

const KNOWN_MEMBERS = new Set(
  "error message type title status detail code retryable retry_after_s request_id docs instance".split(
    " ",
  ),
);
const RETRIED_STATUSES = new Set([429, 502, 503, 504]);

/** What an answer with an error status says, whoever wrote it: the shop, an older shop, or a proxy in between. */
export function refusalOf({ status, headers, json }: HttpAnswer, nowMs: number): ApiError {
  const body: Readonly<Record<string, unknown>> =
    typeof json === "object" && json !== null ? { ...json } : {};
  const firstText = (...texts: readonly unknown[]) =>
    texts.map(shownText).find((text) => text !== null) ?? null;
  const code = firstText(body["error"], body["code"]) ?? "";
  const isPassing = RETRIED_STATUSES.has(status) || status >= 500;
  const headerS = parseRetryAfterS(headers.get("retry-after"), nowMs);
  const bodyS = Number(body["retry_after_s"] ?? Number.NaN);
  return apiError({
    status,
    code: /^[a-z0-9_]{1,64}$/.test(code) ? code : `http_${String(status)}`,
    message:
      firstText(body["message"], body["detail"]) ??
      `The shop answered with status ${String(status)}.`,
    retryable: typeof body["retryable"] === "boolean" ? body["retryable"] : isPassing,
    retryAfterS: headerS ?? (bodyS >= 0 ? bodyS : null),
    requestId: firstText(body["request_id"], headers.get("x-request-id")),
    docs: firstText(body["docs"]),
    facts: factsOf(body, KNOWN_MEMBERS),
  });
}

const RETRIES = 2;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 5_000;
/** A longer `Retry-After` is for the caller to decide about. */
const MAX_OWN_WAIT_S = 30;

/** Runs `attempt` up to three times: 429, 502, 503, 504 and lost connections are tried again, nothing else. */
export async function retrying<Value>(
  shop: Shop,
  signal: AbortSignal | undefined,
  attempt: () => Promise<Value>,
): Promise<Value> {
  for (let tried = 0; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      const waitMs = tried < RETRIES ? retryDelayMs(error, tried, shop.runtime) : null;
      if (waitMs === null) throw error;
      await shop.runtime.sleep(waitMs, signal);
    }
  }
}

/** Full jitter, 500 ms doubling to at most 5 s, or what `Retry-After` asks. Null: do not retry. */
function retryDelayMs(error: unknown, tried: number, runtime: Runtime): number | null {
  const isRetried =
    error instanceof NetworkError ||
    (error instanceof ApiError && RETRIED_STATUSES.has(error.status));
  if (!isRetried) return null;
  const jitterMs = runtime.random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** tried);
  if (error.retryAfterS === null) return jitterMs;
  return error.retryAfterS > MAX_OWN_WAIT_S ? null : error.retryAfterS * 1000 + jitterMs;
}
