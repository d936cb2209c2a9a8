import { afterAll, beforeAll, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import type { Authorization } from "../rail.ts";
import { newPayer, openOn, type OpenRail } from "./test-payer.ts";

let stage: EvmStage;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());

const impatient = (maxFeeGwei: string): OpenRail =>
  openOn(stage, { changes: { MAX_FEE_GWEI: maxFeeGwei }, tuning: { outbidAfterMs: 0 } });

interface Bid {
  readonly hash: string;
  readonly nonce: string;
  readonly maxFeePerGas: string;
}

async function bidOf(txId: string | null): Promise<Bid | null> {
  return (await stage.devnet.rpc("eth_getTransactionByHash", [txId])) as Bid | null;
}

const settle = async ({ rail }: OpenRail, authorization: Authorization): Promise<string | null> =>
  done(await rail.x402.settle(authorization)).txId;

test("a transaction that waits for long bids more under the same number, and one of the two lands", async () => {
  const open = impatient("2000");
  const payer = await newPayer(stage, 100_000_000n);
  const authorization = await open.promise({ payer });
  const first = await bidOf(await settle(open, authorization));
  const second = await bidOf(await settle(open, authorization));
  expect(second?.hash).not.toBe(first?.hash);
  expect(second?.nonce).toBe(first?.nonce);
  expect(BigInt(second?.maxFeePerGas ?? 0)).toBeGreaterThanOrEqual(
    (BigInt(first?.maxFeePerGas ?? 0) * 110n) / 100n,
  );
  expect(await bidOf(first?.hash ?? "")).toBeNull();
  await stage.devnet.mine();
  expect(done(await open.rail.x402.fate(authorization))).toEqual({
    kind: "used",
    txId: second?.hash,
  });
  expect(await stage.balanceOf(stage.devnet.usdc, payer.address)).toBe(
    100_000_000n - authorization.amount.atomic,
  );
  // It has landed: nothing is left to bid for.
  expect(await settle(open, authorization)).toBe(second?.hash);
});

test("a bid that would be too dear is not made: the first one stays", async () => {
  const generous = impatient("2000");
  const block = (await stage.devnet.rpc("eth_getBlockByNumber", ["latest", false])) as {
    readonly baseFeePerGas: string;
  };
  // The first bid is twice the base fee and the chain's least tip.
  const firstGwei = (2n * BigInt(block.baseFeePerGas)) / 10n ** 9n + 25n;
  const open = impatient(String(firstGwei + 2n));
  const authorization = await generous.promise();
  const first = await settle(open, authorization);
  expect(await settle(open, authorization)).toBe(first);
  await stage.devnet.mine();
  expect(done(await open.rail.x402.fate(authorization))).toEqual({ kind: "used", txId: first });
});
