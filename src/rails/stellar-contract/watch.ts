import type { Clock } from "../../clock.ts";
import { done, failed, type Failed } from "../../outcome.ts";
import type { Deposit, DepositPage, DepositsRead, HistoryGap, Unreadable } from "../rail.ts";
import { listIn, MalformedAnswer, textIn, wholeIn, type Fields } from "./answer.ts";
import { learnCloseTimes } from "./close-times.ts";
import { isBefore, lastWholeLedger, parsePosition, type EventPosition } from "./cursor.ts";
import { PAYMENT_TOPICS, readEvent } from "./events.ts";
import { instanceKey, readEntries } from "./entries.ts";
import type { RailAssets, StellarContractConfig } from "./network.ts";
import { parsed, type Endpoint, type Rpc } from "./rpc.ts";

export interface Watch {
  read(cursor: string | null, signal: AbortSignal): Promise<DepositsRead>;
  waitForNews(signal: AbortSignal): Promise<void>;
}

/** Where reading begins: behind a stored cursor, at the start of a ledger, … */
type Place =
  | { readonly kind: "cursor"; readonly cursor: string; readonly position: EventPosition }
  | { readonly kind: "ledger"; readonly ledger: number };

/** … or with everything that a server has, provided that the receiver is no older. */
type From = Place | { readonly kind: "beginning"; readonly createdAtLedger: number };

/** What a server still has, both ends included. */
interface LedgerRange {
  readonly oldest: number;
  readonly latest: number;
}

type Page = { readonly kind: "done"; readonly value: DepositPage; readonly latestLedger: number };
type PageRead = Page | HistoryGap | Failed;

/** No ledger for this long is three missed ones on a network that closes every 5 s. */
const STALL_MS = 15_000;

/** The receiving half of the rail: pages of `getEvents`, read from whichever server has them. */
export function openWatch(
  rpc: Rpc,
  config: StellarContractConfig,
  assets: RailAssets,
  clock: Clock,
): Watch {
  const closeTimes = learnCloseTimes(config.tuning);
  return {
    async read(cursor, signal) {
      const from = await placeToStart(rpc, config, cursor, signal);
      if (from.kind === "failed") return from;
      const problems: string[] = [];
      let gap: HistoryGap | null = null;
      let hasSilentServer = false;
      let idle: DepositPage | null = null;
      for (const endpoint of rpc.endpoints()) {
        const page = await readFrom(endpoint, { config, assets }, from, signal);
        if (page.kind === "done") {
          closeTimes.observe(page.latestLedger, clock.now());
          const hasMoved = page.value.cursor !== cursor;
          const isFresh = closeTimes.silentForMs(clock.now()) < STALL_MS;
          if (hasMoved || isFresh) return done(page.value);
          // This server may have stopped taking in ledgers: another one may know better.
          idle ??= page.value;
          continue;
        }
        problems.push(page.reason);
        if (page.kind === "gap") gap ??= page;
        else hasSilentServer = true;
      }
      if (idle !== null) return done(idle);
      // A server that did not answer may still have what the others have dropped.
      return gap !== null && !hasSilentServer ? gap : failed(problems.join("; "), "retry");
    },
    waitForNews: (signal) => clock.sleep(closeTimes.waitMs(clock.now()), signal),
  };
}

async function placeToStart(
  rpc: Rpc,
  config: StellarContractConfig,
  cursor: string | null,
  signal: AbortSignal,
): Promise<From | Failed> {
  if (cursor !== null) {
    const position = parsePosition(cursor);
    if (position === null) return failed(`"${cursor}" is not a cursor of this rail`, "final");
    return { kind: "cursor", cursor, position };
  }
  if (config.startLedger !== null) return { kind: "ledger", ledger: config.startLedger };
  const key = instanceKey(config.receiverContractId);
  const entries = await readEntries(rpc, [key], signal);
  if (entries.kind !== "done") return failed(entries.reason, "retry");
  const instance = entries.value.get(key);
  if (instance === null) return failed("the receiver contract is not on this network", "retry");
  // The receiver never writes its instance, so the last change was its creation, or its return from the archive.
  return { kind: "beginning", createdAtLedger: instance.changedAtLedger };
}

interface Receiver {
  readonly config: StellarContractConfig;
  readonly assets: RailAssets;
}

interface PageRequest extends Receiver {
  readonly from: Place;
}

async function readFrom(
  endpoint: Endpoint,
  receiver: Receiver,
  from: From,
  signal: AbortSignal,
): Promise<PageRead> {
  if (from.kind !== "beginning") return readPage(endpoint, { ...receiver, from }, signal);
  const range = await healthRange(endpoint, signal);
  if (range.kind === "failed") return range;
  const { oldest } = range.value;
  const created: Place = { kind: "ledger", ledger: from.createdAtLedger };
  const gap = gapBefore(endpoint, created, range.value);
  if (gap !== null) return gap;
  const all: Place = { kind: "ledger", ledger: oldest };
  const page = await readPage(endpoint, { ...receiver, from: all }, signal);
  // Its oldest ledger may be gone since a moment ago: nothing of the receiver's was in it.
  return page.kind === "gap" ? failed(page.reason, "retry") : page;
}

async function readPage(
  endpoint: Endpoint,
  request: PageRequest,
  signal: AbortSignal,
): Promise<PageRead> {
  const answer = await endpoint.call("getEvents", eventsQuery(request), signal);
  if (answer.kind === "error") {
    const range = await rangeOf(endpoint, answer.reason, signal);
    if (range === null) return failed(answer.reason, "retry");
    return outOfRange(endpoint, request, range, signal);
  }
  const page = parsed(answer, endpoint, (result) => ({
    range: { oldest: wholeIn(result, "oldestLedger"), latest: wholeIn(result, "latestLedger") },
    deposits: pageOf(result, request),
  }));
  if (page.kind === "failed") return page;
  const { range, deposits } = page.value;
  // A server may also start at its oldest ledger without a word.
  const gap = gapBefore(endpoint, request.from, range);
  if (gap !== null) return gap;
  const isStuck = request.from.kind === "cursor" && deposits.cursor === request.from.cursor;
  if (isStuck && !deposits.isCaughtUp) {
    return failed(`${endpoint.name} does not advance behind ${deposits.cursor}`, "retry");
  }
  return { kind: "done", value: deposits, latestLedger: range.latest };
}

function eventsQuery({ config, from }: PageRequest): object {
  const limit = config.tuning.pageLimit;
  // One filter only: servers before 27.1.1 can miss events when several filters differ in their contracts.
  const filters = [
    { type: "contract", contractIds: [config.receiverContractId], topics: PAYMENT_TOPICS },
  ];
  return from.kind === "cursor"
    ? { filters, pagination: { cursor: from.cursor, limit } }
    : { filters, startLedger: from.ledger, pagination: { limit } };
}

/** The first ledger of which something may be unread. */
function firstNeeded(from: Place): number {
  return from.kind === "ledger" ? from.ledger : lastWholeLedger(from.position) + 1;
}

function gapBefore(endpoint: Endpoint, from: Place, range: LedgerRange): HistoryGap | null {
  const needed = firstNeeded(from);
  if (needed >= range.oldest) return null;
  return {
    kind: "gap",
    reason: `${endpoint.name} keeps ledgers from ${range.oldest}; ledgers from ${needed} are unread`,
    firstMissingHeight: needed,
    oldestAvailableHeight: range.oldest,
  };
}

/** "startLedger must be within the ledger range: 5 - 90", else what `getHealth` says. */
async function rangeOf(
  endpoint: Endpoint,
  reason: string,
  signal: AbortSignal,
): Promise<LedgerRange | null> {
  const match = /ledger range: (\d{1,10}) - (\d{1,10})/.exec(reason);
  if (match !== null) return { oldest: Number(match[1]), latest: Number(match[2]) };
  const range = await healthRange(endpoint, signal);
  return range.kind === "done" ? range.value : null;
}

async function healthRange(
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<{ readonly kind: "done"; readonly value: LedgerRange } | Failed> {
  return parsed(await endpoint.call("getHealth", {}, signal), endpoint, (result) => ({
    oldest: wholeIn(result, "oldestLedger"),
    latest: wholeIn(result, "latestLedger"),
  }));
}

/** The server refused the place: too old for it, too new for it, or refused for another reason. */
function outOfRange(
  endpoint: Endpoint,
  request: PageRequest,
  range: LedgerRange,
  signal: AbortSignal,
): Promise<PageRead> | PageRead {
  const { from } = request;
  const gap = gapBefore(endpoint, from, range);
  if (gap !== null) return gap;
  const needed = firstNeeded(from);
  if (from.kind === "cursor" && from.position.ledger < range.oldest && needed <= range.latest) {
    // Everything of the cursor's ledger was read and the next one is the oldest kept: nothing is missing,
    // but the server takes no cursor that points before its history.
    return readPage(endpoint, { ...request, from: { kind: "ledger", ledger: needed } }, signal);
  }
  if (needed > range.latest) {
    return failed(
      `${endpoint.name} is behind: it has ledger ${range.latest}, not ${needed}`,
      "retry",
    );
  }
  return failed(
    `${endpoint.name} refuses ledger ${needed} of its ${range.oldest}…${range.latest}`,
    "retry",
  );
}

function pageOf(result: Fields, { config, assets, from }: PageRequest): DepositPage {
  const cursor = textIn(result, "cursor");
  const position = parsePosition(cursor);
  if (position === null) throw new MalformedAnswer("cursor is not a TOID and an index");
  if (from.kind === "cursor" && isBefore(cursor, from.cursor)) {
    throw new MalformedAnswer(`cursor goes back from ${from.cursor} to ${cursor}`);
  }
  const deposits: Deposit[] = [];
  const unreadable: Unreadable[] = [];
  const height = lastWholeLedger(position);
  let provenMs = wholeIn(result, "oldestLedgerCloseTime") * 1000;
  for (const raw of listIn(result, "events")) {
    const event = readEvent(raw, config.receiverContractId, assets);
    if (isBefore(cursor, event.id)) throw new MalformedAnswer("an event lies behind the cursor");
    if (event.kind === "unreadable") unreadable.push(event.unreadable);
    if (event.kind !== "deposit") continue;
    deposits.push(event.deposit);
    if (event.deposit.height <= height) provenMs = Math.max(provenMs, event.deposit.chainTimeMs);
  }
  const isCaughtUp = height >= wholeIn(result, "latestLedger");
  const latestMs = wholeIn(result, "latestLedgerCloseTime") * 1000;
  return {
    deposits,
    unreadable,
    cursor,
    height,
    // While catching up, the close time of `height` itself is not in the answer; this is never later.
    chainTimeMs: isCaughtUp ? latestMs : provenMs,
    isCaughtUp,
  };
}
