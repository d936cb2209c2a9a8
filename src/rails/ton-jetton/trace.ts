import type { Address, Message, Transaction } from "@ton/core";
import { done, type Outcome } from "../../outcome.ts";
import { type AccountState, type Link, NO_LINK, type TonChain } from "./chain.ts";
import { type Linked, readStretch } from "./history.ts";

/** `missing`: no server keeps the history back to there. */
export type Search<Found> =
  | Outcome<Found | null>
  | { readonly kind: "missing"; readonly reason: string };

/** Pages of an account that is not ours: an exchange's may have millions of transactions. */
const MAX_PAGES = 20;
/** What is looked for happened a moment ago, as a rule. */
const FIRST_PAGE = 10;
const PAGE = 100;

export interface SearchOptions {
  readonly address: Address;
  /** Where to begin; absent: at the account's present state. */
  readonly head?: Link;
  /** Older transactions need not be looked at. */
  readonly isTooOld: (transaction: Transaction) => boolean;
}

/** The newest transaction of an account that `pick` takes; null when none does down to the bound. */
export async function searchBack<Found>(
  chain: TonChain,
  options: SearchOptions,
  pick: (linked: Linked) => Found | null,
): Promise<Search<Found>> {
  let next = options.head;
  if (next === undefined) {
    const state: Outcome<AccountState> = await chain.state(options.address);
    if (state.kind !== "done") return state;
    next = state.value.head;
  }
  for (let page = 0; page < MAX_PAGES; page++) {
    if (next.lt === NO_LINK.lt) return done(null);
    const limit = page === 0 ? FIRST_PAGE : PAGE;
    const stretch = await readStretch(chain, options.address, next, limit);
    if (stretch.kind !== "done") return stretch;
    for (const linked of stretch.value) {
      if (options.isTooOld(linked.transaction)) return done(null);
      const found = pick(linked);
      if (found !== null) return done(found);
      next = linked.before;
    }
  }
  return { kind: "missing", reason: "it lies too far back in a busy account" };
}

/** The transaction that took in a message, by the logical time of that message; null: not yet. */
export function findTaker(
  chain: TonChain,
  message: { readonly from: Address; readonly to: Address; readonly lt: bigint },
  bounced = false,
): Promise<Search<Transaction>> {
  const { from, to, lt } = message;
  return searchBack(chain, { address: to, isTooOld: (one) => one.lt < lt }, ({ transaction }) => {
    const info = transaction.inMessage?.info;
    if (info?.type !== "internal" || info.bounced !== bounced) return null;
    return info.createdLt === lt && info.src.equals(from) ? transaction : null;
  });
}

/** The transaction of `from` that sent a message with this logical time. */
export function findSender(
  chain: TonChain,
  from: Address,
  lt: bigint,
): Promise<Search<Transaction>> {
  // A message is younger than its transaction by as much as the transaction has messages.
  const isTooOld = (transaction: Transaction): boolean => transaction.lt + MAX_MESSAGES < lt;
  return searchBack(chain, { address: from, isTooOld }, ({ transaction }) =>
    sentMessages(transaction).some(({ info }) => "createdLt" in info && info.createdLt === lt)
      ? transaction
      : null,
  );
}

const MAX_MESSAGES = 1_024n;

export function sentMessages(transaction: Transaction): readonly Message[] {
  return transaction.outMessages.values();
}
