import type { Tx } from "../store/tx.ts";
import { advanceOrder } from "./advance-order.ts";

export type WindowAnswer = "closed" | "moot" | "not_yet";

/**
 * Expires an order whose window has ended by chain time: only when every rail has been read past the end,
 * so that a payment made in time is never turned away because we were late to look.
 */
export async function closeWindow(
  tx: Tx,
  input: {
    readonly orderId: string;
    readonly railIds: readonly string[];
    readonly nowMs: number;
  },
): Promise<WindowAnswer> {
  const order = await tx.orders.byId(input.orderId);
  if (order === null || order.state !== "awaiting_payment") return "moot";
  for (const railId of input.railIds) {
    const cursor = await tx.cursors.byRail(railId);
    if (cursor === null || cursor.chainTimeMs <= order.windowClosesAtMs) return "not_yet";
  }
  await advanceOrder(tx, order.id, { event: "window_closed", nowMs: input.nowMs });
  return "closed";
}
