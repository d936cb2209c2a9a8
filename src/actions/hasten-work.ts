import type { Tx } from "../store/tx.ts";

/** Somebody says that there is news about an attempt: it is looked up now. Repeated, or untrue, it changes nothing. */
export async function hastenAttempt(
  tx: Tx,
  input: { readonly attemptId: string; readonly supplierId: string; readonly nowMs: number },
): Promise<boolean> {
  const { attemptId, supplierId, nowMs } = input;
  const attempt = await tx.attempts.byId(attemptId);
  if (attempt === null || attempt.supplierId !== supplierId) return false;
  await tx.jobs.hasten("fulfil", attempt.orderId, nowMs);
  await tx.jobs.hasten("resolve", attemptId, nowMs);
  return true;
}

/** Somebody says that there is news about an order's payment: what is being carried out is looked at now. */
export async function hastenSettlement(
  tx: Tx,
  input: { readonly orderId: string; readonly nowMs: number },
): Promise<boolean> {
  const promises = await tx.authorizations.ofOrder(input.orderId);
  const open = promises.filter(({ state }) => state === "settling");
  for (const { ref } of open) await tx.jobs.hasten("settle", ref, input.nowMs);
  return open.length > 0;
}
