import { type Hex, parseAbi, encodeFunctionData } from "viem";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { openRailBooks } from "./test-books.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import type { Authorization } from "../rail.ts";
import { cancel, newPayer, openOn, readOrFail, signedBy } from "./test-payer.ts";
