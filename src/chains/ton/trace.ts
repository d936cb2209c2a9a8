import type { Address, Message, Transaction } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import { type Link, NO_LINK, type TonChain } from "./chain.ts";
import { isSameLink } from "./cursor.ts";
import { type Linked, readStretch } from "./history.ts";

/** `missing`: no server keeps the history back to there. */
export type Search<Found> =
  | Outcome<Found | null>
  | { readonly kind: "missing"; readonly reason: string };

/** Accounts of others are not followed for ever: an exchange's may have millions of transactions. */
const PAGES_OF_OTHERS = 20;
/** Ours are, within reason: a refund's fate hangs on it. */
export const PAGES_OF_OURS = 2_000;
/** What is looked for happened a moment ago, as a rule. */
const FIRST_PAGE = 10;
const PAGE = 100;

export interface SearchOptions {
  readonly address: Address;
  /** Where to begin; absent: at the account's present state. */
  readonly head?: Link;
  /** Older transactions need not be looked at. */
  readonly isTooOld: (transaction: Transaction) => boolean;
  /** Down to this transaction, it not included; older ones were seen before. */
  readonly base?: Link;
  readonly maxPages?: number;
}

/** The newest transaction of an account that `pick` takes; null when none does down to the bound. */
export async function searchBack<Found>(
  chain: TonChain,
  options: SearchOptions,
  pick: (linked: Linked) => Found | null,
): Promise<Search<Found>> {
  const { base = NO_LINK, maxPages = PAGES_OF_OTHERS } = options;
  const head = await headOf(chain, options);
  if (head.kind !== "done") return head;
  let next = head.value;
  for (let page = 0; page < maxPages; page++) {
    if (next.lt <= base.lt) return atBase(next, base);
    const limit = page === 0 ? FIRST_PAGE : PAGE;
    const stretch = await readStretch(chain, options.address, next, limit);
    if (stretch.kind !== "done") return stretch;
    for (const linked of stretch.value) {
      if (linked.link.lt <= base.lt) return atBase(linked.link, base);
      if (options.isTooOld(linked.transaction)) return done(null);
      const found = pick(linked);
      if (found !== null) return done(found);
      next = linked.before;
    }
  }
  return { kind: "missing", reason: "it lies too far back in a busy account" };
}

async function headOf(
  chain: TonChain,
  { address, head }: Pick<SearchOptions, "address" | "head">,
): Promise<Outcome<Link>> {
  if (head !== undefined) return done(head);
  const state = await chain.state(address);
  return state.kind === "done" ? done(state.value.head) : state;
}

/** Nothing was found down to a transaction that was seen before; unless the history is another one. */
function atBase(link: Link, base: Link): Outcome<null> {
  return isSameLink(link, base)
    ? done(null)
    : failed("the account's history does not lead to what was read before", "retry");
}

/** An internal message on its way. */
export interface Hop {
  readonly from: Address;
  readonly to: Address;
  readonly lt: bigint;
}

/** The transaction that took in a message; null: not yet. */
export function findTaker(
  chain: TonChain,
  { from, to, lt }: Hop,
  maxPages = PAGES_OF_OTHERS,
): Promise<Search<Transaction>> {
  const isTooOld = (transaction: Transaction): boolean => transaction.lt < lt;
  return searchBack(chain, { address: to, isTooOld, maxPages }, ({ transaction }) => {
    const info = transaction.inMessage?.info;
    if (info?.type !== "internal") return null;
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

/** The one internal message of a transaction to such an address; null: it sent none. */
export function hopTo(
  transaction: Transaction,
  isWanted: (message: Message) => boolean,
): Hop | null {
  for (const message of sentMessages(transaction)) {
    const { info } = message;
    if (info.type === "internal" && isWanted(message))
      return { from: info.src, to: info.dest, lt: info.createdLt };
  }
  return null;
}

function sentMessages(transaction: Transaction): readonly Message[] {
  return transaction.outMessages.values();
}
