import { Keypair } from "@stellar/stellar-sdk/base";
import { formatDecimal } from "../../money.ts";
import type { RailProblem } from "../rail.ts";
import { accountOf, trustlineOf } from "./accounts.ts";
import { wholeIn } from "./answer.ts";
import { lastWholeLedger, parsePosition } from "./cursor.ts";
import {
  accountKey,
  codeKey,
  instanceKey,
  readEntries,
  trustlineKey,
  type Entries,
} from "./entries.ts";
import type { RailAssets, StellarContractConfig } from "./network.ts";
import { differences, expectedAddresses, receiverOf } from "./receiver.ts";
import { parsed, type Rpc } from "./rpc.ts";

const fatal = (what: string, fix: string): RailProblem => ({ severity: "fatal", what, fix });
const warning = (what: string, fix: string): RailProblem => ({ severity: "warning", what, fix });

/** A day of 5 s ledgers. */
const SHORT_HISTORY_LEDGERS = 17_280;
/** Pays for about a hundred transactions at the default highest fee. */
const LOW_XLM_STROOPS = 10_000_000n;

/** Everything that must hold before money may arrive. `cursor`: what the store has, null on a cold start. */
export async function checkRail(
  rpc: Rpc,
  config: StellarContractConfig,
  assets: RailAssets,
  cursor: string | null,
): Promise<readonly RailProblem[]> {
  const servers = await checkServers(rpc, config, cursor);
  const entries = await readEntries(rpc, keysOf(config, assets));
  if (entries.kind !== "done") {
    const fix = "Set rpcUrls to a Stellar RPC server that is reachable from here.";
    return [...servers, fatal(`the ledger cannot be read: ${entries.reason}`, fix)];
  }
  return [
    ...servers,
    ...checkReceiver(entries.value, config, assets),
    ...checkAssets(entries.value, assets),
    ...checkTreasury(entries.value, config, assets),
    ...checkHelpers(entries.value, config),
  ];
}

function keysOf(
  config: StellarContractConfig,
  assets: RailAssets,
): Parameters<typeof readEntries>[1] {
  const contracts = [config.receiverContractId, assets.usdc.contractId, assets.xlm.contractId];
  const accounts = [config.treasury.address, ...helpers(config).map(({ address }) => address)];
  return [
    ...contracts.map(instanceKey),
    codeKey(config.receiverWasmSha256),
    ...accounts.map(accountKey),
    trustlineKey(config.treasury.address, assets.usdc.stellar),
  ];
}

async function checkServers(
  rpc: Rpc,
  config: StellarContractConfig,
  cursor: string | null,
): Promise<readonly RailProblem[]> {
  const problems: RailProblem[] = [];
  const oldest: number[] = [];
  for (const endpoint of rpc.endpoints()) {
    const answer = await endpoint.call("getHealth", {});
    if (answer.kind === "silent" && answer.isForeign === true) {
      const fix = "Correct the passphrase or the rpcUrls: both must be of the same network.";
      problems.push(fatal(answer.reason, fix));
      continue;
    }
    const health = parsed(answer, endpoint, (result) => ({
      oldest: wholeIn(result, "oldestLedger"),
      latest: wholeIn(result, "latestLedger"),
      window: wholeIn(result, "ledgerRetentionWindow"),
    }));
    if (health.kind === "failed") {
      const fix = "Repair or replace this RPC server; the others are used meanwhile.";
      problems.push(warning(health.reason, fix));
      continue;
    }
    oldest.push(health.value.oldest);
    if (config.network !== "local" && health.value.window < SHORT_HISTORY_LEDGERS) {
      const what = `${endpoint.name} keeps only ${health.value.window} ledgers of history`;
      problems.push(
        warning(what, "Use an RPC server that keeps seven days: history must outlast an outage."),
      );
    }
  }
  if (oldest.length === 0) {
    const fix = "Set rpcUrls to a healthy Stellar RPC server of this network.";
    problems.push(fatal("no RPC server is healthy", fix));
    return problems;
  }
  const needed = neededLedger(config, cursor);
  if (needed !== null && needed < Math.min(...oldest)) {
    const what = `deposits are unread from ledger ${needed}, but history begins at ${Math.min(...oldest)}`;
    const fix = "Add an RPC server that still has these ledgers; nothing is skipped.";
    // A shop that has sold before must start all the same: orders that are paid end delivered or refunded,
    // while the watcher stands still and no new order is taken.
    problems.push(cursor === null ? fatal(what, fix) : warning(what, fix));
  }
  return problems;
}

/** The first ledger that is still to be read; null when only the chain knows. */
function neededLedger(config: StellarContractConfig, cursor: string | null): number | null {
  if (cursor === null) return config.startLedger;
  const position = parsePosition(cursor);
  return position === null ? null : lastWholeLedger(position) + 1;
}

function checkReceiver(
  entries: Entries,
  config: StellarContractConfig,
  assets: RailAssets,
): readonly RailProblem[] {
  const deploy =
    "Deploy one with `vend402 deploy stellar` and configure the contract id it prints.";
  const instance = entries.get(instanceKey(config.receiverContractId));
  const receiver = receiverOf(instance);
  if (receiver === null) {
    return [fatal(`the receiver ${config.receiverContractId} is not on this network`, deploy)];
  }
  const expected = expectedAddresses(config.treasury.address, assets);
  const problems = differences(receiver, config.receiverWasmSha256, expected).map((difference) =>
    fatal(`the receiver is another one than configured: ${difference}`, deploy),
  );
  const code = entries.get(codeKey(config.receiverWasmSha256));
  if (code === null) {
    problems.push(fatal("the receiver's code is not on this network", deploy));
    return problems;
  }
  const end = Math.min(instance?.liveUntilLedger ?? Infinity, code.liveUntilLedger ?? Infinity);
  const left = end - entries.height;
  if (left < 0) {
    const fix = "Let the keeper run: it restores the contract. Payments restore it too.";
    problems.push(warning("the receiver is archived since its time to live ran out", fix));
  } else if (left < config.tuning.ttlLowLedgers) {
    const fix = "Let the keeper run (and fund it): it extends the time to live.";
    problems.push(warning(`the receiver is archived in ${left} ledgers unless extended`, fix));
  }
  return problems;
}

function checkAssets(entries: Entries, assets: RailAssets): readonly RailProblem[] {
  return [assets.usdc, assets.xlm]
    .filter(({ contractId }) => entries.get(instanceKey(contractId)) === null)
    .map(({ asset, contractId }) =>
      fatal(
        `the asset contract of ${asset.symbol} (${contractId}) is not on this network`,
        "Check the USDC issuer; on a local chain deploy the asset contract first.",
      ),
    );
}

function checkTreasury(
  entries: Entries,
  config: StellarContractConfig,
  assets: RailAssets,
): readonly RailProblem[] {
  const { address, secret } = config.treasury;
  const account = accountOf(entries.get(accountKey(address)));
  if (account === null) {
    return [
      fatal(`the treasury ${address} does not exist`, "Create it by sending it at least 5 XLM."),
    ];
  }
  const problems: RailProblem[] = [];
  if (account.weightOf(Keypair.fromSecret(secret).publicKey()) < account.paymentThreshold) {
    const fix = "Configure a secret of the treasury whose weight reaches its medium threshold.";
    problems.push(fatal("the configured key cannot sign payments of the treasury", fix));
  }
  const line = trustlineOf(entries.get(trustlineKey(address, assets.usdc.stellar)));
  if (line?.isAuthorized !== true && address !== config.usdc.issuer) {
    const fix = `Let the treasury trust ${config.usdc.code}:${config.usdc.issuer} (and the issuer authorise it).`;
    problems.push(fatal("the treasury cannot hold USDC", fix));
  }
  if (account.spendable < LOW_XLM_STROOPS) problems.push(lowOn("the treasury", account.spendable));
  return problems;
}

function checkHelpers(entries: Entries, config: StellarContractConfig): readonly RailProblem[] {
  return helpers(config).flatMap(({ name, address }) => {
    const account = accountOf(entries.get(accountKey(address)));
    if (account === null) {
      return [
        fatal(`${name} ${address} does not exist`, "Create it by sending it at least 5 XLM."),
      ];
    }
    return account.spendable < LOW_XLM_STROOPS
      ? [lowOn(`${name} ${address}`, account.spendable)]
      : [];
  });
}

function helpers(config: StellarContractConfig): { name: string; address: string }[] {
  const of = (name: string, secret: string): { name: string; address: string } => ({
    name,
    address: Keypair.fromSecret(secret).publicKey(),
  });
  return [
    of("the keeper", config.keeperSecret),
    ...config.channelSecrets.map((secret) => of("the channel account", secret)),
  ];
}

function lowOn(who: string, stroops: bigint): RailProblem {
  return warning(
    `${who} has ${formatDecimal(stroops, 7, 2)} XLM left for fees`,
    "Send it some XLM.",
  );
}
