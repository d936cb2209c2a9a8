import { parseArgs } from "node:util";
import { type DeployStep, deployDepositContracts } from "../chains/evm/deploy.ts";
import { openClient } from "../chains/evm/client.ts";
import { EVM_SETTINGS, type EvmConfig, parseEvm } from "../chains/evm/settings.ts";
import { systemClock } from "../clock.ts";
import { readVariable } from "../config.ts";
import { Stop } from "./command.ts";
import type { Output } from "./output.ts";
import { loadEnvFile } from "./settings.ts";

/** `deploy evm`: the contracts behind the deposit addresses of the treasury on one configured chain. */
export async function deployEvm(args: readonly string[], out: Output): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "chain-id": { type: "string" },
      "deployer-key-env": { type: "string" },
      json: { type: "boolean" },
    },
  });
  loadEnvFile();
  const chainId = values["chain-id"] ?? "137";
  const { config, deployerKey } = readTarget(chainId, values["deployer-key-env"]);
  const purse = { config, client: openClient(config, systemClock) };
  out.progress(`deploying for the treasury ${config.treasury} on ${config.network.name}`);
  const onStep = ({ what, state, address }: DeployStep): void =>
    out.progress(`  ${what.padEnd(9)} ${state.padEnd(8)} ${address}`);
  const deployed = await deployDepositContracts(purse, { deployerKey, clock: systemClock, onStep });
  if (deployed.kind !== "done")
    throw new Stop(`${deployed.reason}; run the same command again, it goes on`);
  if (values.json === true) return out.json(deployed.value);
  const prefix = `VEND402_EVM_${chainId}`;
  out.line(`${prefix}_DEPOSIT_FACTORY=${deployed.value.factory}`);
  // A block that is configured already stays: orders may have been paid since.
  if (config.startBlock === null) out.line(`${prefix}_START_BLOCK=${deployed.value.startBlock}`);
  out.progress("put this into .env, then run: vend402 doctor");
}

/** The keeper pays unless another account is named; a key is never an argument. */
function readTarget(
  chainId: string,
  keyVariable: string | undefined,
): { readonly config: EvmConfig; readonly deployerKey: EvmConfig["treasuryKey"] } {
  const prefix = `VEND402_EVM_${chainId}_`;
  const given = EVM_SETTINGS.map((name) => [name, readVariable(prefix + name) ?? ""] as const);
  const texts = Object.fromEntries(given.filter(([, text]) => text !== ""));
  const named = keyVariable === undefined ? null : readVariable(keyVariable);
  if (keyVariable !== undefined && named === null) throw new Stop(`${keyVariable} holds no key`);
  const KEEPER_KEY = named ?? texts["KEEPER_KEY"];
  // What is configured as the factory is what this command finds out.
  const { DEPOSIT_FACTORY: _, ...others } = texts;
  const parsed = parseEvm(chainId, KEEPER_KEY === undefined ? others : { ...others, KEEPER_KEY });
  if (parsed.kind === "problems")
    throw new Stop(parsed.problems.map((problem) => `${prefix}${problem}`).join("\n"));
  const { keeperKey } = parsed.config;
  if (keeperKey === null) throw new Stop(`${prefix}KEEPER_KEY is missing: it pays the gas`);
  return { config: parsed.config, deployerKey: keeperKey };
}
