import { confirmationsOf } from "../../chains/evm/finality.ts";
import { openPayouts } from "../../chains/evm/payouts.ts";
import { type EvmConfig, parseEvm } from "../../chains/evm/settings.ts";
import { done } from "../../outcome.ts";
import type { Rail, RailContext, X402Scheme } from "../rail.ts";
import { checkRail } from "./check.ts";
import { openWatch } from "./deposits.ts";
import { openForOthers, parseForOthers } from "./for-others.ts";
import { openLoggedClient, openScheme } from "./scheme.ts";
import { termsOf } from "./terms.ts";

/** Tokens on an EVM chain, paid by a signature that a facilitator carries out (x402, scheme `exact`). */
export const evmX402 = {
  kind: "evm-x402",
  parse: parseEvm,
  /** Opens no connection. The configuration must come from `parse`. */
  open(config: EvmConfig, context: RailContext): Rail & { readonly x402: X402Scheme } {
    const { clock } = context;
    const client = openLoggedClient(config, context);
    const purse = { client, config };
    const watch = openWatch(client, config, clock);
    const { x402, hands } = openScheme({ config, client, clock });
    return {
      id: `${config.caip2}/x402`,
      kind: "evm-x402",
      assets: config.tokens.map(({ asset }) => asset),
      confirmations: confirmationsOf(config.finality),
      roundsAmounts: false,
      payouts: openPayouts(purse),
      x402,
      instructions(order) {
        const accepts = termsOf(config, order, clock.now());
        return accepts.length === 0 ? null : { type: "x402", network: config.caip2, accepts };
      },
      readDeposits: (cursor, signal) => watch.read(cursor, signal),
      waitForNews: (signal) => watch.waitForNews(signal),
      // Payments go to the treasury itself.
      sweep: async () => done(null),
      check: (cursor = null) => checkRail(purse, hands, cursor),
    };
  },
  parseForOthers,
  openForOthers,
} as const;
