import type { Tx } from "../store/tx.ts";
import { owePayout, payoutId } from "./owe-refund.ts";

export type RefundUnmatchedAnswer =
  | { readonly kind: "owed"; readonly payoutId: string }
  | { readonly kind: "refused"; readonly reason: string };

/** An operator sends an unmatched payment back to its payer, or does so before its hold is over. */
export async function refundUnmatched(
  tx: Tx,
  input: { readonly depositId: string; readonly nowMs: number },
): Promise<RefundUnmatchedAnswer> {
  const { depositId, nowMs } = input;
  const deposit = await tx.deposits.byId(depositId);
  if (deposit === null) return { kind: "refused", reason: "there is no such deposit" };
  if (deposit.reason === null)
    return { kind: "refused", reason: `it is the payment of ${String(deposit.orderId)}` };
  if (deposit.atomic <= 0n) return { kind: "refused", reason: "it carries no money" };
  const known = await tx.payouts.byId(payoutId("unmatched", depositId));
  if (known !== null && known.state !== "due")
    return { kind: "refused", reason: `its refund is ${known.state} already` };
  if (known !== null) {
    await tx.jobs.hasten("payout", known.id, nowMs);
    return { kind: "owed", payoutId: known.id };
  }
  const cause = "unmatched";
  const atomic = deposit.atomic;
  return {
    kind: "owed",
    payoutId: await owePayout(tx, { deposit, cause, atomic, dueAtMs: nowMs, nowMs }),
  };
}
