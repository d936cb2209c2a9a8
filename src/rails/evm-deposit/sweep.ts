import { type Address, encodeFunctionData, erc20Abi, type Hex } from "viem";
import type { EvmClient } from "../../chains/evm/client.ts";
import {
  type DepositContracts,
  depositId,
  FACTORY_ABI,
} from "../../chains/evm/deposit-contracts.ts";
import { type Keeper, type KeeperCall, openKeeper } from "../../chains/evm/keeper.ts";
import type { Token } from "../../chains/evm/networks.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { Clock } from "../../clock.ts";
import { formatDecimal } from "../../money.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { Watch } from "./deposits.ts";

export type Extent = "worthwhile" | "everything";

export interface Sweeper {
  sweep(signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>>;
}

export interface SweepDeps {
  readonly client: EvmClient;
  readonly config: EvmConfig;
  readonly contracts: DepositContracts;
  readonly clock: Clock;
  readonly keeperKey: Hex;
  readonly watch: Pick<Watch, "orders" | "addressOf" | "noteEmpty">;
}

/** What one order's address holds of one token. */
interface Holding {
  readonly orderId: string;
  readonly address: Address;
  readonly token: Token;
  readonly atomic: bigint;
}

/** Multicall3, which is at this address on every chain that is known. */
export const MULTICALL: Address = "0xcA11bde05977b3631167028862bE2a173976CA11";
const BALANCES_PER_CALL = 200;
const FLUSHES_PER_TRANSACTION = 50;

/**
 * Empties deposit addresses into the treasury. Anybody may do so, so it needs no trust: repeated or done by two at
 * once it moves the same money to the same place.
 */
export function openSweeper(deps: SweepDeps): Sweeper {
  const keeper = openKeeper(deps, deps.keeperKey, deps.clock);
  const work = async (signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>> => {
    const found = await findHoldings(deps, signal);
    if (found.kind !== "done") return found;
    const lines: string[] = [];
    for (const token of deps.config.tokens) {
      const all = found.value.filter((holding) => holding.token === token);
      const holdings = extent === "everything" ? all : all.filter((one) => isWorthIt(deps, one));
      for (let at = 0; at < holdings.length; at += FLUSHES_PER_TRANSACTION) {
        const flushed = await flush(deps, keeper, {
          token,
          holdings: holdings.slice(at, at + FLUSHES_PER_TRANSACTION),
          signal,
        });
        if (flushed.kind !== "done") return flushed;
        if (flushed.value !== null) lines.push(flushed.value);
      }
    }
    return done(lines.length === 0 ? null : lines.join("; "));
  };
  // One after the other: they share the keeper's nonce.
  let last: Promise<unknown> = Promise.resolve();
  return {
    sweep(signal, extent) {
      const swept = last.then(() => work(signal, extent));
      last = swept.catch(() => null);
      return swept;
    },
  };
}

/** Tokens count as dollars here: what is configured are stable coins. */
function isWorthIt({ config }: SweepDeps, { token, atomic }: Holding): boolean {
  const cent = 10n ** BigInt(token.asset.decimals) / 100n;
  return atomic >= BigInt(config.network.flushCents) * cent;
}

async function findHoldings(
  { client, config, watch }: SweepDeps,
  signal: AbortSignal,
): Promise<Outcome<readonly Holding[]>> {
  const orders = watch.orders();
  const places = orders.flatMap((orderId) =>
    config.tokens.map((token) => ({ token, orderId, address: watch.addressOf(orderId) })),
  );
  const holdings: Holding[] = [];
  for (let at = 0; at < places.length; at += BALANCES_PER_CALL) {
    const some = places.slice(at, at + BALANCES_PER_CALL);
    const balances = await client.read(
      (server) =>
        server.multicall({
          multicallAddress: MULTICALL,
          allowFailure: false,
          contracts: some.map(({ token, address }) => ({
            address: token.address,
            abi: erc20Abi,
            functionName: "balanceOf" as const,
            args: [address] as const,
          })),
        }),
      signal,
    );
    if (balances.kind !== "done") return failed(balances.reason, "retry");
    for (const [i, place] of some.entries()) {
      const atomic = balances.value[i] ?? 0n;
      if (atomic > 0n) holdings.push({ ...place, atomic });
    }
  }
  const full = new Set(holdings.map(({ orderId }) => orderId));
  for (const orderId of orders) if (!full.has(orderId)) watch.noteEmpty(orderId);
  return done(holdings);
}

interface FlushWork {
  readonly token: Token;
  readonly holdings: readonly Holding[];
  readonly signal: AbortSignal;
}

/** One transaction; an address that the token has frozen is left out of it. Null when nothing is left. */
async function flush(
  { contracts }: SweepDeps,
  keeper: Keeper,
  { token, holdings, signal }: FlushWork,
): Promise<Outcome<string | null>> {
  const callFor = (some: readonly Holding[]): KeeperCall => flushCall(contracts, token, some);
  let free = holdings;
  let gas = await keeper.estimate(callFor(free));
  if (gas.kind === "failed" && !gas.retryable) {
    const tried = await Promise.all(
      holdings.map(async (one) => (await keeper.estimate(callFor([one]))).kind === "done"),
    );
    free = holdings.filter((_, i) => tried[i] === true);
    if (free.length === 0) return done(null);
    gas = await keeper.estimate(callFor(free));
  }
  if (gas.kind !== "done") return failed(`flush: ${gas.reason}`, "retry");
  const sent = await keeper.send(callFor(free), gas.value, signal);
  if (sent.kind !== "done") return failed(`flush: ${sent.reason}`, "retry");
  const { symbol, decimals } = token.asset;
  const total = free.reduce((sum, { atomic }) => sum + atomic, 0n);
  const left = holdings.length - free.length;
  const frozen = left === 0 ? "" : `; ${left} could not be emptied`;
  const what = `flush of ${formatDecimal(total, decimals, 2)} ${symbol} from ${free.length} addresses`;
  return done(`${what} in ${sent.value.txId}${frozen}`);
}

function flushCall(
  { factory }: DepositContracts,
  { address }: Token,
  holdings: readonly Holding[],
): KeeperCall {
  const ids = holdings.map(({ orderId }) => depositId(orderId));
  const args = [ids, address] as const;
  const data = encodeFunctionData({ abi: FACTORY_ABI, functionName: "flushMany", args });
  return { to: factory.address, data };
}
