import type { Address } from "@ton/core";
import type { TonChain } from "../../chains/ton/chain.ts";
import { type Entry, readEntry } from "../../chains/ton/entry.ts";
import { type Linked, readStretch } from "../../chains/ton/history.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { HistoryGap } from "../rail.ts";

/** Something that came to an address. */
export interface Arrival {
  readonly lt: bigint;
  readonly txId: string;
  readonly chainTimeMs: number;
  readonly entry: Exclude<Entry, { kind: "none" }>;
}

/** What one look at an account tells. */
export interface Look {
  /** Logical time of its last transaction; 0n before the first. */
  readonly headLt: bigint;
  /** Chain time as of which that is so. */
  readonly chainTimeMs: number;
  /** Oldest first. */
  readonly arrivals: readonly Arrival[];
}

/**
 * What has come to a jetton wallet since the transaction at `afterLt`, 0n for all that ever came. Read from the
 * account's end down to there along its hashes, so that nothing in between can be left out.
 */
export async function lookAt(
  chain: TonChain,
  wallet: Address,
  way: { readonly afterLt: bigint; readonly transactionsPerCall: number },
): Promise<Outcome<Look> | HistoryGap> {
  const state = await chain.state(wallet);
  if (state.kind !== "done") return state;
  const { head, chainTimeMs } = state.value;
  const { afterLt, transactionsPerCall } = way;
  if (head.lt < afterLt) return failed("the server is behind what was read before", "retry");
  const arrivals: Arrival[] = [];
  for (let next = head; next.lt > afterLt;) {
    const stretch = await readStretch(chain, wallet, next, transactionsPerCall);
    if (stretch.kind === "missing") return gapAt(afterLt, next.lt, stretch.reason);
    if (stretch.kind !== "done") return stretch;
    for (const linked of stretch.value) {
      if (next.lt <= afterLt) break;
      arrivals.push(...arrivalIn(linked));
      next = linked.before;
    }
    if (next.lt < afterLt)
      return gapAt(afterLt, head.lt, "the address's history does not lead to what was read before");
  }
  return done({ headLt: head.lt, chainTimeMs, arrivals: arrivals.toReversed() });
}

function arrivalIn(linked: Linked): readonly Arrival[] {
  const entry = readEntry(linked);
  if (entry.kind === "none") return [];
  const { link, transaction } = linked;
  return [{ lt: link.lt, txId: link.hash, chainTimeMs: transaction.now * 1_000, entry }];
}

function gapAt(afterLt: bigint, oldestLt: bigint, reason: string): HistoryGap {
  return {
    kind: "gap",
    reason,
    firstMissingHeight: Number(afterLt) + 1,
    oldestAvailableHeight: Number(oldestLt) + 1,
  };
}
