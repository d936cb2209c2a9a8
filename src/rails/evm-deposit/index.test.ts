import { type EvmRailUnderTest, openEvmBench } from "../../../tests/fixtures/evm-bench.ts";
import { expecting } from "../../../tests/contracts/rail-bench.ts";
import { railContract } from "../../../tests/contracts/rail.ts";
import { systemClock } from "../../clock.ts";
import { depositAddress } from "../../chains/evm/deposit-contracts.ts";
import { createLog } from "../../log.ts";
import type { Rail } from "../rail.ts";
import { evmDeposit } from "./index.ts";

const ODD_ORDER = "ord_odd";

function railUnderTest(): EvmRailUnderTest {
  const expected = new Set([ODD_ORDER]);
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return {
    open(stage, tuning): Rail {
      const rail = evmDeposit.open(stage.config({}, tuning), { clock: systemClock, log });
      // As a watcher reads it: with the orders that may be paid.
      return {
        ...rail,
        readDeposits: (cursor, signal) => rail.readDeposits(cursor, signal, expecting(expected)),
      };
    },
    async pay(stage, { symbol, atomic, orderRef }) {
      expected.add(orderRef);
      const token = symbol === "USDC" ? stage.devnet.usdc : stage.devnet.usdt;
      const payer = await stage.newAccount();
      const to = depositAddress(stage.contracts, orderRef);
      const txId = await stage.transfer({ token, to, atomic, payer });
      return { txId, from: payer.address };
    },
    oddTarget: (stage) => depositAddress(stage.contracts, ODD_ORDER),
  };
}

railContract("evm-deposit", () => openEvmBench(railUnderTest()), "replaceable");
