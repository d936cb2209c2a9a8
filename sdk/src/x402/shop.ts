import { randomUUID } from "node:crypto";
import {
  IDEMPOTENCY_KEY,
  openShop,
  refusalOf,
  retrying,
  type Shop,
  type ShopOptions,
} from "../client.ts";
import { InvalidOptionError } from "../errors.ts";
import { exchange, parseAddress, type HttpAnswer } from "../http.ts";
import { systemRuntime, type Runtime } from "../runtime.ts";
import { isOrderId } from "../answers.ts";

/** Which shop. An API key is welcome and not needed: the payment is the identity. */
export interface X402ShopOptions extends Omit<ShopOptions, "apiKey"> {
  /** With one, the key's budget and policy apply, and the order is the key's. */
  readonly apiKey?: string | undefined;
}

const API_PATH = "/api/v1/x402";
/** Paths that a base URL may end in: the cards API's, and this one's own. */
const KNOWN_PATHS = /(?:\/v1|\/api\/v1\/x402)?\/*$/;

/** A shop by its x402 API. @throws InvalidOptionError */
export function openX402Shop(options: X402ShopOptions, runtime: Runtime = systemRuntime): Shop {
  const { baseUrl, apiKey, allowInsecureHttp } = options;
  const url = parseAddress(baseUrl, "baseUrl", allowInsecureHttp);
  const address = url.origin + url.pathname.replace(KNOWN_PATHS, "") + API_PATH;
  if (apiKey !== undefined) return openShop({ ...options, baseUrl: address, apiKey }, runtime);
  return {
    baseUrl: address,
    headers: { Accept: "application/json" },
    fetch: options.fetch ?? globalThis.fetch,
    timeoutMs: options.timeoutMs ?? 30_000,
    runtime,
  };
}

/** The same shop, to which every request shows that it may read the goods. */
export function withAccess(shop: Shop, accessToken: () => string | null): Shop {
  return {
    ...shop,
    get headers() {
      const token = accessToken();
      return token === null ? shop.headers : { ...shop.headers, Authorization: `Bearer ${token}` };
    },
  };
}

/** @throws InvalidOptionError */
export function x402OrderPath(orderId: string): string {
  if (isOrderId(orderId)) return `/order/${orderId}`;
  throw new InvalidOptionError(
    "orderId is not an order id.",
    "pass the order_id that the shop answered.",
  );
}

/** @throws InvalidOptionError */
export function checkIdempotencyKey(key: string | undefined): string {
  const checked = key ?? randomUUID();
  if (IDEMPOTENCY_KEY.test(checked)) return checked;
  throw new InvalidOptionError(
    "idempotencyKey is not 1 to 255 printable ASCII characters.",
    "pass a UUID, or leave it out.",
  );
}

export interface X402Call {
  readonly path: string;
  /** JSON text; its presence makes the call a POST. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** One request without retries, whatever its answer. @throws NetworkError, BadAnswerError */
export function send(shop: Shop, { path, body, headers, signal }: X402Call): Promise<HttpAnswer> {
  return exchange(shop.fetch, {
    url: new URL(shop.baseUrl + path),
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...shop.headers,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
    timeoutMs: shop.timeoutMs,
    signal,
  });
}

/** An answer of one of these statuses, tried up to three times. @throws ApiError for every other */
export function ask(
  shop: Shop,
  request: X402Call,
  statuses: readonly number[],
): Promise<HttpAnswer> {
  return retrying(shop, request.signal, async () => {
    const answer = await send(shop, request);
    if (statuses.includes(answer.status)) return answer;
    throw refusalOf(answer, shop.runtime.nowMs());
  });
}
