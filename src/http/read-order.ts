import type { Card, OrderView, RefundView } from "#wire";
import { assert } from "../errors.ts";
import { formatDecimal } from "../money.ts";
import type { OrderState } from "../orders/lifecycle.ts";
import type { Order, OrderEventRow } from "../orders/order.ts";
import { viewOrder } from "../orders/view.ts";
import type { Goods } from "../products/product.ts";
import type { HttpDeps } from "./deps.ts";

type ReadDeps = Pick<HttpDeps, "openGoods" | "products" | "rails" | "store">;

/** What the order's owner sees of it, goods and refund included. */
export async function viewOf(deps: ReadDeps, order: Order): Promise<OrderView> {
  const isCard = order.product === deps.products.prepaidCard.id;
  const card = isCard && order.state === "delivered" ? await readCard(deps, order.id) : null;
  const refund = order.state === "refunded" ? await readRefund(deps, order.id) : null;
  return viewOrder(order, { card, refund });
}

/** The key's order, or null when there is none or it is another key's: callers must not tell the two apart. */
export async function findOrder(
  deps: Pick<HttpDeps, "store">,
  keyId: string,
  orderId: string,
): Promise<Order | null> {
  const order = await deps.store.read.orders.byId(orderId);
  return order === null || order.keyId !== keyId ? null : order;
}

async function readCard(deps: ReadDeps, orderId: string): Promise<Card> {
  const row = await deps.store.read.goods.ofOrder(orderId);
  assert(row !== null, "a delivered order has no goods");
  const goods = deps.openGoods(row.attemptId, row.sealed);
  return {
    number: field(goods, "number"),
    cvv: field(goods, "cvv"),
    expiry: field(goods, "expiry"),
    brand: field(goods, "brand"),
  };
}

function field(goods: Goods, name: string): string {
  const value = goods[name];
  assert(value !== undefined, `the goods have no ${name}`);
  return value;
}

/** The refund of the order's price; excess that went back is another payout. */
async function readRefund(deps: ReadDeps, orderId: string): Promise<RefundView> {
  const payouts = await deps.store.read.payouts.ofOrder(orderId);
  const payout = payouts.find(({ cause, state }) => cause === "order_failed" && state === "final");
  assert(payout !== undefined && payout.txId !== null, "a refunded order has no final refund");
  const asset = deps.rails.flatMap(({ assets }) => assets).find(({ id }) => id === payout.assetId);
  assert(asset !== undefined, "a refund is in an asset that its rail does not know");
  return {
    stellar_txid: payout.txId,
    rail: payout.railId,
    tx_id: payout.txId,
    amount: formatDecimal(payout.atomic, asset.decimals, 2),
    asset: asset.symbol,
  };
}

/** States in which no payment has been accepted (any more). */
export const UNPAID: ReadonlySet<OrderState> = new Set([
  "awaiting_approval",
  "awaiting_payment",
  "expired",
  "rejected",
]);

/**
 * The order as it was right after one of its events, from the order of now: the state, time and stage are
 * the event's, the payment is left out of states that come before it.
 */
export function orderAt(order: Order, event: OrderEventRow): Order {
  const stage = event.facts["stage"];
  return {
    ...order,
    state: event.state,
    seq: event.seq,
    updatedAtMs: event.atMs,
    stage: event.event === "stage_done" && typeof stage === "string" ? stage : null,
    payment: UNPAID.has(event.state) ? null : order.payment,
  };
}
