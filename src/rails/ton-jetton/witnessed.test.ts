import { railContract } from "../../../tests/contracts/rail.ts";
import { openTonBench } from "../../../tests/fixtures/ton-bench.ts";
import { jettonRail } from "../../../tests/fixtures/ton-rails.ts";

railContract("ton-jetton with a LiteServer", () => openTonBench(jettonRail, { isWitnessed: true }));
