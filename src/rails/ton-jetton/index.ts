import type { Rail, RailContext } from "../rail.ts";
import { checkRail } from "../../chains/ton/check.ts";
import { highloadWallet } from "../../chains/ton/highload.ts";
import { writeInstructions } from "./instructions.ts";
import { openJettonBook } from "../../chains/ton/jettons.ts";
import { openForOthers, parseForOthers } from "./for-others.ts";
import { openLoggedChain } from "../../chains/ton/logged-chain.ts";
import { authorizationRefOf } from "./paid-by.ts";
import { openPayouts } from "../../chains/ton/payouts.ts";
import { parseTon, type TonConfig } from "../../chains/ton/settings.ts";
import { done } from "../../outcome.ts";
import { openWatch, type Watch, type WatchOptions } from "./watch.ts";
import { openX402 } from "./x402.ts";

/** A jetton on TON, sent to one treasury address with the order's id, or signed by x402; refunds by highload wallet. */
export const tonJetton = {
  kind: "ton-jetton",
  parse: parseTon,
  parseForOthers,
  openForOthers,
  /** Opens no connection. The configuration must come from `parse`. */
  open(config: TonConfig, { clock, log }: RailContext): Rail {
    const chain = openLoggedChain(config, { clock, log });
    const jettons = openJettonBook(chain);
    const treasury = highloadWallet(config.treasuryKeys);
    const relay = config.relayKeys === null ? null : highloadWallet(config.relayKeys);
    const spenders = relay === null ? [] : [{ name: "relay", address: relay.address }];
    const receiver =
      relay === null ? null : { config, treasury: treasury.address, relay: relay.address };
    const x402 =
      relay === null || receiver === null
        ? undefined
        : openX402({ chain, jettons, clock, receiver, relay });
    const watching: WatchOptions = {
      chain,
      config,
      clock,
      treasury: treasury.address,
      account: () => jettons.walletOf(config.jetton.master, treasury.address),
      refOf: (credit) => authorizationRefOf(chain, config, credit),
    };
    const watch: Watch = openWatch(watching);
    // A look at start-up must neither disturb what the watcher remembers nor remember anything itself.
    const read: Watch["read"] = (cursor) => openWatch(watching).read(cursor);
    return {
      id: `${config.network.caip2}/jetton`,
      kind: "ton-jetton",
      assets: [config.asset],
      confirmations: null,
      roundsAmounts: false,
      payouts: openPayouts({ chain, config, treasury, jettons }),
      ...(x402 !== undefined && { x402 }),
      instructions(order) {
        const plain = writeInstructions(config, treasury.address, order);
        if (plain === null || x402 === undefined) return plain;
        return { ...plain, accepts: x402.terms(order) };
      },
      readDeposits: (cursor) => watch.read(cursor),
      waitForNews: (signal) => watch.waitForNews(signal),
      // Payments arrive where refunds leave from.
      sweep: async () => done(null),
      check: (cursor = null) =>
        checkRail({ chain, config, jettons, treasury, spenders, read }, cursor),
    };
  },
} as const;
