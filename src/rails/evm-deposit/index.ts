import { openClient } from "../../chains/evm/client.ts";
import { depositContracts, depositId } from "../../chains/evm/deposit-contracts.ts";
import { confirmationsOf } from "../../chains/evm/finality.ts";
import { openPayouts } from "../../chains/evm/payouts.ts";
import { type EvmConfig, parseEvm } from "../../chains/evm/settings.ts";
import { assert } from "../../errors.ts";
import type { Rail, RailContext } from "../rail.ts";
import { checkRail } from "./check.ts";
import { openWatch } from "./deposits.ts";
import { writeInstructions } from "./instructions.ts";
import { openSweeper } from "./sweep.ts";

/** Tokens on an EVM chain, sent by any wallet or exchange to an address of the order's own. */
export const evmDeposit = {
  kind: "evm-deposit",
  parse: parseEvm,
  /** Opens no connection. The configuration must come from `parse` and name a deposit factory. */
  open(config: EvmConfig, { clock, log }: RailContext): Rail {
    const { keeperKey } = config;
    assert(
      config.depositFactory !== null && keeperKey !== null,
      "the chain has no deposit factory",
    );
    const client = openClient(config, clock, (server, reason) =>
      reason === null
        ? log.info("an RPC server answers again", { server })
        : log.warn("an RPC server fails; it is asked last for a while", { server, reason }),
    );
    const purse = { client, config };
    const contracts = depositContracts(config.treasury);
    const watch = openWatch(client, config, contracts, clock);
    const sweeper = openSweeper({ ...purse, contracts, clock, keeperKey, watch });
    return {
      id: `${config.caip2}/deposit`,
      kind: "evm-deposit",
      assets: config.tokens.map(({ asset }) => asset),
      confirmations: confirmationsOf(config.finality),
      roundsAmounts: true,
      payouts: openPayouts(purse),
      instructions: (order) =>
        writeInstructions(config, contracts, { order, id: depositId(order.id) }),
      readDeposits: (cursor, signal, expected = async () => []) =>
        watch.read(cursor, signal, expected),
      waitForNews: (signal) => watch.waitForNews(signal),
      sweep: (signal, extent = "worthwhile") => sweeper.sweep(signal, extent),
      check: (cursor = null) => checkRail(purse, contracts, cursor),
    };
  },
} as const;
