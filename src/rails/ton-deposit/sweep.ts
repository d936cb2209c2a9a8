import type { Address } from "@ton/core";
import type { TonChain } from "../../chains/ton/chain.ts";
import { type Forwarder, sweepMessage } from "../../chains/ton/forwarder.ts";
import { HIGHLOAD_TIMEOUT_S } from "../../chains/ton/highload.ts";
import { readJettonWallet } from "../../chains/ton/jettons.ts";
import type { Keeper } from "../../chains/ton/keeper.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import type { Clock } from "../../clock.ts";
import { formatDecimal } from "../../money.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { Watch } from "./deposits.ts";

export type Extent = "worthwhile" | "everything";

export interface Sweeper {
  sweep(signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>>;
}

export interface SweepDeps {
  readonly chain: TonChain;
  readonly config: TonConfig;
  readonly clock: Clock;
  readonly keeper: Keeper;
  readonly forwarderOf: (orderId: string) => Forwarder;
  readonly walletOf: (orderId: string) => Promise<Outcome<Address>>;
  readonly watch: Pick<Watch, "paid" | "noteEmpty">;
}

/** What lies at an order's address. */
interface Holding {
  readonly orderId: string;
  readonly wallet: Address;
  readonly atomic: bigint;
  /** False: the jetton's issuer has locked it. */
  readonly isFree: boolean;
}

/** Goes along with each sweep; measured: 0.017 are used, the rest comes back. */
const SWEEP_NANO = 50_000_000n;
const SWEEPS_PER_MESSAGE = 10;
/** A sweep costs about five cents. What is configured is a stable coin. */
const WORTHWHILE_CENTS = 50n;
/** How long a sweep is waited for. */
const LANDING_MS = 60_000;

/**
 * Empties deposit addresses into the treasury. Anybody may do so, so it needs no trust: repeated or done by two at
 * once it moves the same money to the same place.
 */
export function openSweeper(deps: SweepDeps): Sweeper {
  /** Orders whose sweep was sent and not seen to land: until when it may, by our clock. */
  const underWay = new Map<string, number>();

  const work = async (signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>> => {
    const found = await findHoldings(deps, signal);
    if (found.kind !== "done") return found;
    const nowMs = deps.clock.now();
    const isDue = ({ orderId, atomic }: Holding): boolean =>
      (underWay.get(orderId) ?? 0) <= nowMs && (extent === "everything" || isWorthIt(deps, atomic));
    const holdings = found.value.filter(isDue);
    const free = holdings.filter(({ isFree }) => isFree);
    const lines: string[] = [];
    for (let at = 0; at < free.length; at += SWEEPS_PER_MESSAGE) {
      const some = free.slice(at, at + SWEEPS_PER_MESSAGE);
      for (const { orderId } of some) underWay.set(orderId, nowMs + 2_000 * HIGHLOAD_TIMEOUT_S);
      const swept = await sweepSome(deps, some, signal);
      if (swept.kind === "failed") for (const { orderId } of some) underWay.delete(orderId);
      if (swept.kind !== "done") return swept;
      for (const { orderId } of swept.value.landed) underWay.delete(orderId);
      lines.push(lineOf(deps, swept.value));
    }
    const locked = holdings.length - free.length;
    if (locked > 0) lines.push(`${locked} addresses are locked by the jetton's issuer`);
    return done(lines.length === 0 ? null : lines.join("; "));
  };
  // One after the other, so that nothing is swept twice at a time.
  let last: Promise<unknown> = Promise.resolve();
  return {
    sweep(signal, extent) {
      const swept = last.then(() => work(signal, extent));
      last = swept.catch(() => null);
      return swept;
    },
  };
}

function isWorthIt({ config }: SweepDeps, atomic: bigint): boolean {
  return atomic * 100n >= WORTHWHILE_CENTS * 10n ** BigInt(config.asset.decimals);
}

async function findHoldings(
  { chain, walletOf, watch }: SweepDeps,
  signal: AbortSignal,
): Promise<Outcome<readonly Holding[]>> {
  const holdings: Holding[] = [];
  for (const [orderId, lt] of watch.paid()) {
    if (signal.aborted) return failed("told to stop", "retry");
    const wallet = await walletOf(orderId);
    if (wallet.kind !== "done") return wallet;
    const state = await readJettonWallet(chain, wallet.value);
    if (state.kind !== "done") return state;
    const { atomic, canSend: isFree } = state.value;
    if (atomic === 0n) watch.noteEmpty(orderId, lt);
    else holdings.push({ orderId, wallet: wallet.value, atomic, isFree });
  }
  return done(holdings);
}

interface Swept {
  readonly messageHash: string;
  readonly landed: readonly Holding[];
  readonly missing: number;
}

/** One message to the keeper's wallet, and what came of it. */
async function sweepSome(
  deps: SweepDeps,
  holdings: readonly Holding[],
  signal: AbortSignal,
): Promise<Outcome<Swept>> {
  const { chain, config, clock, keeper, forwarderOf } = deps;
  const messages = holdings.map(({ orderId, wallet: jettonWallet, atomic }) =>
    sweepMessage(forwarderOf(orderId), { jettonWallet, atomic, valueNano: SWEEP_NANO }),
  );
  const sent = await keeper.send(messages);
  if (sent.kind !== "done") return sent;
  const landed = new Set<Holding>();
  const untilMs = clock.now() + LANDING_MS;
  while (!signal.aborted) {
    for (const holding of holdings) {
      if (landed.has(holding)) continue;
      const state = await readJettonWallet(chain, holding.wallet);
      if (state.kind === "done" && state.value.atomic < holding.atomic) landed.add(holding);
    }
    if (landed.size === holdings.length || clock.now() >= untilMs) break;
    await clock.sleep(config.tuning.pollMs, signal);
  }
  const missing = holdings.length - landed.size;
  return done({ messageHash: sent.value, landed: [...landed], missing });
}

function lineOf({ config }: SweepDeps, { messageHash, landed, missing }: Swept): string {
  const { symbol, decimals } = config.asset;
  const total = landed.reduce((sum, { atomic }) => sum + atomic, 0n);
  const late = missing === 0 ? "" : `; ${missing} have not landed yet`;
  const what = `sweep of ${formatDecimal(total, decimals, 2)} ${symbol} from ${landed.length} addresses`;
  return `${what} in ${messageHash}${late}`;
}
