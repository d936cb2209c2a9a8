import type { Asset } from "../../src/money.ts";
import type { Outcome } from "../../src/outcome.ts";
import type {
  Deposit,
  DepositPage,
  ExpectedOrder,
  Rail,
  SignedPayout,
} from "../../src/rails/rail.ts";

/** What goes wrong between the rail and its chain; each strikes once. */
export type RailFault =
  /** The next payout is carried out, but its answer never arrives. */
  | "payout_answer_lost"
  /** The next payout is accepted and then forgotten by the network. */
  | "payout_forgotten"
  /** The network asks for the next payout to be sent later. */
  | "payout_put_off"
  /** The next read finds nobody at home. */
  | "read_refused"
  /** The next read is carried out, but its answer never arrives. */
  | "read_answer_lost"
  /** The next page of deposits is the one before it once more, or comes from a server that lags behind. */
  | "page_repeated";

/** One payment to the rail, final when `pay` resolves. */
export interface BenchPayment {
  readonly symbol: string;
  readonly atomic: bigint;
  readonly orderRef: string;
}

/** A rail on a chain that the suite can push about. */
export interface RailBench {
  /** The rail as after a restart; it remembers nothing. `pageLimit`: most deposits of a page. */
  open(options?: { readonly pageLimit?: number }): Rail;
  pay(payment: BenchPayment): Promise<{ readonly txId: string; readonly from: string }>;
  /** An event of ours that is no readable deposit. */
  payUnreadably(): Promise<{ readonly txId: string }>;
  /** An address that can receive every asset of the rail. */
  newPayee(): Promise<string>;
  /** An address that cannot receive this asset. */
  newClosedPayee(asset: Asset): Promise<string>;
  /** Makes a payee of `newPayee` unable to receive. */
  closePayee(address: string, asset: Asset): Promise<void>;
  /** What an address has of an asset; only differences are looked at. */
  held(address: string, asset: Asset): Promise<bigint>;
  /** Lets the chain take in what was sent. */
  advance(): Promise<void>;
  /** Lets so much chain time pass, with blocks in it. */
  passTime(ms: number): Promise<void>;
  /** Makes it impossible that a payout which was not sent lands: its bound passes, or its place is taken. */
  exclude(payout: SignedPayout): Promise<void>;
  /** The servers keep only the newest blocks: those that may be taken back, and one that may not. */
  forgetHistory(): Promise<void>;
  /** Leaves the treasury with nothing to send of this asset. */
  emptyTreasury(asset: Asset): Promise<void>;
  /** Runs something that waits for blocks while blocks come. */
  whileBlocksCome<Value>(waiting: Promise<Value>): Promise<Value>;
  strike(fault: RailFault): void;
  /** True: what is paid is the treasury's at once, so that there is nothing to sweep. */
  readonly isPaidToTreasury?: boolean;
  /** Where blocks may be replaced; absent: what is paid is final at once. */
  readonly blocks?: RailBlocks;
  close(): Promise<void>;
}

/** The newest blocks of a chain that may replace them. */
export interface RailBlocks {
  /** Pays, in a block that may still be replaced. */
  pay(payment: BenchPayment): Promise<{ readonly txId: string; readonly from: string }>;
  /** Closes so many blocks. */
  close(count: number): Promise<void>;
  /** So many blocks on top of a payment make it final. */
  readonly untilFinal: number;
  /** Replaces so many blocks by as many others; what is kept lands in the last of those. */
  replace(count: number, kept?: readonly string[]): Promise<void>;
}

/** Makes a fresh bench that is closed when the running test ends. */
export type FreshBench = () => Promise<RailBench>;

export const signal = new AbortController().signal;

/** Orders whose windows stay open, as a watcher tells a rail of them. */
export function expecting(ids: Iterable<string>): () => Promise<readonly ExpectedOrder[]> {
  return async () => [...ids].map((id) => ({ id, windowClosesAtMs: Number.MAX_SAFE_INTEGER }));
}

/** No suite has more pages than this: reading must end. */
const MAX_PAGES = 200;

export function firstAsset(rail: Rail): Asset {
  const [asset] = rail.assets;
  if (asset === undefined) throw new Error("the rail has no asset");
  return asset;
}

export function nameOf({ txId, index }: Deposit): string {
  return `${txId}|${index}`;
}

export function done<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === "done") return outcome.value;
  throw new Error(`${outcome.kind}: ${outcome.reason}`);
}

/** A deposit of 1, 2 and 3 base units, in assets by turns. */
export async function payThree(bench: RailBench): Promise<void> {
  const { assets } = bench.open();
  for (const number of [1, 2, 3]) {
    const { symbol } = assets[number % assets.length] ?? { symbol: "" };
    await bench.pay({ symbol, atomic: BigInt(number), orderRef: `ord_${number}` });
  }
}

/** The cursor of a reader that has read everything. */
export async function present(rail: Rail): Promise<string> {
  return (await readAll(rail, null)).cursor;
}

export interface Reading {
  readonly pages: readonly DepositPage[];
  /** Where each page began. */
  readonly cursors: readonly (string | null)[];
  readonly deposits: readonly Deposit[];
  readonly unreadable: DepositPage["unreadable"];
  readonly cursor: string;
}

/** Reads to the end as a watcher does; a failure is tried again. */
export async function readAll(rail: Rail, from: string | null): Promise<Reading> {
  const pages: DepositPage[] = [];
  const cursors: (string | null)[] = [];
  let cursor = from;
  for (let left = MAX_PAGES; left > 0; left--) {
    const read = await rail.readDeposits(cursor, signal);
    if (read.kind === "gap") throw new Error(read.reason);
    if (read.kind !== "done") continue;
    pages.push(read.value);
    cursors.push(cursor);
    cursor = read.value.cursor;
    if (!read.value.isCaughtUp) continue;
    return {
      pages,
      cursors,
      cursor,
      deposits: pages.flatMap(({ deposits }) => deposits),
      unreadable: pages.flatMap(({ unreadable }) => unreadable),
    };
  }
  throw new Error("reading does not come to an end");
}
