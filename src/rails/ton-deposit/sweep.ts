import type { Address } from "@ton/core";
import type { TonChain } from "../../chains/ton/chain.ts";
import { type Forwarder, sweepMessage } from "../../chains/ton/forwarder.ts";
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

/** Goes along with each sweep; measured: 0.0154 are used, the rest comes back. */
const SWEEP_NANO = 50_000_000n;
const SWEEPS_PER_MESSAGE = 10;
/** A sweep costs about five cents. What is configured is a stable coin. */
const WORTHWHILE_CENTS = 50n;
/** How long a sweep is waited for, and after how many looks it is sent again meanwhile. */
const LANDING_MS = 60_000;
const LOOKS_UNTIL_RESENT = 10;

/**
 * Empties deposit addresses into the treasury. Anybody may do so, so it needs no trust: repeated or done by two at
 * once it moves the same money to the same place.
 */
export function openSweeper(deps: SweepDeps): Sweeper {
  /** Chain time until which a sweep may still land that was sent and not seen, by its order. */
  const underWay = new Map<string, number>();

  const work = async (signal: AbortSignal, extent: Extent): Promise<Outcome<string | null>> => {
    const found = await findHoldings(deps, signal);
    if (found.kind !== "done") return found;
    const { holdings, chainTimeMs } = found.value;
    for (const [orderId, untilMs] of underWay) if (untilMs < chainTimeMs) underWay.delete(orderId);
    const due = holdings.filter(
      ({ orderId, atomic }) =>
        !underWay.has(orderId) && (extent === "everything" || isWorthIt(deps, atomic)),
    );
    const free = due.filter(({ isFree }) => isFree);
    const lines: string[] = [];
    for (let at = 0; at < free.length; at += SWEEPS_PER_MESSAGE) {
      const swept = await sweepSome(deps, free.slice(at, at + SWEEPS_PER_MESSAGE), signal);
      if (swept.kind !== "done") return swept;
      for (const { orderId } of swept.value.missing)
        underWay.set(orderId, swept.value.validUntilMs);
      lines.push(lineOf(deps, swept.value));
      // The next one would not land either, and a refund may be waiting for this to end.
      if (swept.value.missing.length > 0) break;
    }
    const locked = due.length - free.length;
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
): Promise<Outcome<{ readonly holdings: readonly Holding[]; readonly chainTimeMs: number }>> {
  const holdings: Holding[] = [];
  let chainTimeMs = 0;
  for (const [orderId, lt] of watch.paid()) {
    if (signal.aborted) return failed("told to stop", "retry");
    const wallet = await walletOf(orderId);
    if (wallet.kind !== "done") return wallet;
    const state = await readJettonWallet(chain, wallet.value);
    if (state.kind !== "done") return state;
    const { atomic, canSend: isFree } = state.value;
    chainTimeMs = Math.max(chainTimeMs, state.value.chainTimeMs);
    if (atomic === 0n) watch.noteEmpty(orderId, lt);
    else holdings.push({ orderId, wallet: wallet.value, atomic, isFree });
  }
  return done({ holdings, chainTimeMs });
}

interface Swept {
  readonly messageHash: string;
  readonly validUntilMs: number;
  readonly landed: readonly Holding[];
  readonly missing: readonly Holding[];
}

/** One message to the keeper's wallet, and what came of it. */
async function sweepSome(
  deps: SweepDeps,
  holdings: readonly Holding[],
  signal: AbortSignal,
): Promise<Outcome<Swept>> {
  const { config, clock, keeper, forwarderOf } = deps;
  const messages = holdings.map(({ orderId, wallet: jettonWallet, atomic }) =>
    sweepMessage(forwarderOf(orderId), { jettonWallet, atomic, valueNano: SWEEP_NANO }),
  );
  const signed = await keeper.sign(messages);
  if (signed.kind !== "done") return signed;
  const { messageHash, validUntilMs } = signed.value;
  const untilMs = clock.now() + LANDING_MS;
  let missing = holdings;
  for (let looks = 0; missing.length > 0 && clock.now() < untilMs && !signal.aborted; looks++) {
    // It may not have arrived, or may have been forgotten.
    if (looks % LOOKS_UNTIL_RESENT === 0) await signed.value.send();
    else await clock.sleep(config.tuning.pollMs, signal);
    missing = await unmoved(deps, missing);
  }
  const landed = holdings.filter((holding) => !missing.includes(holding));
  return done({ messageHash, validUntilMs, landed, missing });
}

async function unmoved(
  { chain }: SweepDeps,
  holdings: readonly Holding[],
): Promise<readonly Holding[]> {
  const states = await Promise.all(holdings.map(({ wallet }) => readJettonWallet(chain, wallet)));
  return holdings.filter(({ atomic }, i) => {
    const state = states[i];
    return state?.kind !== "done" || state.value.atomic >= atomic;
  });
}

function lineOf({ config }: SweepDeps, { messageHash, landed, missing }: Swept): string {
  const { symbol, decimals } = config.asset;
  const total = landed.reduce((sum, { atomic }) => sum + atomic, 0n);
  const late = missing.length === 0 ? "" : `; ${missing.length} have not landed yet`;
  const what = `sweep of ${formatDecimal(total, decimals, 2)} ${symbol} from ${landed.length} addresses`;
  return `${what} in ${messageHash}${late}`;
}
