import type { StellarChain, SubmitAnswer } from "../chain.ts";
import { parseToid, toid } from "../history/cursor.ts";
import type { History } from "../history/history.ts";
import type { TransactionRecord } from "../history/records.ts";
import {
  countParam,
  invalidParams,
  objectParam,
  type Params,
  refuseJsonFormat,
  RPC_CODE,
  RpcError,
  textParam,
} from "./json-rpc.ts";
import { MalformedEnvelope } from "../transactions/envelope.ts";
import { historyRange, type RpcMethod, transactionInfo } from "./method.ts";

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;

/** PENDING is told by SUCCESS or FAILED once a ledger has it; until then it is NOT_FOUND. */
export const sendTransaction: RpcMethod = ({ chain }, params) => {
  refuseJsonFormat(params);
  const { latest } = chain.history;
  const answer = submit(chain, textParam(params, "transaction"));
  return {
    status: answer.status,
    hash: answer.hash,
    latestLedger: latest.sequence,
    latestLedgerCloseTime: String(latest.closeTimeS),
    ...(answer.errorResult && { errorResultXdr: answer.errorResult.toXdr("base64") }),
  };
};

function submit(chain: StellarChain, envelope: string): SubmitAnswer {
  try {
    return chain.submit(envelope);
  } catch (cause) {
    if (cause instanceof MalformedEnvelope) throw invalidParams("invalid_xdr");
    throw cause;
  }
}

export const getTransaction: RpcMethod = ({ chain }, params) => {
  refuseJsonFormat(params);
  const hash = textParam(params, "hash");
  if (!/^[0-9a-fA-F]{64}$/.test(hash)) {
    throw invalidParams(`unexpected hash length (${hash.length}), expected 64 hex digits`);
  }
  const { history } = chain;
  const record = history.transaction(hash.toLowerCase());
  const range = historyRange(history);
  if (!record) return { status: "NOT_FOUND", txHash: hash.toLowerCase(), ...range };
  return { ...range, ...transactionInfo(record), createdAt: String(record.closeTimeS) };
};

/** All transactions in order. The cursor is the TOID of the last one told. */
export const getTransactions: RpcMethod = ({ chain }, params) => {
  refuseJsonFormat(params);
  const { history } = chain;
  const { limit, startLedger, cursor } = readPage(params, history, MAX_LIMIT, DEFAULT_LIMIT);
  const after = readCursor(cursor, startLedger);
  const found: TransactionRecord[] = [];
  const { sequence: latest } = history.latest;
  for (let at = after.ledger; at <= latest && found.length < limit; at += 1) {
    const transactions = history.ledger(at)?.transactions ?? [];
    const skipped = at === after.ledger ? after.transaction : 0;
    found.push(...transactions.slice(skipped, skipped + limit - found.length));
  }
  const last = found.at(-1);
  const range = historyRange(history);
  return {
    transactions: found.map((one) => ({ ...transactionInfo(one), createdAt: one.closeTimeS })),
    latestLedger: range.latestLedger,
    latestLedgerCloseTimestamp: history.latest.closeTimeS,
    oldestLedger: range.oldestLedger,
    oldestLedgerCloseTimestamp: history.oldest.closeTimeS,
    cursor: last
      ? String(toid(last.ledger, last.applicationOrder, 1))
      : (cursor ?? String(toid(history.latest.sequence, 0, 0))),
  };
};

/** Transactions of this ledger that are not to be told again, counted from its first. */
function readCursor(
  cursor: string | null,
  startLedger: number,
): { readonly ledger: number; readonly transaction: number } {
  if (cursor === null) return { ledger: startLedger, transaction: 0 };
  const position = parseToid(cursor);
  if (!position) throw invalidParams(`invalid cursor ${cursor}`);
  return position;
}

export interface Page {
  readonly limit: number;
  readonly startLedger: number;
  readonly cursor: string | null;
}

/** `startLedger` or `pagination.cursor`, never both. */
export function readPage(
  params: Params,
  history: History,
  maxLimit: number,
  defaultLimit: number,
): Page {
  const startLedger = countParam(params, "startLedger");
  const pagination = objectParam(params, "pagination");
  const limit = countParam(pagination, "limit");
  const cursor = typeof pagination["cursor"] === "string" ? pagination["cursor"] : null;
  if (limit > maxLimit) throw invalidParams(`limit must not exceed ${maxLimit}`);
  if (cursor !== null) {
    if (startLedger !== 0) throw invalidParams("startLedger and cursor cannot both be set");
    return { limit: limit || defaultLimit, startLedger: 0, cursor };
  }
  const { sequence: oldest } = history.oldest;
  const { sequence: latest } = history.latest;
  if (startLedger < oldest || startLedger > latest) {
    const message = `start ledger (${startLedger}) must be between the oldest ledger: ${oldest} and the latest ledger: ${latest} for this rpc instance`;
    throw new RpcError(RPC_CODE.invalidRequest, message);
  }
  return { limit: limit || defaultLimit, startLedger, cursor: null };
}
