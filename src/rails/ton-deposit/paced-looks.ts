import type { Address } from "@ton/core";
import type { TonChain } from "../../chains/ton/chain.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import type { Clock } from "../../clock.ts";
import { done, failed, type Failed, type Outcome } from "../../outcome.ts";
import type { HistoryGap } from "../rail.ts";
import { lookAt } from "./look.ts";
import type { Rounds, Watched } from "./rounds.ts";

/** Looks at addresses, never more often than the servers allow. */
export interface PacedLooks {
  /** How many addresses one call of `look` should be given, so that it does not take too long. */
  readonly perRound: number;
  /** Looks at each and notes it. `failed`: some could not be looked at; the others were. */
  look(
    rounds: Rounds,
    watched: readonly Watched[],
    signal: AbortSignal,
  ): Promise<Outcome<null> | HistoryGap>;
}

export interface PacedLooksOptions {
  readonly chain: TonChain;
  readonly config: TonConfig;
  readonly clock: Clock;
  readonly walletOf: (orderId: string) => Promise<Outcome<Address>>;
}

/** Questions that wait for their answers at a time. */
const AT_ONCE = 8;
const ROUND_S = 2;

export function openPacedLooks(options: PacedLooksOptions): PacedLooks {
  const { config, clock } = options;
  const { looksPerS } = config;
  let freeAtMs = 0;
  return {
    perRound: Math.max(1, looksPerS * ROUND_S),
    async look(rounds, watched, signal) {
      let failure: Failed | null = null;
      const size = Math.min(AT_ONCE, looksPerS);
      for (let at = 0; at < watched.length; at += size) {
        const some = watched.slice(at, at + size);
        await clock.sleep(Math.max(0, freeAtMs - clock.now()), signal);
        if (signal.aborted) return failed("told to stop", "retry");
        freeAtMs = clock.now() + (some.length * 1_000) / looksPerS;
        const looked = await Promise.all(some.map((one) => lookOnce(options, rounds, one)));
        for (const look of looked) {
          if (look.kind === "gap") return look;
          if (look.kind !== "done") failure = failed(look.reason, "retry");
        }
      }
      return failure ?? done(null);
    },
  };
}

async function lookOnce(
  { chain, config, clock, walletOf }: PacedLooksOptions,
  rounds: Rounds,
  watched: Watched,
): Promise<Outcome<null> | HistoryGap> {
  const wallet = await walletOf(watched.orderId);
  if (wallet.kind !== "done") return wallet;
  const { transactionsPerCall } = config.tuning;
  const look = await lookAt(chain, wallet.value, { afterLt: watched.readLt, transactionsPerCall });
  if (look.kind !== "done") return look;
  rounds.note(watched, look.value, clock.now());
  return done(null);
}
