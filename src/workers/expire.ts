import type { JobEnd } from "../actions/run-jobs.ts";
import type { WorkerDeps } from "./deps.ts";
import type { JobHandler } from "./job-loop.ts";

/** When the rail is not read past the window's end yet. */
const LOOK_AGAIN_MS = 2_000;

/** Expires an order whose payment window has ended by chain time. */
export function expireOrder({ store, clock, rails }: WorkerDeps): JobHandler {
  return async (orderId): Promise<JobEnd> => {
    const nowMs = clock.now();
    const railIds = [...rails.keys()];
    const answer = await store.transact("closeWindow", { orderId, railIds, nowMs });
    if (answer !== "not_yet") return { kind: "finish" };
    const error = "the rail is not read past the end of the window";
    return { kind: "retry", runAtMs: nowMs + LOOK_AGAIN_MS, error };
  };
}
