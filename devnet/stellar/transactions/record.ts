import { StrKey, xdr } from "@stellar/stellar-sdk";
import { type Cursor, formatCursor, MAX_TRANSACTION } from "../history/cursor.ts";
import type { EventRecord, TransactionRecord } from "../history/records.ts";
import type { AppliedTransaction } from "./apply.ts";
import { feeUnits, inclusionFee, type SubmittedTransaction } from "./envelope.ts";
import { transactionResult } from "./results.ts";

const NO_EXTENSION = xdr.ExtensionPoint.v0();

/** A transaction after the whole ledger was applied, with what it finally paid. */
export interface FinishedTransaction {
  readonly submitted: SubmittedTransaction;
  readonly applied: AppliedTransaction;
  readonly feeChargedStroops: bigint;
  /** Fee taken before all transactions, refund given after all; null where nothing moved. */
  readonly feeEvent: xdr.ContractEvent | null;
  readonly refundEvent: xdr.ContractEvent | null;
}

export interface LedgerPosition {
  readonly ledger: number;
  readonly closeTimeS: number;
  readonly applicationOrder: number;
}

export function transactionRecord(
  finished: FinishedTransaction,
  position: LedgerPosition,
): TransactionRecord {
  const { submitted, applied, feeChargedStroops } = finished;
  const innerHash = submitted.feeBump?.innerHash ?? null;
  const result = transactionResult({ feeChargedStroops, end: applied.end, innerHash });
  const transactionEvents = transactionLevelEvents(finished);
  const units = feeUnits(submitted);
  return {
    hash: submitted.hash,
    innerHash,
    ...position,
    successful: applied.end.code === "txSuccess",
    soroban: submitted.sorobanBody !== null,
    inclusionFeeStroops: units === 0n ? 0 : Number(inclusionFee(submitted) / units),
    envelope: submitted.envelopeBase64,
    result: result.toXdr("base64"),
    meta: transactionMeta(finished, transactionEvents).toXdr("base64"),
    diagnosticEvents: applied.soroban?.diagnosticEvents ?? [],
    operationEvents: applied.operations.map(({ events }) => events.map((e) => e.toXdr("base64"))),
    transactionEvents: transactionEvents.map((event) => event.toXdr("base64")),
  };
}

function transactionLevelEvents({ feeEvent, refundEvent }: FinishedTransaction) {
  const Stage = xdr.TransactionEventStage;
  const before = feeEvent && { stage: Stage.transactionEventStageBeforeAllTxs, event: feeEvent };
  const after = refundEvent && {
    stage: Stage.transactionEventStageAfterAllTxs,
    event: refundEvent,
  };
  return [before, after].filter((one) => one !== null).map((one) => new xdr.TransactionEvent(one));
}

function transactionMeta(
  { applied }: FinishedTransaction,
  events: xdr.TransactionEvent[],
): xdr.TransactionMeta {
  const { soroban } = applied;
  const fees = soroban && {
    ext: NO_EXTENSION,
    totalNonRefundableResourceFeeCharged: soroban.nonRefundableFee,
    totalRefundableResourceFeeCharged: soroban.refundableFee,
    rentFeeCharged: soroban.rentFee,
  };
  return xdr.TransactionMeta.v4(
    new xdr.TransactionMetaV4({
      ext: NO_EXTENSION,
      txChangesBefore: [...applied.changesBefore],
      operations: applied.operations.map(
        (one) =>
          new xdr.OperationMetaV2({
            ext: NO_EXTENSION,
            changes: [...one.changes],
            events: [...one.events],
          }),
      ),
      txChangesAfter: [],
      sorobanMeta: fees
        ? new xdr.SorobanTransactionMetaV2({
            ext: xdr.SorobanTransactionMetaExt.v1(new xdr.SorobanTransactionMetaExtV1(fees)),
            returnValue: soroban.returnValue,
          })
        : null,
      events,
      diagnosticEvents: (soroban?.diagnosticEvents ?? []).map((event) =>
        xdr.DiagnosticEvent.fromXdr(event, "base64"),
      ),
    }),
  );
}

/**
 * Every event of a ledger in the order of their ids: all fees, then what the operations emitted,
 * then all refunds.
 */
export function ledgerEvents(
  transactions: readonly FinishedTransaction[],
  { ledger, closeTimeS }: Omit<LedgerPosition, "applicationOrder">,
): EventRecord[] {
  const before: EventRecord[] = [];
  const during: EventRecord[] = [];
  const after: EventRecord[] = [];
  for (const [index, { submitted, applied, feeEvent, refundEvent }] of transactions.entries()) {
    const transaction = index + 1;
    const successful = applied.end.code === "txSuccess";
    const record = (event: xdr.ContractEvent, cursor: Omit<Cursor, "ledger">): EventRecord => ({
      ...eventContent(event),
      id: formatCursor({ ...cursor, ledger }),
      ledger,
      closeTimeS,
      txHash: submitted.hash,
      transactionIndex: cursor.transaction,
      operationIndex: cursor.operation,
      successful,
    });
    if (feeEvent) {
      before.push(record(feeEvent, { transaction: 0, operation: 0, event: before.length }));
    }
    for (const [operation, { events }] of applied.operations.entries()) {
      for (const [event, content] of events.entries()) {
        during.push(record(content, { transaction, operation, event }));
      }
    }
    if (refundEvent) {
      const position = { transaction: MAX_TRANSACTION, operation: 0, event: after.length };
      after.push(record(refundEvent, position));
    }
  }
  return [...before, ...during, ...after];
}

function eventContent(
  event: xdr.ContractEvent,
): Pick<EventRecord, "type" | "contractId" | "topics" | "value"> {
  const { topics, data } = event.body.v0;
  return {
    type: event.type.name === "system" ? "system" : "contract",
    contractId: event.contractId ? StrKey.encodeContract(event.contractId.value) : "",
    topics: topics.map((topic) => topic.toXdr("base64")),
    value: data.toXdr("base64"),
  };
}
