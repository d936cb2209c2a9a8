import type { DepositRow } from "../store/rows.ts";
import type { Reader } from "../store/tx.ts";

/** Why money that came before a restored copy was opened is left to a person. */
export const REASON_RESTORED =
  "the books were restored from a copy: whether this was paid already, only the chain and the suppliers know";

/**
 * Whether the books may have missed what became of a deposit: the chain had it before they were restored. Chains' clocks
 * are some seconds slow, so that an order made since then counts by its own time.
 */
export async function isHeld(
  { restores, orders }: Pick<Reader, "restores" | "orders">,
  { chainTimeMs, orderRef }: Pick<DepositRow, "chainTimeMs" | "orderRef">,
): Promise<boolean> {
  const heldBeforeMs = await restores.heldBeforeMs();
  if (heldBeforeMs === null || chainTimeMs >= heldBeforeMs) return false;
  const order = await orders.byId(orderRef);
  return order === null || order.createdAtMs < heldBeforeMs;
}
