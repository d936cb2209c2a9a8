import { assert } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { transitionFor, type OrderEvent, type OrderState } from "../orders/lifecycle.ts";
import type { Order } from "../orders/order.ts";
import type { OrderChanges } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";

/** One event to apply, with what is public about it and what it changes on the order. */
export interface OrderStep {
  readonly event: OrderEvent;
  readonly facts?: JsonObject;
  readonly changes?: OrderChanges;
  readonly nowMs: number;
}

/** Where an order's price counts in its key's budget. */
const BUDGET_OF: Readonly<Record<OrderState, "in_flight" | "spent" | "none">> = {
  awaiting_approval: "in_flight",
  awaiting_payment: "in_flight",
  confirming: "in_flight",
  paid: "in_flight",
  fulfilling: "in_flight",
  in_review: "in_flight",
  refund_due: "in_flight",
  refunding: "in_flight",
  delivered: "spent",
  refunded: "none",
  rejected: "none",
  expired: "none",
};

/**
 * Applies one event to one order: state, event row, follow-up job and the key's budget commit with the
 * caller's transaction, so whatever caused the event (a deposit row, a stage result) is written with them.
 *
 * Returns the order as it is now, or null when the event does not apply: the order is already past it.
 * That is normal, since every event may arrive twice.
 */
export async function advanceOrder(
  tx: Tx,
  orderId: string,
  step: OrderStep,
): Promise<Order | null> {
  const order = await tx.orders.byId(orderId);
  if (order === null) return null;
  const row = transitionFor(order.state, step.event);
  if (row === undefined) return null;
  const [, , to, job] = row;
  const moved = await tx.orders.move(order, to, step.changes ?? {}, step.nowMs);
  assert(moved, "an order that this transaction has read was moved by another");
  const seq = order.seq + 1;
  const facts = step.facts ?? {};
  await tx.events.insert({ orderId, seq, event: step.event, state: to, facts, atMs: step.nowMs });
  await moveBudget(tx, order, to);
  if (job !== null) await tx.jobs.insert(job, orderId, step.nowMs);
  return { ...order, ...step.changes, state: to, seq, updatedAtMs: step.nowMs };
}

async function moveBudget(tx: Tx, order: Order, to: OrderState): Promise<void> {
  const before = BUDGET_OF[order.state];
  const after = BUDGET_OF[to];
  if (before === after) return;
  const key = await tx.keys.byId(order.keyId);
  assert(key !== null, "an order's key is gone");
  const price = order.priceUsdMicro;
  const change = (part: "in_flight" | "spent"): bigint =>
    (after === part ? price : 0n) - (before === part ? price : 0n);
  await tx.keys.setBudget(
    key.id,
    key.spentUsdMicro + change("spent"),
    key.inFlightUsdMicro + change("in_flight"),
  );
}
