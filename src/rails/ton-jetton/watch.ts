import type { Address } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { Clock } from "../../clock.ts";
import type { Deposit, DepositPage, DepositsRead, HistoryGap, Unreadable } from "../rail.ts";
import { type Link, NO_LINK, type TonChain } from "./chain.ts";
import { isSameLink, parseCursor, START, writeCursor } from "./cursor.ts";
import { type Linked, readStretch } from "./history.ts";
import type { TonConfig } from "./settings.ts";
import { type Credit, readCredit } from "./transfers.ts";

export interface Watch {
  read(cursor: string | null): Promise<DepositsRead>;
  waitForNews(signal: AbortSignal): Promise<void>;
}

export interface WatchOptions {
  readonly chain: TonChain;
  readonly config: TonConfig;
  readonly clock: Clock;
  /** Our own jetton wallet: the one account that is read. */
  readonly account: () => Promise<Outcome<Address>>;
  /** `Deposit.authorizationRef`, undefined for a plain transfer. */
  readonly refOf: (credit: Credit, from: string) => Promise<Outcome<string | undefined>>;
}

/** What is known between the stored cursor and the account's state when it was last asked for. */
interface Walk {
  /** The upper ends of stretches that wait to be read again, the newest first. */
  readonly tops: Link[];
  /** Transactions right above the cursor, oldest first. */
  pending: readonly Linked[];
  readonly headTimeMs: number;
}

const NOTHING_KNOWN: Walk = { tops: [], pending: [], headTimeMs: 0 };

/**
 * Reads our jetton wallet's account. Chains of hashes lead backwards only, so new history is first walked from its
 * end down to the cursor, which proves that nothing is missing, and then handed out from the cursor upwards. Only
 * where the stretches begin is kept meanwhile.
 */
export function openWatch(options: WatchOptions): Watch {
  const { config, clock } = options;
  let walk = NOTHING_KNOWN;

  const read = async (cursor: string | null): Promise<DepositsRead> => {
    const position = cursor === null ? START : parseCursor(cursor);
    if (position === null) return failed("the stored cursor is of another rail", "final");
    const account = await options.account();
    if (account.kind !== "done") return account;
    const { link } = position;
    if (!(await goOn(options, { walk, account: account.value, link }))) {
      const fresh = await walkDown(options, account.value, link);
      walk = fresh.kind === "done" ? fresh.value : NOTHING_KNOWN;
      if (fresh.kind !== "done") return fresh;
    }
    return nextPage(options, walk, link);
  };

  return {
    read,
    waitForNews: (signal) => clock.sleep(config.tuning.pollMs, signal),
  };
}

interface Reading {
  readonly walk: Walk;
  readonly account: Address;
  readonly link: Link;
}

/** Whether the walk still leads on from the cursor; reads its next stretch if it has to. */
async function goOn(options: WatchOptions, { walk, account, link }: Reading): Promise<boolean> {
  const [next] = walk.pending;
  if (next !== undefined) return isBase(next.before, link, options.config.startLt);
  const top = walk.tops.at(-1);
  if (top === undefined) return false;
  const { transactionsPerCall: limit } = options.config.tuning;
  const stretch = await readStretch(options.chain, account, top, limit);
  if (stretch.kind !== "done") return false;
  const end = stretch.value.findIndex(({ before }) => isBase(before, link, options.config.startLt));
  if (end < 0) return false;
  walk.tops.pop();
  walk.pending = stretch.value.slice(0, end + 1).toReversed();
  return true;
}

/** Where reading ends: at the cursor, or on a cold start before the first transaction that counts. */
function isBase(before: Link, link: Link, startLt: bigint): boolean {
  if (link.lt !== NO_LINK.lt) return isSameLink(before, link);
  return before.lt === NO_LINK.lt || before.lt < startLt;
}

async function walkDown(
  { chain, config }: WatchOptions,
  account: Address,
  link: Link,
): Promise<Outcome<Walk> | HistoryGap> {
  const state = await chain.state(account);
  if (state.kind !== "done") return state;
  const { head, chainTimeMs: headTimeMs } = state.value;
  if (isSameLink(head, link) || head.lt < config.startLt)
    return done({ tops: [], pending: [], headTimeMs });
  if (head.lt < link.lt) return failed("the server is behind what was read before", "retry");
  if (head.lt === link.lt) return gapAt(link, head, "the account's history is another one");
  return walkFrom({ chain, config }, account, { head, link, headTimeMs });
}

async function walkFrom(
  { chain, config }: Pick<WatchOptions, "chain" | "config">,
  account: Address,
  way: { readonly head: Link; readonly link: Link; readonly headTimeMs: number },
): Promise<Outcome<Walk> | HistoryGap> {
  const { head, link, headTimeMs } = way;
  const { transactionsPerCall: limit } = config.tuning;
  const tops: Link[] = [];
  let top = head;
  for (;;) {
    const stretch = await readStretch(chain, account, top, limit);
    if (stretch.kind === "missing") return gapAt(link, top, stretch.reason);
    if (stretch.kind !== "done") return stretch;
    const end = stretch.value.findIndex(({ before }) => isBase(before, link, config.startLt));
    if (end >= 0) {
      const pending = stretch.value.slice(0, end + 1).toReversed();
      return done({ tops, pending, headTimeMs });
    }
    const lowest = stretch.value.at(-1)?.before ?? NO_LINK;
    if (lowest.lt <= link.lt)
      return gapAt(link, top, "the account's history does not lead to what was read before");
    tops.push(top);
    top = lowest;
  }
}

/** @param oldest The oldest transaction that the servers know of, if not what is in it. */
function gapAt(link: Link, oldest: Link, reason: string): HistoryGap {
  return {
    kind: "gap",
    reason,
    firstMissingHeight: Number(link.lt) + 1,
    oldestAvailableHeight: Number(oldest.lt) + 1,
  };
}

/** Takes transactions off the walk until the page is full, and looks up who signed them. */
async function nextPage(
  options: WatchOptions,
  walk: Walk,
  link: Link,
): Promise<Outcome<DepositPage>> {
  const deposits: Deposit[] = [];
  const unreadable: Unreadable[] = [];
  let last: Linked | null = null;
  let taken = 0;
  for (const linked of walk.pending) {
    const entry = readEntry(linked);
    const isFull = deposits.length + unreadable.length >= options.config.tuning.pageLimit;
    if (isFull && entry.kind !== "none") break;
    if (entry.kind === "unreadable") unreadable.push(entry.unreadable);
    if (entry.kind === "credit") {
      const deposit = await depositOf(options, linked, entry);
      if (deposit.kind !== "done") return deposit;
      deposits.push(deposit.value);
    }
    last = linked;
    taken++;
  }
  walk.pending = walk.pending.slice(taken);
  const isCaughtUp = walk.pending.length === 0 && walk.tops.length === 0;
  const end = last?.link ?? link;
  const chainTimeMs = isCaughtUp || last === null ? walk.headTimeMs : timeOf(last);
  const height = Number(end.lt);
  const cursor = writeCursor(end, chainTimeMs);
  return done({ deposits, unreadable, cursor, height, chainTimeMs, isCaughtUp });
}

type Entry =
  | { readonly kind: "none" }
  | { readonly kind: "unreadable"; readonly unreadable: Unreadable }
  | { readonly kind: "credit"; readonly credit: Credit; readonly from: string };

const MAX_RAW_CHARACTERS = 2_000;

function readEntry({ link, transaction }: Linked): Entry {
  const read = readCredit(transaction);
  if (read.kind === "none") return read;
  if (read.kind === "credit") {
    const { credit } = read;
    // Costs its sender nothing but gas, and pays for nothing.
    if (credit.atomic === 0n) return { kind: "none" };
    if (credit.from !== null) return { kind: "credit", credit, from: credit.from };
  }
  const reason = read.kind === "odd" ? read.reason : "the minter made it: nobody has paid";
  const raw = transaction.raw.toBoc().toString("base64").slice(0, MAX_RAW_CHARACTERS);
  const unreadable = { txId: link.hash, index: 0, height: Number(link.lt), reason, raw };
  return { kind: "unreadable", unreadable };
}

async function depositOf(
  { config, refOf }: WatchOptions,
  linked: Linked,
  { credit, from }: Extract<Entry, { kind: "credit" }>,
): Promise<Outcome<Deposit>> {
  const ref = await refOf(credit, from);
  if (ref.kind !== "done") return ref;
  return done({
    txId: linked.link.hash,
    index: 0,
    orderRef: credit.orderRef,
    ...(ref.value !== undefined && { authorizationRef: ref.value }),
    from,
    isPayerSafe: !config.exchanges.has(from),
    amount: { asset: config.asset, atomic: credit.atomic },
    height: Number(linked.link.lt),
    chainTimeMs: timeOf(linked),
    // A server shows what a masterchain block holds, and that is never taken back.
    isFinal: true,
  });
}

function timeOf({ transaction }: Linked): number {
  return transaction.now * 1_000;
}
