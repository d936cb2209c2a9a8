import { parseOrder, type Order } from "./answers.ts";
import { call, openShop, orderPath, type Shop, type ShopOptions } from "./client.ts";
import {
  ApiError,
  BadAnswerError,
  NetworkError,
  OrderExpiredError,
  OrderFailedError,
  OrderRejectedError,
  WaitTimeoutError,
} from "./errors.ts";
import { childSignal, systemRuntime, type Runtime } from "./runtime.ts";
import { createSseParser } from "./sse.ts";
import { FINAL_PHASES, type Card, type OrderPhase } from "./wire.ts";

export interface WatchOrderOptions extends ShopOptions {
  readonly orderId: string;
  readonly signal?: AbortSignal | undefined;
  /** How long to follow the order, from the call on. @default 900_000 (15 min) */
  readonly deadlineMs?: number | undefined;
  /** A stream without a byte (heartbeats included) for this long is dead. @default 45_000 */
  readonly stallMs?: number | undefined;
  /** First pause between two polls; grows to five times this. @default 1_000 */
  readonly pollMs?: number | undefined;
}

export interface WaitForCardOptions extends WatchOrderOptions {
  /** Called when the phase changes, first with the phase found. */
  readonly onPhase?: ((phase: OrderPhase, order: Order) => void) | undefined;
  /** After `failed`, wait until the refund is made. @default true */
  readonly untilRefunded?: boolean | undefined;
}

export type DeliveredOrder = Order & { readonly card: Card };

/**
 * The order as soon as its card is there. Follows the event stream; where that is stripped, ends early or stalls, it
 * polls without saying so and tries the stream again. Safe to call again at any time, from anywhere.
 *
 * @throws OrderFailedError with the refund, OrderExpiredError, OrderRejectedError, WaitTimeoutError after `deadlineMs`
 * (resumable), AuthenticationError, OrderNotFoundError
 * @example
 * ```ts
 * import { waitForCard } from "vend402";
 *
 * const { card } = await waitForCard({
 *   baseUrl: "https://shop.example/v1",
 *   apiKey: process.env.VEND402_API_KEY!,
 *   orderId: "ord_…",
 *   onPhase: (phase) => console.error(phase),
 * });
 * ```
 */
export async function waitForCard(
  options: WaitForCardOptions,
  runtime?: Runtime,
): Promise<DeliveredOrder> {
  let phase: OrderPhase | null = null;
  for await (const order of watchOrder(options, runtime)) {
    if (order.phase !== phase) options.onPhase?.(order.phase, order);
    phase = order.phase;
    const delivered = deliveredOrThrow(order, options.untilRefunded ?? true);
    if (delivered !== null) return delivered;
  }
  throw new BadAnswerError("the order ended in an unknown way", { order: options.orderId, phase });
}

/** The delivered order, null while it is under way; throws how it ended otherwise. */
export function deliveredOrThrow(order: Order, untilRefunded: boolean): DeliveredOrder | null {
  const id = order.order_id;
  const { card } = order;
  if (order.phase === "ready" && card !== undefined) return { ...order, card };
  const reason = order.error ?? order.note ?? "The order could not be fulfilled.";
  if (order.phase === "refunded") throw new OrderFailedError(id, reason, order.refund ?? {});
  if (order.phase === "failed" && !untilRefunded) throw new OrderFailedError(id, reason, null);
  if (order.phase === "rejected") throw new OrderRejectedError(id, reason);
  if (order.phase === "expired") throw new OrderExpiredError(id, order.note ?? null);
  return null;
}

/**
 * Every state of an order from now on, newest knowledge only, until its final phase. Leaving the loop closes the
 * connection.
 *
 * @throws WaitTimeoutError, AuthenticationError, OrderNotFoundError, ApiError (other refusals), BadAnswerError
 */
export async function* watchOrder(
  options: WatchOrderOptions,
  runtime: Runtime = systemRuntime,
): AsyncGenerator<Order, void, undefined> {
  const path = orderPath(options.orderId);
  const deadlineMs = options.deadlineMs ?? 900_000;
  const stop = childSignal(options.signal);
  const timer = setTimeout(() => stop.abort(null), Math.min(deadlineMs, MAX_TIMER_MS));
  const watch: Watch = {
    shop: openShop(options, runtime),
    path,
    orderId: options.orderId,
    stallMs: options.stallMs ?? 45_000,
    pollMs: options.pollMs ?? 1_000,
    signal: stop.signal,
    lastEventId: "",
    newest: null,
  };
  try {
    yield* follow(watch);
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason;
    if (stop.signal.aborted)
      throw new WaitTimeoutError(options.orderId, watch.newest?.phase ?? null, deadlineMs);
    throw error;
  } finally {
    clearTimeout(timer);
    stop.abort(null);
    stop.release();
  }
}

/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Watch {
  readonly shop: Shop;
  readonly path: string;
  readonly orderId: string;
  readonly stallMs: number;
  readonly pollMs: number;
  readonly signal: AbortSignal;
  lastEventId: string;
  newest: Order | null;
}

const MAX_POLLS_BETWEEN_STREAMS = 16;

async function* follow(watch: Watch): AsyncGenerator<Order, void, undefined> {
  for (let polls = 1; ; polls = Math.min(polls * 2, MAX_POLLS_BETWEEN_STREAMS)) {
    const known = watch.newest;
    const openedMs = watch.shop.runtime.nowMs();
    for await (const order of streamOnce(watch)) {
      yield order;
      if (isFinal(order)) return;
    }
    const isLongLived = watch.shop.runtime.nowMs() - openedMs > watch.stallMs;
    // A stream that told something new or held was a good one: ask once, then stream again.
    if (watch.newest !== known || isLongLived) polls = 1;
    for await (const order of poll(watch, polls)) {
      yield order;
      if (isFinal(order)) return;
    }
  }
}

function isFinal(order: Order): boolean {
  return FINAL_PHASES.includes(order.phase);
}

/** The order when it is news: not what is known, nor older than it (answers of several servers may overtake). */
function takeNews(watch: Watch, order: Order): Order | null {
  const { newest } = watch;
  if (newest !== null) {
    if (Date.parse(order.updated_at) < Date.parse(newest.updated_at)) return null;
    if (JSON.stringify(order) === JSON.stringify(newest)) return null;
  }
  watch.newest = order;
  return order;
}

const MAX_BAD_POLLS = 5;
const MAX_RETRY_AFTER_MS = 60_000;

/** Asks `count` times, the first time at once. Lost connections and failing servers are waited out. */
async function* poll(watch: Watch, count: number): AsyncGenerator<Order, void, undefined> {
  const { shop, signal } = watch;
  let waitMs = 0;
  let bad = 0;
  for (let asked = 0; asked < count; asked++) {
    await shop.runtime.sleep(waitMs, signal);
    waitMs = watch.pollMs * Math.min(5, 1.5 ** asked) * (0.75 + shop.runtime.random() / 2);
    try {
      const order = takeNews(
        watch,
        parseOrder(await call(shop, { path: watch.path, signal }), watch.orderId),
      );
      bad = 0;
      if (order !== null) yield order;
    } catch (error) {
      if (signal.aborted || isTerminal(error)) throw error;
      if (error instanceof BadAnswerError && ++bad === MAX_BAD_POLLS) throw error;
      const askedMs = error instanceof ApiError ? (error.retryAfterS ?? 0) * 1000 : 0;
      waitMs = Math.max(waitMs, Math.min(askedMs, MAX_RETRY_AFTER_MS));
    }
  }
  await shop.runtime.sleep(waitMs, signal);
}

const PASSING_STATUSES = new Set([408, 425, 429]);

/** Nothing that time would cure. */
function isTerminal(error: unknown): boolean {
  if (error instanceof ApiError) return error.status < 500 && !PASSING_STATUSES.has(error.status);
  return !(error instanceof NetworkError || error instanceof BadAnswerError);
}

/** A heartbeat proves only that the connection lives; without an event for this many stalls, look for ourselves. */
const QUIET_STALLS = 3;

/**
 * News from one connection to the stream, until it ends, breaks, stalls or turns out not to be an event stream: the
 * reader then simply finishes. Throws only what polling could not cure: 401, 403 and 404.
 */
async function* streamOnce(watch: Watch): AsyncGenerator<Order, void, undefined> {
  const connection = childSignal(watch.signal);
  const stall = setTimeout(() => connection.abort(null), watch.stallMs);
  try {
    const response = await openStream(watch, connection.signal);
    if (response?.body === null || response === null) return;
    const parser = createSseParser();
    let quietSinceMs = watch.shop.runtime.nowMs();
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      stall.refresh();
      for (const event of parser.push(piece)) {
        const order = takeNews(watch, parseOrder(JSON.parse(event.data), watch.orderId));
        watch.lastEventId = event.id;
        quietSinceMs = watch.shop.runtime.nowMs();
        if (order !== null) yield order;
      }
      if (watch.shop.runtime.nowMs() - quietSinceMs > QUIET_STALLS * watch.stallMs) return;
    }
  } catch (error) {
    if (watch.signal.aborted) throw error;
    if (error instanceof ApiError && isTerminal(error)) throw error;
    // Anything else that goes wrong with a stream is a reason to poll, which tells the truth or fails with a name.
  } finally {
    clearTimeout(stall);
    connection.abort(null);
    connection.release();
  }
}

/** Null when this is not a stream to read. @throws ApiError for 401, 403 and 404 */
async function openStream(watch: Watch, signal: AbortSignal): Promise<Response | null> {
  const { shop } = watch;
  const response = await shop.fetch(new URL(`${shop.baseUrl}${watch.path}/stream`), {
    headers: {
      ...shop.headers,
      Accept: "text/event-stream",
      ...(watch.lastEventId === "" ? {} : { "Last-Event-ID": watch.lastEventId }),
    },
    cache: "no-store",
    redirect: "manual",
    signal,
  });
  const isRefused = response.status === 401 || response.status === 403 || response.status === 404;
  if (isRefused) {
    // Some proxies refuse streams only: the order itself decides whether this is final.
    await call(shop, { path: watch.path, signal });
    return null;
  }
  const type = response.headers.get("content-type") ?? "";
  return response.status === 200 && /^\s*text\/event-stream\b/i.test(type) ? response : null;
}
