import { railContract } from "../../../tests/contracts/rail.ts";
import { openTonBench } from "../../../tests/fixtures/ton-bench.ts";

railContract("ton-jetton", () => openTonBench());
