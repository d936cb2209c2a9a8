import { erc20Abi } from "viem";
import { formatDecimal } from "../../money.ts";
import type { Endpoint, EvmClient } from "./client.ts";
import { parseCursor } from "./cursor.ts";
import { readMarket } from "./fees.ts";
import { readHeader, readTip } from "./finality.ts";
import type { Purse } from "./payout.ts";
import type { EvmConfig } from "./settings.ts";

/** One thing that is wrong: `RailProblem` of the rail port. */
export interface ChainProblem {
  readonly severity: "fatal" | "warning";
  readonly what: string;
  readonly fix: string;
}

export const fatal = (what: string, fix: string): ChainProblem => ({
  severity: "fatal",
  what,
  fix,
});
export const warning = (what: string, fix: string): ChainProblem => ({
  severity: "warning",
  what,
  fix,
});

/** Everything that must hold on a chain before money may arrive. `cursor`: the stored one, null on a cold start. */
export async function checkChain(
  purse: Purse,
  cursor: string | null,
): Promise<readonly ChainProblem[]> {
  const { client, config } = purse;
  const servers = await checkServers(client, config, cursor);
  if (servers.some(({ severity }) => severity === "fatal")) return servers;
  const tokens = await Promise.all(config.tokens.map((token) => checkToken(purse, token)));
  return [
    ...servers,
    ...tokens.flat(),
    ...(await checkGas(purse, "the treasury", config.treasury)),
  ];
}

async function checkServers(
  client: EvmClient,
  config: EvmConfig,
  cursor: string | null,
): Promise<readonly ChainProblem[]> {
  const known = cursor === null ? config.startBlock : (parseCursor(cursor)?.final.number ?? null);
  const words = await Promise.all(
    client.endpoints().map((endpoint) => checkServer(endpoint, config, known)),
  );
  const problems = words.flatMap(({ problem }) => problem ?? []);
  if (!words.some(({ isHealthy }) => isHealthy)) {
    const fix = `Set RPC to a server of chain ${config.chainId}.`;
    problems.push(fatal("no RPC server is healthy", fix));
  } else if (!words.some(({ hasHistory }) => hasHistory)) {
    const what = `payments are unread from block ${known}, which no server has`;
    const fix = "Add an RPC server that still has these blocks; nothing is skipped.";
    // A shop that has sold before must start all the same, so that what is owed goes on.
    problems.push(cursor === null ? fatal(what, fix) : warning(what, fix));
  }
  return problems;
}

interface ServerWord {
  readonly isHealthy: boolean;
  /** It has the block from which reading goes on. */
  readonly hasHistory: boolean;
  readonly problem: ChainProblem | null;
}

async function checkServer(
  endpoint: Endpoint,
  config: EvmConfig,
  known: number | null,
): Promise<ServerWord> {
  const state = await endpoint.ask(async (server) => {
    const tip = await readTip(server, config.finality);
    const isPast = known !== null && known <= tip.final.number;
    const header = isPast ? await readHeader(server, known) : null;
    return { final: tip.final.number, hasHistory: !isPast || header !== null };
  });
  if (state.kind === "foreign") {
    const fix = `Correct RPC: every server must be of chain ${config.chainId}.`;
    return { isHealthy: false, hasHistory: false, problem: fatal(state.reason, fix) };
  }
  if (state.kind !== "result") {
    const fix = "Repair or replace this RPC server; the others are used meanwhile.";
    return { isHealthy: false, hasHistory: false, problem: warning(state.reason, fix) };
  }
  const { final, hasHistory } = state.value;
  const counted = await endpoint.ask((server) =>
    server.getTransactionCount({ address: config.treasury, blockNumber: BigInt(final) }),
  );
  const what = `${endpoint.name} keeps no state of its final block: it cannot prove a lost refund dead`;
  const fix = "Use an RPC server that keeps old states for longer.";
  const problem = counted.kind === "error" ? warning(what, fix) : null;
  return { isHealthy: true, hasHistory, problem };
}

async function checkToken(
  { client }: Purse,
  { address, asset }: EvmConfig["tokens"][number],
): Promise<readonly ChainProblem[]> {
  const fix = "Correct ASSETS: address and decimals must be the token's own.";
  const decimals = await client.read((server) =>
    server.readContract({ address, abi: erc20Abi, functionName: "decimals" }),
  );
  if (decimals.kind !== "done")
    return [
      fatal(`${asset.symbol} at ${address} does not answer as a token: ${decimals.reason}`, fix),
    ];
  if (decimals.value === asset.decimals) return [];
  return [fatal(`${asset.symbol} has ${decimals.value} decimals, not ${asset.decimals}`, fix)];
}

/** Gas for so many token transfers at today's price is little. */
const LOW_TRANSFERS = 20n;
const TRANSFER_GAS = 65_000n;

/** Whether an account of ours can pay for what it sends. */
export async function checkGas(
  { client, config }: Purse,
  who: string,
  address: EvmConfig["treasury"],
): Promise<readonly ChainProblem[]> {
  const read = await client.read((server) =>
    Promise.all([
      readMarket(server, config.network),
      server.getBalance({ address, blockTag: "latest" }),
    ]),
  );
  const { coin } = config.network;
  if (read.kind !== "done")
    return [warning(`the gas of ${who} is not known: ${read.reason}`, "Check the RPC servers.")];
  const [{ head, tipWei }, heldWei] = read.value;
  if (heldWei >= (head.baseFeeWei + tipWei) * TRANSFER_GAS * LOW_TRANSFERS) return [];
  const what = `${who} ${address} has ${formatDecimal(heldWei, 18)} ${coin} left for gas`;
  return [warning(what, `Send it some ${coin}.`)];
}
