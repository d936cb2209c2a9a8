import type { RailContext } from "../../rails/rail.ts";
import { openChain, type TonChain } from "./chain.ts";
import type { TonConfig } from "./settings.ts";

/** The configured servers; the log tells when one begins or ceases to fail. */
export function openLoggedChain(config: TonConfig, { clock, log }: RailContext): TonChain {
  return openChain({
    config,
    clock,
    onHealth: (server, reason) =>
      reason === null
        ? log.info("a TON server answers again", { server })
        : log.warn("a TON server fails; it is asked last for a while", { server, reason }),
  });
}
