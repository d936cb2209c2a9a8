import type { Hex } from "viem";
import { expect, onTestFinished, test } from "vitest";
import { startEvmDevnet, type EvmDevnet } from "../../../devnet/evm/index.ts";
import { systemClock } from "../../clock.ts";
import { openClient } from "./client.ts";
import { CREATE2_DEPLOYER } from "./deposit-contracts.ts";
import { type DeployStep, deployDepositContracts } from "./deploy.ts";
import type { Purse } from "./payout.ts";
import { parseEvm } from "./settings.ts";

async function fresh(): Promise<{ devnet: EvmDevnet; purse: Purse; deployerKey: Hex }> {
  const devnet = await startEvmDevnet({ blockTimeMs: "instant" });
  onTestFinished(() => devnet.close());
  const [treasury, deployer] = devnet.accounts.map(({ privateKey }) => privateKey);
  const texts = { RPC: devnet.url, TREASURY_KEY: treasury ?? "", KEEPER_KEY: deployer ?? "" };
  const parsed = parseEvm("137", texts, { pollMaxMs: 20 });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join());
  const purse = { config: parsed.config, client: openClient(parsed.config, systemClock) };
  return { devnet, purse, deployerKey: deployer ?? "0x" };
}

test("what was deployed is where the settings expect it, and a second run sends nothing", async () => {
  const { devnet, purse, deployerKey } = await fresh();
  const steps: DeployStep[] = [];
  const options = {
    deployerKey,
    clock: systemClock,
    onStep: (step: DeployStep) => void steps.push(step),
  };
  const first = await deployDepositContracts(purse, options);
  expect(first).toMatchObject({ kind: "done" });
  const height = await devnet.latestBlock();
  const second = await deployDepositContracts(purse, options);
  expect(steps.map(({ state }) => state)).toEqual(["deployed", "deployed", "there", "there"]);
  expect(await devnet.latestBlock()).toBe(height);
  if (first.kind !== "done" || second.kind !== "done") return;
  expect(second.value.factory).toBe(first.value.factory);
  expect(first.value.startBlock).toBeLessThan(height);
  const DEPOSIT_FACTORY = first.value.factory;
  const texts = {
    RPC: devnet.url,
    TREASURY_KEY: purse.config.treasuryKey,
    KEEPER_KEY: deployerKey,
  };
  expect(parseEvm("137", { ...texts, DEPOSIT_FACTORY })).toMatchObject({ kind: "config" });
});

test.each(["drop", "drop_answer", "lose_transaction"] as const)(
  "a deployment goes through though its sending met a fault (%s)",
  async (kind) => {
    const { devnet, purse, deployerKey } = await fresh();
    devnet.faults.plan({ kind }, { method: "eth_sendRawTransaction" });
    const deployed = await deployDepositContracts(purse, { deployerKey, clock: systemClock });
    expect(deployed).toMatchObject({ kind: "done" });
  },
);

test("a chain without the common CREATE2 deployer is told, and what to do", async () => {
  const { devnet, purse, deployerKey } = await fresh();
  await devnet.rpc("anvil_setCode", [CREATE2_DEPLOYER, "0x"]);
  const deployed = await deployDepositContracts(purse, { deployerKey, clock: systemClock });
  expect(deployed).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: expect.stringMatching(/CREATE2 deployer/) as string,
  });
});
