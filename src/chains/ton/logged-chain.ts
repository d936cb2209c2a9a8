import type { RailContext } from "../../rails/rail.ts";
import { openChain, type TonChain } from "./chain.ts";
import type { OnHealth } from "./in-turn.ts";
import type { TonConfig } from "./settings.ts";
import { openWitness } from "./witness.ts";
import { openWitnessedChain } from "./witnessed-chain.ts";

/** The configured servers; the log tells when one begins or ceases to fail, and when two sources do not agree. */
export function openLoggedChain(config: TonConfig, { clock, log }: RailContext): TonChain {
  const onHealth: OnHealth = (server, reason) =>
    reason === null
      ? log.info("a TON server answers again", { server })
      : log.warn("a TON server fails; it is asked last for a while", { server, reason });
  const chain = openChain({ config, clock, onHealth });
  if (config.liteServers.length === 0) return chain;
  return openWitnessedChain({
    chain,
    witness: openWitness({ config, clock, onHealth }),
    onContradiction: (what) =>
      log.error("a TON server lies, or is of another network: nothing is read", { what }),
  });
}
