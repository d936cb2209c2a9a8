import type { BreakerRow } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";
import { CLOSED, stepBreaker, type BreakerEvent } from "../suppliers/breaker.ts";

/** Moves a supplier's breaker. Returns it as it is now. */
export async function recordSupplierEvent(
  tx: Tx,
  input: {
    readonly supplierId: string;
    readonly event: BreakerEvent;
    readonly nowMs: number;
  },
): Promise<BreakerRow> {
  const { supplierId, event, nowMs } = input;
  const before = (await tx.breakers.bySupplier(supplierId)) ?? { supplierId, ...CLOSED };
  const after = { supplierId, ...stepBreaker(before, event, nowMs) };
  const isSame =
    after.state === before.state &&
    after.consecutiveFaults === before.consecutiveFaults &&
    after.openedAtMs === before.openedAtMs;
  if (!isSame) await tx.breakers.save(after);
  return after;
}
