import type { Shop } from "../client.ts";
import {
  BadAnswerError,
  OrderExpiredError,
  OrderFailedError,
  WaitTimeoutError,
} from "../errors.ts";
import { follow, type FollowOptions } from "../follow.ts";
import { type Card, type RefundView } from "../wire.ts";
import { FINAL_X402_STATUSES, type EsimView, type X402RefundView } from "./wire.ts";
import { parseX402Order, type X402Order } from "./answers.ts";
import { ask, x402OrderPath } from "./shop.ts";

/** Every state of an order from now on, until its last. @throws as `follow`; WaitTimeoutError at the deadline */
export function watchX402(
  shop: Shop,
  orderId: string,
  options: FollowOptions,
): AsyncGenerator<X402Order, void, undefined> {
  const path = x402OrderPath(orderId);
  const subject = {
    shop,
    path,
    streamPath: `${path}/events`,
    parse: (json: unknown) => parseX402Order(json, orderId),
    isFinal: ({ status }: X402Order) => FINAL_X402_STATUSES.includes(status),
    updatedAt: ({ updated_at: updatedAt }: X402Order) => updatedAt,
  };
  return follow(
    subject,
    options,
    (newest, waitedMs) => new WaitTimeoutError(orderId, newest?.status ?? null, waitedMs),
  );
}

/** What was bought. */
export type Goods =
  | { readonly esim: EsimView; readonly card?: undefined }
  | { readonly card: Card; readonly esim?: undefined };

/** A refund of the order itself, not of an excess that was paid. */
function refundOf({ refunds }: X402Order): X402RefundView | undefined {
  return refunds.find(({ reason }) => reason === "fulfilment_failed");
}

/** Whether the goods will not come. */
export function isFailing(order: X402Order): boolean {
  return order.status !== "DELIVERED" && refundOf(order) !== undefined;
}

/** True once the order is delivered, false while it is under way; throws how it ended otherwise. */
export function deliveredOrThrow(order: X402Order, untilRefunded: boolean): boolean {
  const { order_id: id, status, error } = order;
  const reason = error ?? "The order could not be fulfilled.";
  if (status === "REFUNDED") throw new OrderFailedError(id, reason, shownRefund(refundOf(order)));
  if (status === "EXPIRED") throw new OrderExpiredError(id, error);
  if (!untilRefunded && isFailing(order)) throw new OrderFailedError(id, reason, null);
  return status === "DELIVERED";
}

function shownRefund(refund: X402RefundView | undefined): Partial<RefundView> {
  if (refund === undefined) return {};
  const { amount, asset, rail, tx_id: txId } = refund;
  return { amount, asset, rail, ...(txId === null ? {} : { tx_id: txId }) };
}

/** The goods of a delivered order, asked for again when the stream could not show them. */
export async function goodsOf(shop: Shop, order: X402Order, signal?: AbortSignal): Promise<Goods> {
  const { order_id: id } = order;
  const shown = hasGoods(order)
    ? order
    : parseX402Order((await ask(shop, { path: x402OrderPath(id), signal }, [200])).json, id);
  const { esim, card } = shown;
  if (esim !== undefined) return { esim };
  if (card !== undefined) return { card };
  throw new BadAnswerError(
    "the order is delivered and does not show its goods: pass accessToken, or the API key that ordered",
    { order: id },
  );
}

function hasGoods({ esim, card }: X402Order): boolean {
  return esim !== undefined || card !== undefined;
}
