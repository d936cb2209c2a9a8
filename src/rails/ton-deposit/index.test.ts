import { expecting } from "../../../tests/contracts/rail-bench.ts";
import { railContract } from "../../../tests/contracts/rail.ts";
import { openTonBench, type TonRailUnderTest } from "../../../tests/fixtures/ton-bench.ts";
import { forwarderOf } from "../../chains/ton/forwarder.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import { tonDeposit } from "./index.ts";

const log = createLog({ level: "error", now: () => 0, write: () => {} });
const ODD_ORDER = "ord_odd";

function railUnderTest(): TonRailUnderTest {
  const expected = new Set([ODD_ORDER]);
  return {
    open(stage, tuning) {
      const rail = tonDeposit.open(stage.config({}, tuning), { clock: systemClock, log });
      // As a watcher reads it: with the orders that may be paid.
      return {
        ...rail,
        readDeposits: (cursor, signal) => rail.readDeposits(cursor, signal, expecting(expected)),
      };
    },
    pay(stage, { atomic, orderRef }) {
      expected.add(orderRef);
      return stage.pay({ atomic, to: forwarderOf(stage.treasury, orderRef).address });
    },
    oddOwner: ({ treasury }) => forwarderOf(treasury, ODD_ORDER).address,
    isPaidToTreasury: false,
  };
}

railContract("ton-deposit", () => openTonBench(railUnderTest()));
