import type { StellarChain } from "../chain.ts";
import type { History } from "../history/history.ts";
import type { LedgerRecord, TransactionRecord } from "../history/records.ts";
import type { Params } from "./json-rpc.ts";

export interface RpcContext {
  readonly chain: StellarChain;
  /** As the caller reaches it, or null if there is none. */
  readonly friendbotUrl: string | null;
  readonly retentionLedgers: number;
}

/** Answers one call. @throws RpcError for what the caller did wrong */
export type RpcMethod = (context: RpcContext, params: Params) => unknown;

/** The part of every answer that says how far the server's memory reaches; times in seconds. */
export function historyRange(history: History): {
  latestLedger: number;
  latestLedgerCloseTime: string;
  oldestLedger: number;
  oldestLedgerCloseTime: string;
} {
  const { latest, oldest } = history;
  return {
    latestLedger: latest.sequence,
    latestLedgerCloseTime: String(latest.closeTimeS),
    oldestLedger: oldest.sequence,
    oldestLedgerCloseTime: String(oldest.closeTimeS),
  };
}

/** A transaction as getTransaction and getTransactions tell it. */
export function transactionInfo(record: TransactionRecord): Record<string, unknown> {
  const { diagnosticEvents } = record;
  return {
    status: record.successful ? "SUCCESS" : "FAILED",
    txHash: record.hash,
    applicationOrder: record.applicationOrder,
    feeBump: record.innerHash !== null,
    envelopeXdr: record.envelope,
    resultXdr: record.result,
    resultMetaXdr: record.meta,
    ...(diagnosticEvents.length > 0 && { diagnosticEventsXdr: diagnosticEvents }),
    events: {
      contractEventsXdr: record.operationEvents,
      transactionEventsXdr: record.transactionEvents,
    },
    ledger: record.ledger,
  };
}

/** RFC 3339 without fractions, as Go writes it. */
export function timeText({ closeTimeS }: Pick<LedgerRecord, "closeTimeS">): string {
  return new Date(closeTimeS * 1000).toISOString().replace(".000Z", "Z");
}
