import type { WorkerDeps } from "./deps.ts";
import type { JobHandler } from "./job-loop.ts";

/** Turns `refund_due` into a payout that is owed; the payout's own job sends it. */
export function refundOrder({ store, clock }: WorkerDeps): JobHandler {
  return async (orderId) => {
    await store.transact("oweRefund", { orderId, nowMs: clock.now() });
    return { kind: "finish" };
  };
}
