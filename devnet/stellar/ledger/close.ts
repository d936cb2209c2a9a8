import type { EventRecord, TransactionRecord } from "../history/records.ts";
import {
  type ApplyContext,
  applyTransaction,
  chargeFee,
  refundFee,
} from "../transactions/apply.ts";
import type { SubmittedTransaction } from "../transactions/envelope.ts";
import {
  type FinishedTransaction,
  ledgerEvents,
  transactionRecord,
} from "../transactions/record.ts";

export interface ClosedContents {
  readonly transactions: readonly TransactionRecord[];
  readonly events: readonly EventRecord[];
  readonly feesStroops: bigint;
}

const EMPTY: ClosedContents = { transactions: [], events: [], feesStroops: 0n };

/**
 * Applies a ledger's transactions in three passes, as the network does: all fees are taken, classic
 * transactions run before contract calls, unused resource fees are given back.
 */
export function applyLedger(
  context: ApplyContext,
  submitted: readonly SubmittedTransaction[],
): ClosedContents {
  if (submitted.length === 0) return EMPTY;
  const { ledger, assetEvents } = context;
  const ordered = [
    ...submitted.filter(({ sorobanBody }) => sorobanBody === null),
    ...submitted.filter(({ sorobanBody }) => sorobanBody !== null),
  ];
  const charged = ordered.map((one) => chargeFee(context, one));
  const applied = ordered.map((one, order) => applyTransaction(context, one, order));
  let feesStroops = 0n;
  const finished = ordered.map((one, index): FinishedTransaction => {
    const fee = charged[index] ?? 0n;
    const outcome = applied[index];
    if (!outcome) throw new Error("a transaction of the ledger was not applied");
    const refund = outcome.refundStroops < fee ? outcome.refundStroops : fee;
    refundFee(context, one, refund);
    feesStroops += fee - refund;
    return {
      submitted: one,
      applied: outcome,
      feeChargedStroops: fee - refund,
      feeEvent: fee > 0n ? assetEvents.fee(one.feeSource, fee) : null,
      refundEvent: refund > 0n ? assetEvents.fee(one.feeSource, -refund) : null,
    };
  });
  const position = { ledger: ledger.sequence, closeTimeS: ledger.closeTimeS };
  return {
    transactions: finished.map((one, index) =>
      transactionRecord(one, { ...position, applicationOrder: index + 1 }),
    ),
    events: ledgerEvents(finished, position),
    feesStroops,
  };
}
