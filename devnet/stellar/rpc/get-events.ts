import { StrKey, xdr } from "@stellar/stellar-sdk";
import {
  type Cursor,
  formatCursor,
  MAX_EVENT,
  MAX_OPERATION,
  MAX_TRANSACTION,
  parseCursor,
} from "../history/cursor.ts";
import type { EventRecord } from "../history/records.ts";
import {
  countParam,
  invalidParams,
  isObject,
  listParam,
  objectParam,
  type Params,
  refuseJsonFormat,
  RPC_CODE,
  RpcError,
} from "./json-rpc.ts";
import { historyRange, type RpcMethod, timeText } from "./method.ts";

/** One call looks at no more ledgers than this, found something or not. */
const SCAN_LEDGERS = 10_000;
const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 10_000;
const MAX_FILTERS = 5;
const MAX_CONTRACT_IDS = 5;
const MAX_TOPIC_FILTERS = 5;
const MAX_SEGMENTS = 4;

interface EventFilter {
  readonly types: ReadonlySet<string>;
  readonly contractIds: ReadonlySet<string>;
  readonly topics: readonly TopicFilter[];
}

/** Segments are ScVal in base64 or `*`; `open` means that more topics may follow (`**`). */
interface TopicFilter {
  readonly segments: readonly string[];
  readonly open: boolean;
}

interface Request {
  /** First event that is asked for. */
  readonly start: Cursor;
  /** Exclusive; 0 for no end. */
  readonly endLedger: number;
  readonly limit: number;
  readonly filters: readonly EventFilter[];
}

/**
 * Events in order, from a ledger or after a cursor. The cursor of a page that is not full stands at the
 * end of what was searched, so that it moves over empty ledgers too.
 */
export const getEvents: RpcMethod = ({ chain }, params) => {
  const { start, endLedger, limit, filters } = readRequest(params);
  const { history } = chain;
  const { sequence: oldest } = history.oldest;
  const { sequence: latest } = history.latest;
  if (start.ledger < oldest || start.ledger > latest) {
    const range = `${oldest} - ${latest}`;
    const message = `startLedger must be within the ledger range: ${range}`;
    throw new RpcError(RPC_CODE.invalidRequest, message);
  }
  const wanted = endLedger === 0 ? Number.POSITIVE_INFINITY : endLedger;
  const end = Math.min(latest + 1, start.ledger + SCAN_LEDGERS, wanted);
  const from = formatCursor(start);
  const isWanted = (event: EventRecord) => event.id >= from && matchesAny(filters, event);
  const found: EventRecord[] = [];
  for (let sequence = start.ledger; sequence < end && found.length < limit; sequence += 1) {
    const matching = history.ledger(sequence)?.events.filter(isWanted) ?? [];
    found.push(...matching.slice(0, limit - found.length));
  }
  const last = found.length === limit ? found.at(-1) : undefined;
  return {
    events: found.map(eventInfo),
    cursor: last?.id ?? endOfLedger(end - 1),
    ...historyRange(history),
  };
};

function endOfLedger(ledger: number): string {
  return formatCursor({
    ledger,
    transaction: MAX_TRANSACTION,
    operation: MAX_OPERATION,
    event: MAX_EVENT,
  });
}

function eventInfo(event: EventRecord): Record<string, unknown> {
  return {
    type: event.type,
    ledger: event.ledger,
    ledgerClosedAt: timeText(event),
    contractId: event.contractId,
    id: event.id,
    operationIndex: event.operationIndex,
    transactionIndex: event.transactionIndex,
    txHash: event.txHash,
    inSuccessfulContractCall: event.successful,
    topic: event.topics,
    value: event.value,
  };
}

function readRequest(params: Params): Request {
  refuseJsonFormat(params);
  const startLedger = countParam(params, "startLedger");
  const endLedger = countParam(params, "endLedger");
  const pagination = objectParam(params, "pagination");
  const start = readStart(pagination["cursor"], startLedger, endLedger);
  const limit = countParam(pagination, "limit");
  if (limit > MAX_LIMIT) throw invalidParams(`limit must not exceed ${MAX_LIMIT}`);
  const list = listParam(params, "filters");
  if (list.length > MAX_FILTERS) throw invalidParams("maximum 5 filters per request");
  return {
    start,
    endLedger,
    limit: limit || DEFAULT_LIMIT,
    filters: list.map((filter, index) => readFilter(filter, `filter ${index + 1} invalid`)),
  };
}

function readStart(cursor: unknown, startLedger: number, endLedger: number): Cursor {
  if (cursor === undefined) {
    if (startLedger === 0) throw invalidParams("startLedger must be positive");
    return { ledger: startLedger, transaction: 0, operation: 0, event: 0 };
  }
  if (startLedger === 0 && endLedger === 0) return afterCursor(cursor);
  throw invalidParams("ledger ranges and cursor cannot both be set");
}

/** The next possible position. At the end of a ledger's numbers it wraps, where nothing can be. */
function afterCursor(text: unknown): Cursor {
  const cursor = typeof text === "string" ? parseCursor(text) : null;
  if (!cursor) throw invalidParams(`invalid event id ${String(text)}`);
  return { ...cursor, event: cursor.event === MAX_EVENT ? 0 : cursor.event + 1 };
}

function readFilter(value: unknown, where: string): EventFilter {
  if (!isObject(value)) throw invalidParams(`${where}: must be an object`);
  const types = typeof value["type"] === "string" ? value["type"] : "";
  const names = types === "" ? [] : types.split(",");
  if (names.some((name) => name !== "system" && name !== "contract")) {
    const message = "if set, type must be either 'system' or 'contract'";
    throw invalidParams(`${where}: filter type invalid: ${message}`);
  }
  const contractIds = listParam(value, "contractIds");
  if (contractIds.length > MAX_CONTRACT_IDS) {
    throw invalidParams(`${where}: maximum 5 contract IDs per filter`);
  }
  const topics = listParam(value, "topics");
  if (topics.length > MAX_TOPIC_FILTERS) {
    throw invalidParams(`${where}: maximum 5 topics per filter`);
  }
  return {
    types: new Set(names),
    contractIds: new Set(
      contractIds.map((id, index) => {
        if (typeof id === "string" && StrKey.isValidContract(id)) return id;
        throw invalidParams(`${where}: contract ID ${index + 1} invalid`);
      }),
    ),
    topics: topics.map((topic, index) => readTopic(topic, `${where}: topic ${index + 1} invalid`)),
  };
}

function readTopic(value: unknown, where: string): TopicFilter {
  const list = Array.isArray(value) ? value : [];
  if (list.length === 0) throw invalidParams(`${where}: topic must have at least 1 segment`);
  const open = list.at(-1) === "**";
  const segments = (open ? list.slice(0, -1) : list).map((segment: unknown, index) => {
    if (segment === "**") {
      const message = "wildcard '**' is only allowed as the last segment";
      throw invalidParams(`${where}: segment ${index + 1} invalid: ${message}`);
    }
    return segment === "*" ? segment : canonicalScVal(segment, `${where}: segment ${index + 1}`);
  });
  if (segments.length > MAX_SEGMENTS) {
    throw invalidParams(`${where}: topic cannot have more than 4 segments`);
  }
  return { segments, open };
}

function canonicalScVal(segment: unknown, where: string): string {
  try {
    return xdr.ScVal.fromXdr(String(segment), "base64").toXdr("base64");
  } catch {
    throw invalidParams(`${where} invalid: not an ScVal in base64 XDR`);
  }
}

/** Filters are alternatives; within one, all that is given must match. */
function matchesAny(filters: readonly EventFilter[], event: EventRecord): boolean {
  return filters.length === 0 || filters.some((filter) => matches(filter, event));
}

function matches({ types, contractIds, topics }: EventFilter, event: EventRecord): boolean {
  return (
    (types.size === 0 || types.has(event.type)) &&
    (contractIds.size === 0 || contractIds.has(event.contractId)) &&
    (topics.length === 0 || topics.some((topic) => matchesTopics(topic, event.topics)))
  );
}

function matchesTopics({ segments, open }: TopicFilter, topics: readonly string[]): boolean {
  if (open ? topics.length < segments.length : topics.length !== segments.length) return false;
  return segments.every((segment, index) => segment === "*" || segment === topics[index]);
}
