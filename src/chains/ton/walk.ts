import type { Address } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { HistoryGap } from "../../rails/rail.ts";
import { type Link, NO_LINK, type TonChain } from "./chain.ts";
import { isSameLink } from "./cursor.ts";
import { type Linked, readStretch } from "./history.ts";

/** A transaction of the account, with what it means to who walks. */
export interface Step<Entry> {
  readonly link: Link;
  readonly before: Link;
  readonly timeMs: number;
  readonly entry: Entry;
}

/** What lies right above a link, as far as one look tells. */
export interface Reach<Entry> {
  /** Oldest first; the first one names the link as the transaction before it. */
  readonly steps: readonly Step<Entry>[];
  /** Nothing was known to come after them. */
  readonly isEnd: boolean;
  /** Chain time at which the account had this end; 0 before it was asked for. */
  readonly headTimeMs: number;
}

/** Reads the history of one account upwards. */
export interface Walk<Entry> {
  /** What comes after `link`; after `NO_LINK` the account's first transaction that counts. */
  next(account: Address, link: Link): Promise<Outcome<Reach<Entry>> | HistoryGap>;
}

export interface WalkOptions<Entry> {
  readonly chain: TonChain;
  /** Logical time of the first transaction that counts. */
  readonly startLt: bigint;
  /** Of one question. */
  readonly transactionsPerCall: number;
  /** The most that are kept in memory; what is more is read twice. */
  readonly keptTransactions: number;
  readonly read: (linked: Linked) => Entry;
}

/** Transactions that one answer of a server holds. */
interface Segment<Entry> {
  /** The newest of them. */
  readonly top: Link;
  /** Oldest first; null: to be read again, since there were too many to keep. */
  steps: readonly Step<Entry>[] | null;
}

/** What is known above the link, as of when the account was last asked for. */
interface Known<Entry> {
  /** Newest first; the last one begins right above `pending`. */
  readonly segments: Segment<Entry>[];
  /** Oldest first. */
  pending: readonly Step<Entry>[];
  readonly headTimeMs: number;
}

/**
 * Chains of hashes lead backwards only, so new history is first walked from its end down to the link, which proves
 * that nothing is missing, and then handed out from the link upwards.
 */
export function openWalk<Entry>(options: WalkOptions<Entry>): Walk<Entry> {
  let known: Known<Entry> = { segments: [], pending: [], headTimeMs: 0 };
  return {
    async next(account, link) {
      if (!(await goOn(options, { known, account, link }))) {
        const fresh = await walkDown(options, account, link);
        known = fresh.kind === "done" ? fresh.value : { segments: [], pending: [], headTimeMs: 0 };
        if (fresh.kind !== "done") return fresh;
      }
      const { pending: steps, segments, headTimeMs } = known;
      return done({ steps, isEnd: segments.length === 0, headTimeMs });
    },
  };
}

interface Reading<Entry> {
  readonly known: Known<Entry>;
  readonly account: Address;
  readonly link: Link;
}

/** Whether what is known leads on from the link; reads its next segment again if it has to. */
async function goOn<Entry>(
  options: WalkOptions<Entry>,
  { known, account, link }: Reading<Entry>,
): Promise<boolean> {
  const isNext = ({ before }: Step<Entry>): boolean => isBase(before, link, options.startLt);
  const at = known.pending.findIndex(isNext);
  if (at >= 0) {
    known.pending = known.pending.slice(at);
    return true;
  }
  const segment = known.segments.at(-1);
  if (segment === undefined) return false;
  const steps = segment.steps ?? (await readSegment(options, { account, link }, segment.top));
  if (steps[0] === undefined || !isNext(steps[0])) return false;
  known.segments.pop();
  known.pending = steps;
  return true;
}

/** Down to the link and no further; empty when that is not reached. */
async function readSegment<Entry>(
  options: WalkOptions<Entry>,
  { account, link }: Omit<Reading<Entry>, "known">,
  top: Link,
): Promise<readonly Step<Entry>[]> {
  const { chain, transactionsPerCall, startLt } = options;
  const stretch = await readStretch(chain, account, top, transactionsPerCall);
  if (stretch.kind !== "done") return [];
  const end = stretch.value.findIndex(({ before }) => isBase(before, link, startLt));
  return stepsOf(options, stretch.value.slice(0, end + 1));
}

function stepsOf<Entry>(
  { read }: WalkOptions<Entry>,
  stretch: readonly Linked[],
): readonly Step<Entry>[] {
  return stretch.toReversed().map((linked) => {
    const { link, before, transaction } = linked;
    return { link, before, timeMs: transaction.now * 1_000, entry: read(linked) };
  });
}

/** Where reading ends: at the link, or on a cold start before the first transaction that counts. */
function isBase(before: Link, link: Link, startLt: bigint): boolean {
  if (link.lt !== NO_LINK.lt) return isSameLink(before, link);
  return before.lt === NO_LINK.lt || before.lt < startLt;
}

async function walkDown<Entry>(
  options: WalkOptions<Entry>,
  account: Address,
  link: Link,
): Promise<Outcome<Known<Entry>> | HistoryGap> {
  const state = await options.chain.state(account);
  if (state.kind !== "done") return state;
  const { head, chainTimeMs: headTimeMs } = state.value;
  if (isSameLink(head, link) || head.lt < options.startLt || head.lt === NO_LINK.lt)
    return done({ segments: [], pending: [], headTimeMs });
  if (head.lt < link.lt) return failed("the server is behind what was read before", "retry");
  if (head.lt === link.lt) return gapAt(link, head, "the account's history is another one");
  return walkFrom(options, account, { head, link, headTimeMs });
}

async function walkFrom<Entry>(
  options: WalkOptions<Entry>,
  account: Address,
  way: { readonly head: Link; readonly link: Link; readonly headTimeMs: number },
): Promise<Outcome<Known<Entry>> | HistoryGap> {
  const { head, link, headTimeMs } = way;
  const { chain, startLt, transactionsPerCall: limit, keptTransactions } = options;
  const segments: Segment<Entry>[] = [];
  let top = head;
  for (;;) {
    const stretch = await readStretch(chain, account, top, limit);
    if (stretch.kind === "missing") return gapAt(link, top, stretch.reason);
    if (stretch.kind !== "done") return stretch;
    const end = stretch.value.findIndex(({ before }) => isBase(before, link, startLt));
    if (end >= 0) {
      const pending = stepsOf(options, stretch.value.slice(0, end + 1));
      return done({ segments, pending, headTimeMs });
    }
    const lowest = stretch.value.at(-1)?.before ?? NO_LINK;
    if (lowest.lt <= link.lt)
      return gapAt(link, top, "the account's history does not lead to what was read before");
    keep(segments, { top, steps: stepsOf(options, stretch.value) }, keptTransactions / limit);
    top = lowest;
  }
}

/** The newest are wanted last, so that they are let go first. */
function keep<Entry>(segments: Segment<Entry>[], segment: Segment<Entry>, most: number): void {
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
