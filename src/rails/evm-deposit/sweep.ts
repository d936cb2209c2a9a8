import { type Address, encodeFunctionData, erc20Abi, type Hex, keccak256 } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { EvmClient } from "../../chains/evm/client.ts";
import {
  type DepositContracts,
  depositAddress,
  depositId,
  FACTORY_ABI,
} from "../../chains/evm/deposit-contracts.ts";
import { type Bid, bidFor, higherOf, raised, readMarket } from "../../chains/evm/fees.ts";
import type { Token } from "../../chains/evm/networks.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import { submitRaw } from "../../chains/evm/submit.ts";
import type { Clock } from "../../clock.ts";
import { formatDecimal } from "../../money.ts";
import { done, failed, type Outcome } from "../../outcome.ts";

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
  /** Whose addresses may hold something. */
  readonly orders: () => readonly string[];
}

/** What one order's address holds of one token. */
interface Holding {
  readonly id: Hex;
  readonly address: Address;
  readonly token: Token;
  readonly atomic: bigint;
}

/** Has been on every chain that is known, at this address. */
const MULTICALL: Address = "0xcA11bde05977b3631167028862bE2a173976CA11";
const BALANCES_PER_CALL = 200;
const FLUSHES_PER_TRANSACTION = 50;
/** How long a transaction of the keeper is waited for. */
const LANDING_MS = 120_000;

/**
 * Empties deposit addresses into the treasury. Anybody may do so, so it needs no trust: repeated or done by two at
 * once it moves the same money to the same place.
 */
export function openSweeper(deps: SweepDeps): Sweeper {
  const keeper = openKeeper(deps);
  const work = async (signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>> => {
    const found = await findHoldings(deps, signal);
    if (found.kind !== "done") return found;
    const lines: string[] = [];
    for (const token of deps.config.tokens) {
      const all = found.value.filter((holding) => holding.token === token);
      const holdings = extent === "everything" ? all : all.filter((one) => isWorthIt(deps, one));
      for (let at = 0; at < holdings.length; at += FLUSHES_PER_TRANSACTION) {
        const flushed = await flush(keeper, {
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
  { client, config, contracts, orders }: SweepDeps,
  signal: AbortSignal,
): Promise<Outcome<readonly Holding[]>> {
  const places = orders().flatMap((orderId) =>
    config.tokens.map((token) => ({
      token,
      id: depositId(orderId),
      address: depositAddress(contracts, orderId),
    })),
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
  return done(holdings);
}

interface FlushWork {
  readonly token: Token;
  readonly holdings: readonly Holding[];
  readonly signal: AbortSignal;
}

/** One transaction; an address that the token has frozen is left out of it. Null when nothing is left. */
async function flush(
  keeper: Keeper,
  { token, holdings, signal }: FlushWork,
): Promise<Outcome<string | null>> {
  let free = holdings;
  let gas = await keeper.estimate(flushCall(token, free));
  if (gas.kind === "failed" && !gas.retryable) {
    const tried = await Promise.all(
      holdings.map(async (one) => (await keeper.estimate(flushCall(token, [one]))).kind === "done"),
    );
    free = holdings.filter((_, i) => tried[i] === true);
    if (free.length === 0) return done(null);
    gas = await keeper.estimate(flushCall(token, free));
  }
  if (gas.kind !== "done") return failed(`flush: ${gas.reason}`, "retry");
  const sent = await keeper.send(flushCall(token, free), gas.value, signal);
  if (sent.kind !== "done") return sent;
  const { symbol, decimals } = token.asset;
  const sum = formatDecimal(
    free.reduce((total, { atomic }) => total + atomic, 0n),
    decimals,
    2,
  );
  const left = holdings.length - free.length;
  const frozen = left === 0 ? "" : `; ${left} could not be emptied`;
  return done(`flush of ${sum} ${symbol} from ${free.length} addresses in ${sent.value}${frozen}`);
}

function flushCall({ address }: Token, holdings: readonly Holding[]): Hex {
  const ids = holdings.map(({ id }) => id);
  return encodeFunctionData({
    abi: FACTORY_ABI,
    functionName: "flushMany",
    args: [ids, address],
  });
}

interface Keeper {
  /** The gas of a call of the factory; `failed` for good when the factory turns it down. */
  estimate(data: Hex): Promise<Outcome<bigint>>;
  /** Sends it and waits until it has landed; the transaction's id. */
  send(data: Hex, gas: bigint, signal: AbortSignal): Promise<Outcome<string>>;
}

function openKeeper({ client, config, contracts, clock, keeperKey }: SweepDeps): Keeper {
  const account = privateKeyToAccount(keeperKey);
  const to = contracts.factory.address;
  let last: (Bid & { readonly nonce: number }) | null = null;

  /** Higher than the bid before, if that one still holds the nonce. */
  const nextBid = (market: Parameters<typeof bidFor>[0], nonce: number): Bid | null => {
    const fair = bidFor(market, config.maxFeeWei);
    if (fair === null || last?.nonce !== nonce) return fair;
    const bid = higherOf(raised(last), fair);
    return bid.maxFeeWei > config.maxFeeWei ? null : bid;
  };

  const landed = async (txId: Hex, signal: AbortSignal): Promise<Outcome<string>> => {
    const untilMs = clock.now() + LANDING_MS;
    while (clock.now() < untilMs && !signal.aborted) {
      const receipt = await client.read((server) =>
        server.request({ method: "eth_getTransactionReceipt", params: [txId] }),
      );
      if (receipt.kind === "done" && receipt.value !== null) {
        if (receipt.value.status === "0x1") return done(txId);
        return failed(`flush ${txId} was reverted`, "retry");
      }
      await clock.sleep(Math.min(config.tuning.pollMaxMs, 500), signal);
    }
    return failed(`flush ${txId} has not landed yet`, "retry");
  };

  return {
    async estimate(data) {
      const call = { from: account.address, to, data };
      const gas = await client.read((server) =>
        server.request({ method: "eth_estimateGas", params: [call] }),
      );
      return gas.kind === "done" ? done((BigInt(gas.value) * 13n) / 10n) : gas;
    },
    async send(data, gas, signal) {
      const read = await client.read((server) =>
        Promise.all([
          readMarket(server, config.network),
          server.getTransactionCount({ address: account.address, blockTag: "latest" }),
        ]),
      );
      if (read.kind !== "done") return read;
      const [market, nonce] = read.value;
      const bid = nextBid(market, nonce);
      if (bid === null) return failed("gas costs more than MAX_FEE_GWEI", "retry");
      last = { ...bid, nonce };
      const raw = await account.signTransaction({
        type: "eip1559",
        chainId: config.chainId,
        to,
        data,
        nonce,
        gas,
        maxFeePerGas: bid.maxFeeWei,
        maxPriorityFeePerGas: bid.tipWei,
      });
      const sent = await submitRaw(client, raw);
      if (sent.kind === "failed") return failed(`flush: ${sent.reason}`, "retry");
      return landed(keccak256(raw), signal);
    },
  };
}
