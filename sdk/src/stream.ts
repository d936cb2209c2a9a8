import { parseOrder, type Order } from "./answers.ts";
import { openShop, orderPath, type ShopOptions } from "./client.ts";
import {
  BadAnswerError,
  OrderExpiredError,
  OrderFailedError,
  OrderRejectedError,
  WaitTimeoutError,
} from "./errors.ts";
import { follow, type FollowOptions, type Subject } from "./follow.ts";
import { systemRuntime, type Runtime } from "./runtime.ts";
import { FINAL_PHASES, type Card, type OrderPhase } from "./wire.ts";

export interface WatchOrderOptions extends ShopOptions, FollowOptions {
  readonly orderId: string;
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
export function watchOrder(
  options: WatchOrderOptions,
  runtime: Runtime = systemRuntime,
): AsyncGenerator<Order, void, undefined> {
  const { orderId } = options;
  const path = orderPath(orderId);
  const subject: Subject<Order> = {
    shop: openShop(options, runtime),
    path,
    streamPath: `${path}/stream`,
    parse: (json) => parseOrder(json, orderId),
    isFinal: ({ phase }) => FINAL_PHASES.includes(phase),
    updatedAt: ({ updated_at: updatedAt }) => updatedAt,
  };
  return follow(
    subject,
    options,
    (newest, waitedMs) => new WaitTimeoutError(orderId, newest?.phase ?? null, waitedMs),
  );
}
