import { checkRail } from "../../chains/ton/check.ts";
import { forwarderAddresses, forwarderOf } from "../../chains/ton/forwarder.ts";
import { highloadWallet } from "../../chains/ton/highload.ts";
import { openJettonBook } from "../../chains/ton/jettons.ts";
import { openKeeper } from "../../chains/ton/keeper.ts";
import { openLoggedChain } from "../../chains/ton/logged-chain.ts";
import { openPayouts } from "../../chains/ton/payouts.ts";
import { parseTon, type TonConfig } from "../../chains/ton/settings.ts";
import { assert } from "../../errors.ts";
import type { Rail, RailContext } from "../rail.ts";
import { openWatch, type WatchOptions } from "./deposits.ts";
import { writeInstructions } from "./instructions.ts";
import { openSweeper } from "./sweep.ts";

/** A jetton on TON, sent by any wallet or exchange to an address of the order's own, with nothing attached. */
export const tonDeposit = {
  kind: "ton-deposit",
  parse: parseTon,
  /** Opens no connection. The configuration must come from `parse` and name a keeper. */
  open(config: TonConfig, { clock, log }: RailContext): Rail {
    const { keeperKeys, jetton } = config;
    assert(keeperKeys !== null, "deposit addresses without a keeper who empties them");
    const chain = openLoggedChain(config, { clock, log });
    const jettons = openJettonBook(chain);
    const treasury = highloadWallet(config.treasuryKeys);
    const keeper = highloadWallet(keeperKeys);
    const addressOf = forwarderAddresses(treasury.address);
    const walletOf: WatchOptions["walletOf"] = (orderId) =>
      jettons.walletOf(jetton.master, addressOf(orderId));
    const watching: WatchOptions = {
      chain,
      config,
      clock,
      treasury: treasury.address,
      treasuryWallet: () => jettons.walletOf(jetton.master, treasury.address),
      walletOf,
    };
    const watch = openWatch(watching);
    const sweeper = openSweeper({
      chain,
      config,
      clock,
      keeper: openKeeper(chain, keeper),
      forwarderOf: (orderId) => forwarderOf(treasury.address, orderId),
      walletOf,
      watch,
    });
    const spenders = [{ name: "keeper", address: keeper.address }];
    return {
      id: `${config.network.caip2}/deposit`,
      kind: "ton-deposit",
      assets: [config.asset],
      confirmations: null,
      roundsAmounts: true,
      payouts: openPayouts({ chain, config, treasury, jettons }),
      instructions: (order) => writeInstructions(config, addressOf, order),
      readDeposits: (cursor, signal, expected = async () => []) =>
        watch.read(cursor, signal, expected),
      waitForNews: (signal) => watch.waitForNews(signal),
      sweep: (signal, extent = "worthwhile") => sweeper.sweep(signal, extent),
      check(cursor = null) {
        // A look at start-up must neither disturb what the watcher remembers nor remember anything itself.
        const read = (from: string | null): ReturnType<typeof watch.read> =>
          openWatch(watching).read(from, AbortSignal.timeout(LOOK_MS), async () => []);
        return checkRail({ chain, config, jettons, treasury, spenders, read }, cursor);
      },
    };
  },
} as const;

const LOOK_MS = 30_000;
