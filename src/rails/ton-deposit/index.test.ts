import { railContract } from "../../../tests/contracts/rail.ts";
import { openTonBench } from "../../../tests/fixtures/ton-bench.ts";
import { depositRail } from "../../../tests/fixtures/ton-rails.ts";

railContract("ton-deposit", () => openTonBench(depositRail()));
