import type { Address } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { Clock } from "../../clock.ts";
import type { Deposit, DepositPage, DepositsRead, HistoryGap, Unreadable } from "../rail.ts";
import { type Link, NO_LINK, type TonChain } from "../../chains/ton/chain.ts";
import { isSameLink, parseCursor, START, writeCursor } from "../../chains/ton/cursor.ts";
import { type Linked, readStretch } from "../../chains/ton/history.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import { type Credit, readCredit } from "../../chains/ton/transfers.ts";

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

/** A transaction of the account, with what it means to us. */
interface Step {
  readonly link: Link;
  readonly before: Link;
  readonly timeMs: number;
  readonly entry: Entry;
}

/** Transactions that one answer of a server holds. */
interface Segment {
  /** The newest of them. */
  readonly top: Link;
  /** Oldest first; null: to be read again, since there were too many to keep. */
  steps: readonly Step[] | null;
}

/** What is known between the stored cursor and the account's state when it was last asked for. */
interface Walk {
  /** Newest first; the last one begins right above `pending`. */
  readonly segments: Segment[];
  /** Right above the cursor, oldest first. */
  pending: readonly Step[];
  readonly headTimeMs: number;
}

const NOTHING_KNOWN: Walk = { segments: [], pending: [], headTimeMs: 0 };

/**
 * Reads our jetton wallet's account. Chains of hashes lead backwards only, so new history is first walked from its
 * end down to the cursor, which proves that nothing is missing, and then handed out from the cursor upwards.
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

/** Whether the walk still leads on from the cursor; reads its next segment again if it has to. */
async function goOn(options: WatchOptions, { walk, account, link }: Reading): Promise<boolean> {
  const isNext = (step: Step | undefined): boolean =>
    step !== undefined && isBase(step.before, link, options.config.startLt);
  if (walk.pending.length > 0) return isNext(walk.pending[0]);
  const segment = walk.segments.at(-1);
  if (segment === undefined) return false;
  const steps = segment.steps ?? (await readSegment(options, { account, link }, segment.top));
  if (!isNext(steps[0])) return false;
  walk.segments.pop();
  walk.pending = steps;
  return true;
}

/** Down to the cursor and no further; empty when that is not reached. */
async function readSegment(
  { chain, config }: WatchOptions,
  { account, link }: Omit<Reading, "walk">,
  top: Link,
): Promise<readonly Step[]> {
  const stretch = await readStretch(chain, account, top, config.tuning.transactionsPerCall);
  if (stretch.kind !== "done") return [];
  const end = stretch.value.findIndex(({ before }) => isBase(before, link, config.startLt));
  return stepsOf(stretch.value.slice(0, end + 1));
}

function stepsOf(stretch: readonly Linked[]): readonly Step[] {
  return stretch.toReversed().map((linked): Step => {
    const { link, before, transaction } = linked;
    return { link, before, timeMs: transaction.now * 1_000, entry: readEntry(linked) };
  });
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
    return done({ segments: [], pending: [], headTimeMs });
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
  const { transactionsPerCall: limit, keptTransactions } = config.tuning;
  const segments: Segment[] = [];
  let top = head;
  for (;;) {
    const stretch = await readStretch(chain, account, top, limit);
    if (stretch.kind === "missing") return gapAt(link, top, stretch.reason);
    if (stretch.kind !== "done") return stretch;
    const end = stretch.value.findIndex(({ before }) => isBase(before, link, config.startLt));
    if (end >= 0)
      return done({ segments, pending: stepsOf(stretch.value.slice(0, end + 1)), headTimeMs });
    const lowest = stretch.value.at(-1)?.before ?? NO_LINK;
    if (lowest.lt <= link.lt)
      return gapAt(link, top, "the account's history does not lead to what was read before");
    keep(segments, { top, steps: stepsOf(stretch.value) }, keptTransactions / limit);
    top = lowest;
  }
}

/** The newest are wanted last, so that they are let go first. */
function keep(segments: Segment[], segment: Segment, most: number): void {
  segments.push(segment);
  const tooMany = segments[segments.length - 1 - Math.ceil(most)];
  if (tooMany !== undefined) tooMany.steps = null;
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
  let last: Step | null = null;
  let taken = 0;
  for (const step of walk.pending) {
    const { entry } = step;
    const isFull = deposits.length + unreadable.length >= options.config.tuning.pageLimit;
    if (isFull && entry.kind !== "none") break;
    if (entry.kind === "unreadable") unreadable.push(entry.unreadable);
    if (entry.kind === "credit") {
      const deposit = await depositOf(options, step, entry);
      if (deposit.kind !== "done") return deposit;
      deposits.push(deposit.value);
    }
    last = step;
    taken++;
  }
  walk.pending = walk.pending.slice(taken);
  const isCaughtUp = walk.pending.length === 0 && walk.segments.length === 0;
  const end = last?.link ?? link;
  const chainTimeMs = isCaughtUp || last === null ? walk.headTimeMs : last.timeMs;
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
  { link, timeMs }: Step,
  { credit, from }: Extract<Entry, { kind: "credit" }>,
): Promise<Outcome<Deposit>> {
  const ref = await refOf(credit, from);
  if (ref.kind !== "done") return ref;
  return done({
    txId: link.hash,
    index: 0,
    orderRef: credit.orderRef,
    ...(ref.value !== undefined && { authorizationRef: ref.value }),
    from,
    isPayerSafe: !config.exchanges.has(from),
    amount: { asset: config.asset, atomic: credit.atomic },
    height: Number(link.lt),
    chainTimeMs: timeMs,
    // A server shows what a masterchain block holds, and that is never taken back.
    isFinal: true,
  });
}
