import {
  Address,
  Asset as StellarAsset,
  hash,
  Keypair,
  Operation,
  StrKey,
  xdr,
} from "@stellar/stellar-sdk/base";
import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import { codeKey, instanceKey, readEntries, type Entries } from "./entries.ts";
import { extendRun } from "./keeper.ts";
import { DEFAULT_TUNING, type CreditAsset } from "./network.ts";
import { differences, receiverOf } from "./receiver.ts";
import { createRpc, type Rpc } from "./rpc.ts";
import { runSoroban, type Run, type Runner } from "./soroban.ts";

/** A step as it begins or ends, for a person who waits. */
export interface DeployStep {
  readonly step: "look" | "upload" | "create" | "extend" | "verify";
  readonly state: "begun" | "done" | "skipped";
  /** What it is about: a hash, an address. */
  readonly what: string;
}

interface DeployTarget {
  readonly rpcUrls: readonly string[];
  readonly passphrase: string;
  /** Pays all fees and, for a receiver, determines its address; it owns nothing afterwards. */
  readonly deployerSecret: string;
  readonly clock: Clock;
  readonly onStep: (step: DeployStep) => void;
  readonly signal?: AbortSignal;
}

export interface DeployReceiverOptions extends DeployTarget {
  readonly treasury: string;
  readonly usdc: CreditAsset;
  readonly wasm: Uint8Array;
  /**
   * Tells apart several receivers of one deployer with the same treasury and assets. The same deployment
   * repeated finds what is there and finishes it.
   * @default ""
   */
  readonly label?: string;
}

export interface DeployedReceiver {
  readonly contractId: string;
  readonly wasmSha256: string;
  /** Ledger of its creation: where a watcher starts. */
  readonly ledger: number;
}

/**
 * Puts the receiver on a network: code, contract, life time, and a check of the result. Interrupted anywhere, the
 * same call continues; steps that are already done are skipped.
 */
export async function deployReceiver(
  options: DeployReceiverOptions,
): Promise<Outcome<DeployedReceiver>> {
  const plan = planOf(options);
  const { runner, wasmSha256, contractId } = plan;
  const keys = [codeKey(wasmSha256), instanceKey(contractId)];
  options.onStep({ step: "look", state: "begun", what: contractId });
  const before = await readEntries(runner.rpc, [...keys, ...plan.assetContracts.map(instanceKey)]);
  if (before.kind !== "done") return before;
  const missing = plan.assetContracts.find((id) => before.value.get(instanceKey(id)) === null);
  if (missing !== undefined) {
    return failed(
      `the asset contract ${missing} is not on this network: check the USDC issuer`,
      "final",
    );
  }

  const upload = Operation.uploadContractWasm({ wasm: options.wasm });
  const uploaded = await step(options, runner, {
    step: "upload",
    what: wasmSha256,
    isDone: isLive(before.value, codeKey(wasmSha256)),
    run: { operation: upload },
  });
  if (uploaded.kind !== "done") return uploaded;
  const created = await step(options, runner, {
    step: "create",
    what: contractId,
    isDone: before.value.get(instanceKey(contractId)) !== null,
    run: { operation: creation(plan) },
  });
  if (created.kind !== "done") return created;
  const extended = await step(options, runner, {
    step: "extend",
    what: `${DEFAULT_TUNING.ttlTargetLedgers} ledgers`,
    isDone: false,
    run: extendRun(keys, DEFAULT_TUNING.ttlTargetLedgers),
  });
  return extended.kind === "done" ? verify(options, plan) : extended;
}

interface Plan {
  readonly runner: Runner;
  readonly wasmSha256: string;
  readonly contractId: string;
  readonly salt: Uint8Array;
  /** In the order of the constructor. */
  readonly addresses: Readonly<Record<"treasury" | "usdc" | "xlm", string>>;
  readonly assetContracts: readonly string[];
}

function planOf(options: DeployReceiverOptions): Plan {
  const { passphrase, treasury, usdc, wasm, label = "" } = options;
  const runner = runnerOf(options);
  const wasmSha256 = Buffer.from(hash(wasm)).toString("hex");
  const usdcContract = new StellarAsset(usdc.code, usdc.issuer).contractId(passphrase);
  const xlmContract = StellarAsset.native().contractId(passphrase);
  // The address follows from what is deployed, so that a second run finds the first one's contract.
  const salt = hash(
    Buffer.from(["vend402 receiver", wasmSha256, treasury, usdcContract, label].join("|")),
  );
  return {
    runner,
    wasmSha256,
    contractId: contractIdOf(passphrase, runner.source.publicKey(), salt),
    salt,
    addresses: { treasury, usdc: usdcContract, xlm: xlmContract },
    assetContracts: [usdcContract, xlmContract],
  };
}

function runnerOf({ rpcUrls: urls, passphrase, deployerSecret, clock }: DeployTarget): Runner {
  const { callTimeoutMs: timeoutMs, maxFeeStroops } = DEFAULT_TUNING;
  const rpc: Rpc = createRpc({ urls, passphrase, timeoutMs, clock });
  return { rpc, clock, passphrase, source: Keypair.fromSecret(deployerSecret), maxFeeStroops };
}

/** The address a contract gets when `deployer` creates it with this salt. */
function contractIdOf(passphrase: string, deployer: string, salt: Uint8Array): string {
  const preimage = xdr.HashIdPreimage.envelopeTypeContractId(
    new xdr.HashIdPreimageContractId({
      networkId: hash(Buffer.from(passphrase)),
      contractIdPreimage: xdr.ContractIdPreimage.contractIdPreimageFromAddress(
        new xdr.ContractIdPreimageFromAddress({
          address: new Address(deployer).toScAddress(),
          salt,
        }),
      ),
    }),
  );
  return StrKey.encodeContract(hash(preimage.toXdr()));
}

function creation({ runner, wasmSha256, salt, addresses }: Plan): xdr.Operation {
  const { treasury, usdc, xlm } = addresses;
  return Operation.createCustomContract({
    address: new Address(runner.source.publicKey()),
    wasmHash: Buffer.from(wasmSha256, "hex"),
    salt,
    constructorArgs: [treasury, usdc, xlm].map((address) => new Address(address).toScVal()),
  });
}

function isLive(entries: Entries, key: xdr.LedgerKey): boolean {
  const end = entries.get(key)?.liveUntilLedger ?? -1;
  return end >= entries.height;
}

interface Step {
  readonly step: DeployStep["step"];
  readonly what: string;
  readonly isDone: boolean;
  readonly run: Run;
}

async function step(target: DeployTarget, runner: Runner, one: Step): Promise<Outcome<null>> {
  const { onStep, signal } = target;
  const tell = (state: DeployStep["state"]): void =>
    onStep({ step: one.step, state, what: one.what });
  if (one.isDone) {
    tell("skipped");
    return done(null);
  }
  tell("begun");
  const ran = await runSoroban(runner, one.run, signal);
  if (ran.kind !== "done") return { ...ran, reason: `${one.step} of ${one.what}: ${ran.reason}` };
  tell("done");
  return done(null);
}

async function verify(
  options: DeployReceiverOptions,
  plan: Plan,
): Promise<Outcome<DeployedReceiver>> {
  const { runner, contractId, wasmSha256, addresses } = plan;
  options.onStep({ step: "verify", state: "begun", what: contractId });
  const key = instanceKey(contractId);
  const entries = await readEntries(runner.rpc, [key]);
  if (entries.kind !== "done") return entries;
  const entry = entries.value.get(key);
  const receiver = receiverOf(entry);
  if (receiver === null || entry === null) {
    return failed(`the server does not show the contract ${contractId} yet`, "retry");
  }
  const wrong = differences(receiver, wasmSha256, addresses);
  if (wrong.length > 0) {
    return failed(`the contract ${contractId} is not as planned: ${wrong.join("; ")}`, "final");
  }
  options.onStep({ step: "verify", state: "done", what: contractId });
  return done({ contractId, wasmSha256, ledger: entry.changedAtLedger });
}

export interface DeployAssetContractOptions extends DeployTarget {
  /** Null is the native asset. */
  readonly asset: CreditAsset | null;
}

/** Creates the asset contract (SAC) that a fresh chain lacks; resolves with its address, also when it is there. */
export async function deployAssetContract(
  options: DeployAssetContractOptions,
): Promise<Outcome<string>> {
  const runner = runnerOf(options);
  const asset =
    options.asset === null
      ? StellarAsset.native()
      : new StellarAsset(options.asset.code, options.asset.issuer);
  const contractId = asset.contractId(options.passphrase);
  const key = instanceKey(contractId);
  const entries = await readEntries(runner.rpc, [key], options.signal);
  if (entries.kind !== "done") return entries;
  const created = await step(options, runner, {
    step: "create",
    what: contractId,
    isDone: entries.value.get(key) !== null,
    run: { operation: Operation.createStellarAssetContract({ asset }) },
  });
  return created.kind === "done" ? done(contractId) : created;
}
