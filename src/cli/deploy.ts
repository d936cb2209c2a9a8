import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Keypair } from "@stellar/stellar-sdk/base";
import { systemClock } from "../clock.ts";
import { readStellarSettings, readVariable, type StellarSettings } from "../config.ts";
import type { Outcome } from "../outcome.ts";
import {
  deployAssetContract,
  deployReceiver,
  type DeployStep,
} from "../rails/stellar-contract/deploy.ts";
import { PRESETS } from "../rails/stellar-contract/network.ts";
import { Stop, type Command } from "./command.ts";
import { deployEvm } from "./deploy-evm.ts";
import type { Output } from "./output.ts";
import { loadEnvFile } from "./settings.ts";

const RECEIVER_WASM = new URL("../../contracts/stellar/receiver.wasm", import.meta.url);

export const deploy: Command = {
  usage:
    "deploy stellar [--deployer-secret-env NAME] [--label TEXT] [--json] | evm [--chain-id N] [--deployer-key-env NAME] [--json]",
  summary: "puts the contracts that receive payments on the configured network",
  run: async ([kind, ...args], out) => {
    if (kind === "evm") return deployEvm(args, out);
    if (kind !== "stellar") throw new Stop("say what to deploy: deploy stellar, or deploy evm");
    const { values } = parseArgs({
      args: [...args],
      options: {
        "deployer-secret-env": { type: "string" },
        label: { type: "string" },
        json: { type: "boolean" },
      },
    });
    loadEnvFile();
    const target = readTarget(readStellarSettings(), values["deployer-secret-env"]);
    const onStep = (step: DeployStep): void =>
      out.progress(`  ${step.step.padEnd(7)} ${step.state.padEnd(8)} ${step.what}`);
    out.progress(`deploying the receiver through ${target.rpcUrls[0] ?? ""}`);
    await ensureAssetContracts({ ...target, onStep }, out);
    const label = values.label === undefined ? {} : { label: values.label };
    const wasm = readFileSync(RECEIVER_WASM);
    const deployed = unwrap(await deployReceiver({ ...target, ...label, wasm, onStep }));
    if (values.json === true) return out.json(deployed);
    out.line(`VEND402_STELLAR_RECEIVER=${deployed.contractId}`);
    out.line(`VEND402_STELLAR_START_LEDGER=${deployed.ledger}`);
    out.progress("put these two lines into .env, then run: vend402 doctor");
  },
};

interface Target {
  readonly rpcUrls: readonly string[];
  readonly passphrase: string;
  readonly deployerSecret: string;
  readonly treasury: string;
  readonly usdc: { readonly code: string; readonly issuer: string };
  readonly clock: typeof systemClock;
}

function readTarget(settings: StellarSettings, secretVariable: string | undefined): Target {
  const { network } = settings;
  if (network !== "local" && network !== "testnet" && network !== "pubnet")
    throw new Stop("VEND402_STELLAR_NETWORK must be local, testnet or pubnet");
  const preset = PRESETS[network];
  const rpcUrls = settings.rpcUrls ?? preset.rpcUrls;
  if (rpcUrls.length === 0) throw new Stop("VEND402_STELLAR_RPC names no RPC server");
  return {
    rpcUrls,
    passphrase: settings.passphrase ?? preset.passphrase,
    deployerSecret: deployerSecret(settings, secretVariable),
    treasury: settings.treasuryAddress ?? addressOf(settings.treasurySecret),
    usdc: usdcOf(settings, preset.usdc),
    clock: systemClock,
  };
}

function usdcOf(settings: StellarSettings, preset: Target["usdc"] | null): Target["usdc"] {
  const issuer = settings.usdcIssuer ?? preset?.issuer;
  if (issuer === undefined) throw new Stop("VEND402_STELLAR_USDC_ISSUER is missing");
  return { code: settings.usdcCode ?? preset?.code ?? "USDC", issuer };
}

/** The keeper pays for the deployment unless another account is named; a secret is never an argument. */
function deployerSecret({ keeperSecret }: StellarSettings, variable: string | undefined): string {
  const secret = variable === undefined ? keeperSecret : readVariable(variable);
  if (secret === null)
    throw new Stop(`${variable ?? "VEND402_STELLAR_KEEPER_SECRET"} holds no secret key`);
  addressOf(secret);
  return secret;
}

function addressOf(secret: string | null): string {
  try {
    return Keypair.fromSecret(secret ?? "").publicKey();
  } catch (cause) {
    throw new Stop(
      "VEND402_STELLAR_TREASURY (G…) is missing, or a secret key is not of the form S…",
      { cause },
    );
  }
}

/** A fresh local chain has no asset contracts; on public networks both are there already. */
async function ensureAssetContracts(
  target: Target & { readonly onStep: (step: DeployStep) => void },
  out: Output,
): Promise<void> {
  out.progress("asset contracts of USDC and XLM");
  unwrap(await deployAssetContract({ ...target, asset: target.usdc }));
  unwrap(await deployAssetContract({ ...target, asset: null }));
}

function unwrap<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === "done") return outcome.value;
  const hint = outcome.kind === "unknown" ? "; run the same command again, it goes on" : "";
  throw new Stop(`${outcome.reason}${hint}`);
}
