import { xdr } from "@stellar/stellar-sdk";
import type { StellarChain } from "../chain.ts";
import { type HeaderSettings, ledgerHeader } from "../history/ledger-header.ts";
import type { LedgerRecord, TransactionRecord } from "../history/records.ts";
import { invalidParams, refuseJsonFormat } from "./json-rpc.ts";
import { historyRange, type RpcMethod } from "./method.ts";
import { readPage } from "./transactions.ts";

const DEFAULT_LIMIT = 5;
const MAX_LIMIT = 200;

/** The answer about the latest ledger of a chain: it is asked for often, and costly to make. */
const latestAnswers = new WeakMap<StellarChain, { readonly of: LedgerRecord; answer: unknown }>();

export const getLatestLedger: RpcMethod = ({ chain }) => {
  const { latest } = chain.history;
  const known = latestAnswers.get(chain);
  if (known?.of === latest) return known.answer;
  const answer = {
    id: latest.hash,
    protocolVersion: chain.headerSettings.protocolVersion,
    sequence: latest.sequence,
    closeTime: String(latest.closeTimeS),
    headerXdr: ledgerHeader(latest, chain.headerSettings).toXdr("base64"),
    metadataXdr: closeMeta(latest, chain.headerSettings).toXdr("base64"),
  };
  latestAnswers.set(chain, { of: latest, answer });
  return answer;
};

export const getLedgers: RpcMethod = ({ chain }, params) => {
  refuseJsonFormat(params);
  const { history } = chain;
  const { limit, startLedger, cursor } = readPage(params, history, MAX_LIMIT, DEFAULT_LIMIT);
  if (cursor !== null && !/^\d{1,10}$/.test(cursor)) throw invalidParams("invalid cursor");
  const first = cursor === null ? startLedger : Number(cursor) + 1;
  const ledgers = Array.from({ length: limit }, (_, index) => history.ledger(first + index)).filter(
    (ledger) => ledger !== null,
  );
  return {
    ledgers: ledgers.map((ledger) => ({
      hash: ledger.hash,
      sequence: ledger.sequence,
      ledgerCloseTime: String(ledger.closeTimeS),
      headerXdr: headerEntry(ledger, chain.headerSettings).toXdr("base64"),
      metadataXdr: closeMeta(ledger, chain.headerSettings).toXdr("base64"),
    })),
    ...historyRange(history),
    cursor: String(ledgers.at(-1)?.sequence ?? cursor ?? first),
  };
};

function headerEntry(ledger: LedgerRecord, settings: HeaderSettings): xdr.LedgerHeaderHistoryEntry {
  return new xdr.LedgerHeaderHistoryEntry({
    hash: Buffer.from(ledger.hash, "hex"),
    header: ledgerHeader(ledger, settings),
    ext: xdr.LedgerHeaderHistoryEntryExt.v0(),
  });
}

/** The changes of the fee passes are not kept: those two lists are empty. */
function closeMeta(ledger: LedgerRecord, settings: HeaderSettings): xdr.LedgerCloseMeta {
  const classic = ledger.transactions.filter(({ soroban }) => !soroban);
  const soroban = ledger.transactions.filter((one) => one.soroban);
  const txSet = new xdr.TransactionSetV1({
    previousLedgerHash: Buffer.from(ledger.previousHash, "hex"),
    phases: [classicPhase(classic), sorobanPhase(soroban)],
  });
  return xdr.LedgerCloseMeta.v2(
    new xdr.LedgerCloseMetaV2({
      ext: xdr.LedgerCloseMetaExt.v0(),
      ledgerHeader: headerEntry(ledger, settings),
      txSet: xdr.GeneralizedTransactionSet.v1TxSet(txSet),
      txProcessing: ledger.transactions.map(processed),
      upgradesProcessing: [],
      scpInfo: [],
      totalByteSizeOfLiveSorobanState: 0n,
      evictedKeys: [],
    }),
  );
}

function processed(record: TransactionRecord): xdr.TransactionResultMetaV1 {
  return new xdr.TransactionResultMetaV1({
    ext: xdr.ExtensionPoint.v0(),
    result: new xdr.TransactionResultPair({
      transactionHash: Buffer.from(record.hash, "hex"),
      result: xdr.TransactionResult.fromXdr(record.result, "base64"),
    }),
    feeProcessing: [],
    txApplyProcessing: xdr.TransactionMeta.fromXdr(record.meta, "base64"),
    postTxApplyFeeProcessing: [],
  });
}

function envelope(record: TransactionRecord): xdr.TransactionEnvelope {
  return xdr.TransactionEnvelope.fromXdr(record.envelope, "base64");
}

function classicPhase(records: readonly TransactionRecord[]): xdr.TransactionPhase {
  if (records.length === 0) return xdr.TransactionPhase.v0Components([]);
  const component = new xdr.TxSetComponentTxsMaybeDiscountedFee({
    baseFee: null,
    txs: records.map(envelope),
  });
  return xdr.TransactionPhase.v0Components([
    xdr.TxSetComponent.txsetCompTxsMaybeDiscountedFee(component),
  ]);
}

function sorobanPhase(records: readonly TransactionRecord[]): xdr.TransactionPhase {
  return xdr.TransactionPhase.parallelTxsComponent(
    new xdr.ParallelTxsComponent({
      baseFee: null,
      executionStages: records.length === 0 ? [] : [[records.map(envelope)]],
    }),
  );
}
