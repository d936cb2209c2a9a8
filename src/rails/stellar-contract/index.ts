import type { Rail, RailContext } from "../rail.ts";
import { checkRail } from "./check.ts";
import { writeInstructions } from "./instructions.ts";
import { openKeeper } from "./keeper.ts";
import { railAssets, type StellarContractConfig } from "./network.ts";
import { parseConfig } from "./parse.ts";
import { openPayouts } from "./payout.ts";
import { createRpc } from "./rpc.ts";
import { openWatch } from "./watch.ts";

/** USDC and XLM on Stellar, paid to a Soroban receiver contract; payouts are classic payments. */
export const stellarContract = {
  kind: "stellar-contract",
  parse: parseConfig,
  /** Opens no connection. The configuration must come from `parse`. */
  open(config: StellarContractConfig, { clock, log }: RailContext): Rail {
    const { rpcUrls: urls, passphrase, tuning } = config;
    const rpc = createRpc({
      urls,
      passphrase,
      timeoutMs: tuning.callTimeoutMs,
      clock,
      onHealth: (server, reason) =>
        reason === null
          ? log.info("an RPC server answers again", { server })
          : log.warn("an RPC server fails; it is asked last for a while", { server, reason }),
    });
    const assets = railAssets(config);
    const watch = openWatch(rpc, config, assets, clock);
    const keeper = openKeeper(rpc, config, assets, clock);
    return {
      id: `stellar:${config.network}/contract`,
      kind: "stellar-contract",
      assets: [assets.usdc.asset, assets.xlm.asset],
      confirmations: null,
      roundsAmounts: false,
      payouts: openPayouts(rpc, config, assets),
      instructions: (order) => writeInstructions(config, assets, order),
      readDeposits: (cursor, signal) => watch.read(cursor, signal),
      waitForNews: (signal) => watch.waitForNews(signal),
      sweep: (signal, extent) => keeper.sweep(signal, extent ?? "worthwhile"),
      check: (cursor) => checkRail(rpc, config, assets, cursor ?? null),
    };
  },
} as const;
