import type { Log } from "../log.ts";
import type { Rail } from "../rails/rail.ts";

/** Moves what a rail has received to the treasury. Harmless when repeated, so nothing is stored about it. */
export function sweepRail(rail: Rail, log: Log): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const swept = await rail.sweep(signal);
    if (swept.kind !== "done") {
      if (!signal.aborted)
        log.warn("the receiver could not be swept", { rail: rail.id, reason: swept.reason });
      return;
    }
    if (swept.value !== null)
      log.info("the receiver was swept", { rail: rail.id, what: swept.value });
  };
}
