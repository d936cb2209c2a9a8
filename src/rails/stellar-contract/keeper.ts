import {
  Address,
  Keypair,
  Operation,
  SorobanDataBuilder,
  type xdr,
} from "@stellar/stellar-sdk/base";
import type { Clock } from "../../clock.ts";
import { formatDecimal } from "../../money.ts";
import { done, type Outcome } from "../../outcome.ts";
import {
  codeKey,
  instanceKey,
  readEntries,
  tokenBalanceKey,
  tokenBalanceOf,
  type Entry,
} from "./entries.ts";
import type { RailAsset, RailAssets, StellarContractConfig } from "./network.ts";
import type { Rpc } from "./rpc.ts";
import { runSoroban, type Run, type Runner } from "./soroban.ts";

/** One thing the keeper found to do, and the line for the log when it is done. */
interface Chore {
  readonly run: Run;
  readonly line: string;
}

export interface Keeper {
  sweep(signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>>;
}

type Extent = "worthwhile" | "everything";

/**
 * Keeps the receiver alive and empty. Everything here anybody may do to the contract, so it needs no trust:
 * repeated or done by two at once it moves the same money to the same treasury.
 */
export function openKeeper(
  rpc: Rpc,
  config: StellarContractConfig,
  assets: RailAssets,
  clock: Clock,
): Keeper {
  const runner: Runner = {
    rpc,
    clock,
    passphrase: config.passphrase,
    source: Keypair.fromSecret(config.keeperSecret),
    maxFeeStroops: config.tuning.maxFeeStroops,
  };
  const work = async (signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>> => {
    const chores = await findChores(rpc, config, { assets, extent }, signal);
    if (chores.kind !== "done") return chores;
    const lines: string[] = [];
    for (const chore of chores.value) {
      const ran = await runSoroban(runner, chore.run, signal);
      if (ran.kind !== "done") return { ...ran, reason: `${chore.line}: ${ran.reason}` };
      lines.push(`${chore.line} in ${ran.value.txId}`);
    }
    return done(lines.length === 0 ? null : lines.join("; "));
  };
  // One after the other: they share the keeper's sequence number.
  let last: Promise<unknown> = Promise.resolve();
  return {
    sweep(signal, extent) {
      const swept = last.then(() => work(signal, extent));
      last = swept.catch(() => null);
      return swept;
    },
  };
}

async function findChores(
  rpc: Rpc,
  config: StellarContractConfig,
  { assets, extent }: { readonly assets: RailAssets; readonly extent: Extent },
  signal: AbortSignal,
): Promise<Outcome<readonly Chore[]>> {
  const { receiverContractId, tuning } = config;
  const lives = [instanceKey(receiverContractId), codeKey(config.receiverWasmSha256)];
  const balances = [assets.usdc, assets.xlm].map((asset) => ({
    asset,
    key: tokenBalanceKey(asset.contractId, receiverContractId),
    minAtomic:
      extent === "everything"
        ? 0n
        : tuning.sweepMinAtomic[asset.asset.symbol === "XLM" ? "XLM" : "USDC"],
  }));
  const keys = [...lives, ...balances.map(({ key }) => key)];
  const entries = await readEntries(rpc, keys, signal);
  if (entries.kind !== "done") return entries;

  const { height } = entries.value;
  const get = (key: xdr.LedgerKey): Entry | null => entries.value.get(key);
  const ends = lives.map((key) => get(key)?.liveUntilLedger ?? null);
  const chores: Chore[] = [];
  // Restoring comes first: nothing else works on an archived contract.
  if (ends.some((end) => end !== null && end < height)) chores.push(restoring(lives));
  if (ends.some((end) => end !== null && end - height < tuning.ttlLowLedgers)) {
    chores.push(extending(lives, tuning.ttlTargetLedgers));
  }
  for (const { asset, key, minAtomic } of balances) {
    const held = tokenBalanceOf(get(key));
    if (held.kind !== "done") return held;
    if (held.value > 0n && held.value >= minAtomic) {
      chores.push(sweeping(receiverContractId, asset, held.value));
    }
  }
  return done(chores);
}

function sweeping(receiverContractId: string, asset: RailAsset, heldAtomic: bigint): Chore {
  const operation = Operation.invokeContractFunction({
    contract: receiverContractId,
    function: "sweep",
    args: [new Address(asset.contractId).toScVal()],
  });
  return {
    run: { operation },
    line: `sweep of ${formatDecimal(heldAtomic, 7, 2)} ${asset.asset.symbol} to the treasury`,
  };
}

function extending(keys: xdr.LedgerKey[], ledgers: number): Chore {
  return {
    run: extendRun(keys, ledgers),
    line: `extension of the life of the receiver to ${ledgers} ledgers`,
  };
}

function restoring(keys: xdr.LedgerKey[]): Chore {
  const footprint = new SorobanDataBuilder().setReadWrite(keys).build();
  return {
    run: { operation: Operation.restoreFootprint({}), footprint },
    line: "restoration of the archived receiver",
  };
}

/** Makes entries live at least that many ledgers from now; harmless when they already do. */
export function extendRun(keys: xdr.LedgerKey[], ledgers: number): Run {
  return {
    operation: Operation.extendFootprintTtl({ extendTo: ledgers }),
    footprint: new SorobanDataBuilder().setReadOnly(keys).build(),
  };
}
