import type { Tx } from "../store/tx.ts";
import { REASON_RESTORED } from "./held.ts";
import { blockPayout } from "./send-payout.ts";

/** Payouts of one look. */
const SOME = 500;

/**
 * Opens a copy that was put in the place of the database: whatever was owed by then waits for a person. Null when it is
 * no copy, or one that was opened before; else how many payouts were held back.
 * @param isDeclared A person says that it is one, though nothing in it does.
 */
export async function openRestored(
  tx: Tx,
  { isDeclared, nowMs }: { readonly isDeclared: boolean; readonly nowMs: number },
): Promise<number | null> {
  if (isDeclared) await tx.restores.mark(nowMs);
  if (!(await tx.restores.open(nowMs))) return null;
  let held = 0;
  for (;;) {
    const due = await tx.payouts.list(["due"], SOME);
    for (const { id: payoutId } of due)
      if (await blockPayout(tx, { payoutId, reason: REASON_RESTORED, nowMs })) held++;
    if (due.length < SOME) return held;
  }
}
