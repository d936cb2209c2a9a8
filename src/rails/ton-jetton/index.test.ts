import { openTonBench, type TonRailUnderTest } from "../../../tests/fixtures/ton-bench.ts";
import { railContract } from "../../../tests/contracts/rail.ts";
import { orderPayload } from "../../chains/ton/payload.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import { tonJetton } from "./index.ts";

const log = createLog({ level: "error", now: () => 0, write: () => {} });

const railUnderTest: TonRailUnderTest = {
  open: (stage, tuning) => tonJetton.open(stage.config({}, tuning), { clock: systemClock, log }),
  pay: (stage, { atomic, orderRef }) => stage.pay({ atomic, payload: orderPayload(orderRef) }),
  oddOwner: ({ treasury }) => treasury,
  isPaidToTreasury: true,
};

railContract("ton-jetton", () => openTonBench(railUnderTest));
