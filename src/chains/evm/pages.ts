import type { Clock } from "../../clock.ts";
import { done, failed, type Failed, type Outcome } from "../../outcome.ts";
import type { Endpoint, EvmClient, ServerClient } from "./client.ts";
import { type BlockMark, type ChainCursor, parseCursor, thinned, writeCursor } from "./cursor.ts";
import { type Header, MalformedAnswer, readHeader, readTip, type Tip } from "./finality.ts";
import { learnSpan, oldestAvailable, readRange, type Span } from "./log-ranges.ts";
import { learnPace } from "./pace.ts";
import type { EvmConfig } from "./settings.ts";
import type { BlockRange, OddLog, Transfer, TransferFilter, TransferRead } from "./transfers.ts";

/** A transfer and when it was made. */
export interface SeenTransfer extends Transfer {
  /** Its block's, by the chain's own clock. */
  readonly chainTimeMs: number;
  readonly isFinal: boolean;
}

/** What a rail makes of a transfer. */
export interface PageItem {
  readonly orderRef: string;
  readonly isFinal: boolean;
}

/** What makes the pages of one rail. */
export interface PageSource<Item extends PageItem> {
  /**
   * Which transfers are the rail's. Asked for each page, after the chain's newest block is known.
   * @param open Orders with payments that were seen and not final: they belong to the page even when nothing is
   * expected of them any more, or else it would say that the chain took them back.
   * @param held What `held` told the last page.
   */
  filters(open: readonly string[], held: readonly string[]): Promise<readonly TransferFilter[]>;
  /** Those transfers as the rail reports them, in the same order; may leave some out. Throws what the server does. */
  items(client: ServerClient, transfers: readonly SeenTransfer[]): Promise<readonly Item[]>;
  /** Ids that are kept with the cursor for `filters`. Absent: none. */
  held?(): readonly string[];
}

/** As a rail's deposit page has it. */
export interface Page<Item> {
  readonly deposits: readonly Item[];
  readonly unreadable: readonly OddLog[];
  readonly cursor: string;
  readonly height: number;
  readonly chainTimeMs: number;
  readonly headHeight: number;
  /** Absent when there is nothing to compare with. */
  readonly wholeAboveHeight?: number;
  readonly isCaughtUp: boolean;
}

export interface PageGap {
  readonly kind: "gap";
  readonly reason: string;
  readonly firstMissingHeight: number;
  readonly oldestAvailableHeight: number;
}

export type PageRead<Item> = Outcome<Page<Item>> | PageGap;

export interface PageReader<Item extends PageItem> {
  read(
    source: PageSource<Item>,
    cursor: string | null,
    signal: AbortSignal,
  ): Promise<PageRead<Item>>;
  /** Resolves when there may be a new block. */
  waitForNews(signal: AbortSignal): Promise<void>;
}

/** What a server makes of a cursor. */
type Footing = Stands | Reorged | PageGap | Failed;

/** Everything up to `base` has been read, on the chain that this server has. */
interface Stands {
  readonly kind: "stands";
  readonly tip: Tip;
  readonly base: number;
  readonly checkpoints: readonly BlockMark[];
}

/** The last final block that was read is not on this server's chain. */
interface Reorged {
  readonly kind: "reorged";
  readonly endpoint: Endpoint;
  readonly tip: Tip;
}

/** Blocks of this long before now are read on a cold start that was given no first block. */
const COLD_START_MS = 3_600_000;

/**
 * Pages of token transfers: history in final blocks, and the present as far as it may be taken back. The last final
 * block that was read is looked at again before anything else.
 */
export function openPages<Item extends PageItem>(
  client: EvmClient,
  config: EvmConfig,
  clock: Clock,
): PageReader<Item> {
  const { network, tuning } = config;
  const pace = learnPace({ blockMs: network.blockMs, ...tuning });
  const span = learnSpan(tuning.logBlocks);
  return {
    waitForNews: (signal) => clock.sleep(pace.waitMs(clock.now()), signal),
    async read(source, text, signal) {
      const cursor = text === null ? null : parseCursor(text);
      if (text !== null && cursor === null) return failed("not a cursor of this rail", "final");
      const read = await readAnywhere({ client, config, span, source, cursor, signal });
      if (read.kind === "done") pace.observe(read.value.headHeight, clock.now());
      return read;
    },
  };
}

/** One look at the chain. */
interface Look<Item extends PageItem> {
  readonly client: EvmClient;
  readonly config: EvmConfig;
  readonly span: Span;
  readonly source: PageSource<Item>;
  readonly cursor: ChainCursor | null;
  readonly signal: AbortSignal;
}

async function readAnywhere<Item extends PageItem>(look: Look<Item>): Promise<PageRead<Item>> {
  const reorged: Reorged[] = [];
  const misses: Exclude<PageRead<Item>, { kind: "done" }>[] = [];
  for (const endpoint of look.client.endpoints()) {
    const footing = await footingAt(endpoint, look);
    if (footing.kind === "reorged") {
      reorged.push(footing);
      continue;
    }
    const read = footing.kind === "stands" ? await readPage(endpoint, look, footing) : footing;
    if (read.kind === "done") return read;
    misses.push(read);
  }
  // Only when no server has the chain that was read: one of them alone may have lost its way.
  for (const { endpoint, tip } of reorged) {
    const footing = await ancestorAt(endpoint, look, tip);
    const read = footing.kind === "stands" ? await readPage(endpoint, look, footing) : footing;
    if (read.kind === "done") return read;
    misses.push(read);
  }
  // A server that did not answer may still have what the others have dropped.
  const gap = misses.every(({ kind }) => kind === "gap") ? misses[0] : undefined;
  return gap ?? failed(misses.map(({ reason }) => reason).join("; "), "retry");
}

async function footingAt<Item extends PageItem>(
  endpoint: Endpoint,
  { config, cursor, signal }: Look<Item>,
): Promise<Footing> {
  const known = cursor === null ? config.startBlock : cursor.final.number;
  const answer = await endpoint.ask(
    (client) =>
      Promise.all([
        readTip(client, config.finality),
        known === null ? null : readHeader(client, known),
      ]),
    signal,
  );
  if (answer.kind !== "result") return failed(answer.reason, "retry");
  const [tip, header] = answer.value;
  const { number: final } = tip.final;
  if (cursor !== null && final < cursor.final.number)
    return failed(`${endpoint.name} is behind: its final block is ${final}`, "retry");
  if (known !== null && known <= final && header === null) {
    const filter = { tokens: config.tokens, side: "to", addresses: [config.treasury] } as const;
    return gapFrom(endpoint, filter, { from: known, to: final });
  }
  if (cursor === null) return coldStart(endpoint, config, tip);
  if (header?.hash !== cursor.final.hash) return { kind: "reorged", endpoint, tip };
  const checkpoints = [cursor.final, ...cursor.checkpoints];
  return { kind: "stands", tip, base: cursor.final.number, checkpoints };
}

async function coldStart(
  endpoint: Endpoint,
  config: EvmConfig,
  tip: Tip,
): Promise<Stands | Failed> {
  const lookBack = Math.ceil(COLD_START_MS / config.network.blockMs);
  const { number: final } = tip.final;
  const base = Math.min(config.startBlock ?? Math.max(final - lookBack, 0), final + 1) - 1;
  // Should the chain go back before there is another one, reading begins here again. Nobody pays in block 0.
  const before = await endpoint.ask((client) => readHeader(client, Math.max(base, 0)));
  if (before.kind !== "result") return failed(before.reason, "retry");
  const checkpoints = before.value === null ? [] : [markOf(before.value)];
  return { kind: "stands", tip, base, checkpoints };
}

async function gapFrom(
  endpoint: Endpoint,
  filter: TransferFilter,
  range: BlockRange,
): Promise<PageGap> {
  const oldest = await oldestAvailable(endpoint, filter, range);
  return {
    kind: "gap",
    reason: `${endpoint.name} keeps blocks from about ${oldest}; those from ${range.from} are unread`,
    firstMissingHeight: range.from,
    oldestAvailableHeight: oldest,
  };
}

/** The newest checkpoint that the server's chain has too: from there everything is read again. */
async function ancestorAt<Item extends PageItem>(
  endpoint: Endpoint,
  { cursor, signal }: Look<Item>,
  tip: Tip,
): Promise<Stands | Failed> {
  const checkpoints = cursor?.checkpoints ?? [];
  const answer = await endpoint.ask(
    (client) => Promise.all(checkpoints.map(({ number }) => readHeader(client, number))),
    signal,
  );
  if (answer.kind !== "result") return failed(answer.reason, "retry");
  const at = checkpoints.findIndex(({ hash }, i) => answer.value[i]?.hash === hash);
  const ancestor = checkpoints[at];
  if (ancestor === undefined)
    return failed(`${endpoint.name} has another chain than the one that was read`, "retry");
  return { kind: "stands", tip, base: ancestor.number, checkpoints: checkpoints.slice(at) };
}

/** What a cold start follows. */
const BEGINNING: Pick<ChainCursor, "open" | "held" | "head"> = {
  open: [],
  held: [],
  head: { number: 0, hash: "0x" },
};

async function readPage<Item extends PageItem>(
  endpoint: Endpoint,
  look: Look<Item>,
  stands: Stands,
): Promise<PageRead<Item>> {
  const { config, source, cursor, span, signal } = look;
  const { tip, base } = stands;
  const start = { ...stands, cursor };
  if (cursor !== null && isUnchanged(cursor, tip)) return done(idlePage(cursor, tip));
  const { open, held, head } = cursor ?? BEGINNING;
  // A page goes as far as its cursor's had gone, so that nothing which was reported there is left undecided.
  const reach = Math.max(base + config.tuning.pageBlocks, head.number);
  const to = reach < tip.final.number ? reach : tip.head.number;
  const filters = await source.filters(open, held);
  const range = { from: base + 1, to };
  const read = await readRange(endpoint, { filters, range, span }, signal);
  if (read.kind === "failed") return failed(read.reason, "retry");
  if (read.kind === "pruned") {
    const [filter] = filters;
    if (filter === undefined) return failed(read.reason, "retry");
    return gapFrom(endpoint, filter, { from: range.from, to: tip.final.number });
  }
  const end = cutAt(read.read, start, { to, limit: config.tuning.pageLimit });
  const told = await endpoint.ask(
    (client) => describe(client, source, { read: read.read, end, tip }),
    signal,
  );
  if (told.kind !== "result") return failed(told.reason, "retry");
  return done(pageOf(start, told.value, source.held?.() ?? []));
}

/** Where a page begins, and the cursor that it follows. */
type Start = Stands & { readonly cursor: ChainCursor | null };

/** No block has come or gone: there is nothing that the cursor's own page did not tell. */
function isUnchanged({ head, final }: ChainCursor, tip: Tip): boolean {
  return tip.head.hash === head.hash && tip.final.hash === final.hash;
}

function idlePage<Item>(cursor: ChainCursor, { head, final }: Tip): Page<Item> {
  return {
    deposits: [],
    unreadable: [],
    cursor: writeCursor(cursor),
    height: final.number,
    chainTimeMs: final.timeMs,
    headHeight: head.number,
    isCaughtUp: true,
  };
}

/**
 * The last block of a page that would hold too many deposits: before the first one too many, but never inside a
 * block, and not before what was reported last.
 */
function cutAt(
  { transfers }: TransferRead,
  { tip, cursor }: Start,
  { to, limit }: { readonly to: number; readonly limit: number },
): number {
  const final = transfers.filter(({ height }) => height <= tip.final.number);
  const [first, tooMany] = [final[0], final[limit]];
  if (first === undefined || tooMany === undefined) return to;
  const end = Math.max(tooMany.height - 1, first.height, cursor?.head.number ?? 0);
  return end < Math.min(to, tip.final.number) ? end : to;
}

interface Told<Item> {
  readonly items: readonly Item[];
  readonly odd: readonly OddLog[];
  /** Up to which the page is final, and up to which it goes. */
  readonly final: Header;
  readonly head: Header;
  readonly headHeight: number;
  readonly isCaughtUp: boolean;
}

/** Gives the transfers their times and lets the rail say what they are; all on the chain that `tip` belongs to. */
async function describe<Item extends PageItem>(
  client: ServerClient,
  source: PageSource<Item>,
  { read, end, tip }: { readonly read: TransferRead; readonly end: number; readonly tip: Tip },
): Promise<Told<Item>> {
  const within = read.transfers.filter(({ height }) => height <= end);
  const heights = [...new Set([...within.map(({ height }) => height), end])];
  const headers = await Promise.all(heights.map((height) => readHeader(client, height)));
  const byHeight = new Map(headers.flatMap((header) => (header ? [[header.number, header]] : [])));
  const last = byHeight.get(end);
  const isCaughtUp = end === tip.head.number;
  if (last === undefined || (isCaughtUp && last.hash !== tip.head.hash))
    throw new MalformedAnswer("the chain changed while it was read");
  const seen = within.map((transfer): SeenTransfer => {
    const header = byHeight.get(transfer.height);
    if (header?.hash !== transfer.blockHash)
      throw new MalformedAnswer("the chain changed while it was read");
    const isFinal = transfer.height <= tip.final.number;
    return { ...transfer, chainTimeMs: header.timeMs, isFinal };
  });
  return {
    items: await source.items(client, seen),
    // A block that may go yet may take it away again.
    odd: read.odd.filter(({ height }) => height <= Math.min(end, tip.final.number)),
    final: isCaughtUp ? tip.final : last,
    head: last,
    headHeight: tip.head.number,
    isCaughtUp,
  };
}

function pageOf<Item extends PageItem>(
  start: Start,
  told: Told<Item>,
  held: readonly string[],
): Page<Item> {
  const { items, final, head } = told;
  const open = items.filter(({ isFinal }) => !isFinal).map(({ orderRef }) => orderRef);
  const cursor = writeCursor({
    final: markOf(final),
    head: markOf(head),
    checkpoints: thinned(markOf(final), start.checkpoints),
    open: [...new Set(open)],
    held,
  });
  return {
    deposits: items,
    unreadable: told.odd,
    cursor,
    height: final.number,
    chainTimeMs: final.timeMs,
    headHeight: told.headHeight,
    wholeAboveHeight: start.base,
    isCaughtUp: told.isCaughtUp,
  };
}

function markOf({ number, hash }: Header): BlockMark {
  return { number, hash };
}
