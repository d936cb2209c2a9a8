import type { Address } from "@ton/core";
import type { TonChain } from "../../chains/ton/chain.ts";
import { parseCursor, START, writeCursor } from "../../chains/ton/cursor.ts";
import { type Entry, readEntry } from "../../chains/ton/entry.ts";
import { sweptOrder } from "../../chains/ton/forwarder.ts";
import type { Linked } from "../../chains/ton/history.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import type { Credit } from "../../chains/ton/transfers.ts";
import { openWalk, type Reach, type Step } from "../../chains/ton/walk.ts";
import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { Deposit, DepositPage, DepositsRead, Unreadable } from "../rail.ts";

export interface Watch {
  read(cursor: string | null): Promise<DepositsRead>;
  waitForNews(signal: AbortSignal): Promise<void>;
}

export interface WatchOptions {
  readonly chain: TonChain;
  readonly config: TonConfig;
  readonly clock: Clock;
  readonly treasury: Address;
  /** Our own jetton wallet: the one account that is read. */
  readonly account: () => Promise<Outcome<Address>>;
  /** `Deposit.authorizationRef`, undefined for a plain transfer. */
  readonly refOf: (credit: Credit, from: string) => Promise<Outcome<string | undefined>>;
}

/** Reads our jetton wallet's account. */
export function openWatch(options: WatchOptions): Watch {
  const { chain, config, clock } = options;
  const { transactionsPerCall, keptTransactions, pollMs } = config.tuning;
  const read = (linked: Linked): Entry => withoutSweeps(options, linked, readEntry(linked));
  const { startLt } = config;
  const walk = openWalk({ chain, startLt, transactionsPerCall, keptTransactions, read });
  return {
    async read(cursor) {
      const position = cursor === null ? START : parseCursor(cursor);
      if (position === null) return failed("the stored cursor is of another rail", "final");
      const account = await options.account();
      if (account.kind !== "done") return account;
      const reach = await walk.next(account.value, position.link);
      if (reach.kind !== "done") return reach;
      return pageOf(options, reach.value, position.link);
    },
    waitForNews: (signal) => clock.sleep(pollMs, signal),
  };
}

/** What an order's own address sends on was a deposit when it came there: the rail of those addresses tells of it. */
function withoutSweeps({ config, treasury }: WatchOptions, { link }: Linked, entry: Entry): Entry {
  if (entry.kind !== "credit") return entry;
  const swept = sweptOrder(treasury, entry.credit);
  if (swept === null) return entry;
  if (config.keeperKeys !== null) return { kind: "none" };
  const reason = `it comes from the own address of ${swept}, and KEEPER_KEY is not set`;
  const raw = JSON.stringify({ from: entry.from, atomic: entry.credit.atomic.toString() });
  const unreadable = { txId: link.hash, index: 0, height: Number(link.lt), reason, raw };
  return { kind: "unreadable", unreadable };
}

/** As many steps as a page holds, with who has signed for them. */
async function pageOf(
  options: WatchOptions,
  { steps, isEnd, headTimeMs }: Reach<Entry>,
  link: Step<Entry>["link"],
): Promise<Outcome<DepositPage>> {
  const deposits: Deposit[] = [];
  const unreadable: Unreadable[] = [];
  let last: Step<Entry> | undefined;
  for (const step of steps) {
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
  }
  const isCaughtUp = isEnd && last === steps.at(-1);
  const end = last?.link ?? link;
  const chainTimeMs = isCaughtUp || last === undefined ? headTimeMs : last.timeMs;
  const height = Number(end.lt);
  const cursor = writeCursor(end, chainTimeMs);
  return done({ deposits, unreadable, cursor, height, chainTimeMs, isCaughtUp });
}

async function depositOf(
  { config, refOf }: WatchOptions,
  { link, timeMs }: Step<Entry>,
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
