import { railContract } from "../../../tests/contracts/rail.ts";
import { openTonBench } from "../../../tests/fixtures/ton-bench.ts";

railContract("ton-jetton with a LiteServer", () => openTonBench({ isWitnessed: true }));
