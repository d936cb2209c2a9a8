import { createHash } from "node:crypto";
import type { Keypair, xdr } from "@stellar/stellar-sdk";
import type { Clock } from "./clock.ts";
import type { History } from "./history/history.ts";
import { type HeaderSettings, sealLedger } from "./history/ledger-header.ts";
import type { LedgerRecord } from "./history/records.ts";
import type { LedgerContext } from "./ledger/accounts.ts";
import { applyLedger } from "./ledger/close.ts";
import { evictExpired } from "./ledger/evict.ts";
import { type LedgerOptions, openLedger, type OpenLedger } from "./ledger/open.ts";
import type { LedgerState } from "./ledger/state.ts";
import { createAssetEvents } from "./operations/asset-events.ts";
import type { NetworkSettings } from "./settings.ts";
import type { SorobanEngine } from "./soroban-engine.ts";
import { type ApplyContext, fullFee } from "./transactions/apply.ts";
import { feeUnits, readEnvelope, type SubmittedTransaction } from "./transactions/envelope.ts";
import { createTransactionQueue, type QueueAnswer } from "./transactions/queue.ts";
import { transactionResult } from "./transactions/results.ts";
import type { ValidationContext } from "./transactions/validate.ts";

export interface ChainOptions extends LedgerOptions {
  readonly clock: Clock;
  /**
   * Seconds by which a transaction must outlive now to be let into the queue: it could not be
   * applied in time. The network takes twice the usual distance of ledgers.
   */
  readonly lateMarginS: number;
}

/** As sendTransaction answers; `errorResult` goes with ERROR. */
export interface SubmitAnswer {
  readonly status: QueueAnswer["status"];
  readonly hash: string;
  readonly errorResult: xdr.TransactionResult | null;
}

/** One local network: its entries, its queue and its past. Nothing happens until `closeLedger`. */
export interface StellarChain {
  readonly passphrase: string;
  readonly settings: NetworkSettings;
  readonly headerSettings: HeaderSettings;
  readonly history: History;
  readonly state: LedgerState;
  readonly engine: SorobanEngine;
  /** Friendbot spends from it. */
  readonly root: Keypair;
  /** Transactions that wait for the next ledger. */
  readonly pending: number;
  readonly timeOffsetMs: number;
  /** @throws MalformedEnvelope if the text is not one TransactionEnvelope in base64 XDR */
  submit(envelopeBase64: string): SubmitAnswer;
  /** Hex. @throws like `submit` */
  hashOf(envelopeBase64: string): string;
  /** Closes a ledger with what waits. */
  closeLedger(): LedgerRecord;
  /** Closes a ledger with this envelope alone, valid or not; what waits goes on waiting. */
  closeLedgerWith(envelopeBase64: string): LedgerRecord;
  /** Moves the chain's clock; the next ledger shows it. */
  advanceTime(seconds: number): void;
  /** Closes this many ledgers, the first one with what waits. */
  advanceLedgers(count: number): LedgerRecord;
  /** Forgets a waiting transaction, as if the network had lost it; false if it does not wait. */
  lose(hash: string): boolean;
  /** The ledger that a simulation runs in: the next one. */
  nextLedger(): LedgerContext;
}

export function createChain(options: ChainOptions): StellarChain {
  const { passphrase, settings, clock, lateMarginS } = options;
  let timeOffsetMs = options.restored?.timeOffsetMs ?? 0;
  const chainTimeS = () => Math.floor((clock.now() + timeOffsetMs) / 1000);
  const open = openLedger(options, chainTimeS());
  const { networkId, history, state, engine } = open;
  const queue = createTransactionQueue();
  const close = createCloser(open, options);

  /** Time never runs backwards, but ledgers closed within a second share it. */
  function nextLedger(): LedgerContext {
    const { sequence, closeTimeS } = history.latest;
    return {
      sequence: sequence + 1,
      closeTimeS: Math.max(closeTimeS, chainTimeS()),
      baseReserveStroops: settings.baseReserveStroops,
    };
  }

  function validation(ledger: LedgerContext, marginS: number): ValidationContext {
    return { state, settings, engine, ledger, applying: false, lateMarginS: marginS };
  }

  function closeWith(submitted: readonly SubmittedTransaction[], ledger: LedgerContext) {
    const record = close(submitted, ledger);
    queue.closed(record.sequence, submitted);
    return record;
  }

  function closeLedger(): LedgerRecord {
    const ledger = nextLedger();
    const taken = queue.take(validation(ledger, 0), settings.ledgerMaxTransactions);
    return closeWith(taken, ledger);
  }

  return {
    ...open,
    passphrase,
    settings,
    get pending() {
      return queue.size;
    },
    get timeOffsetMs() {
      return timeOffsetMs;
    },
    submit(envelopeBase64) {
      const submitted = readEnvelope(envelopeBase64, networkId);
      const answer = queue.add(validation(nextLedger(), lateMarginS), submitted);
      return submitAnswer(settings, submitted, answer);
    },
    hashOf: (envelopeBase64) => readEnvelope(envelopeBase64, networkId).hash,
    closeLedger,
    closeLedgerWith: (envelopeBase64) =>
      closeWith([readEnvelope(envelopeBase64, networkId)], nextLedger()),
    advanceTime(seconds) {
      timeOffsetMs += seconds * 1000;
    },
    advanceLedgers(count) {
      let last = history.latest;
      for (let closed = 0; closed < count; closed += 1) last = closeLedger();
      return last;
    },
    lose: (hash) => queue.lose(hash),
    nextLedger,
  };
}

/** Expired temporary entries are swept out every so many ledgers. */
const EVICTION_PERIOD_LEDGERS = 64;

type Closer = (submitted: readonly SubmittedTransaction[], ledger: LedgerContext) => LedgerRecord;

/** Applies, seals, hands to the journal, and only then lets everybody see it. */
function createCloser(open: OpenLedger, options: ChainOptions): Closer {
  const { state, history, engine, networkId, headerSettings } = open;
  const { settings, onClosed } = options;
  const assetEvents = createAssetEvents(options.passphrase);
  return (submitted, ledger) => {
    const { latest } = history;
    const ledgerSeed = createHash("sha256").update(networkId).update(latest.hash).digest();
    const apply: ApplyContext = { state, settings, ledger, engine, assetEvents, ledgerSeed };
    const { transactions, events, feesStroops } = applyLedger(apply, submitted);
    if (ledger.sequence % EVICTION_PERIOD_LEDGERS === 0) evictExpired(state, ledger.sequence);
    const unsealed = {
      sequence: ledger.sequence,
      closeTimeS: ledger.closeTimeS,
      feePoolStroops: latest.feePoolStroops + feesStroops,
      transactions,
      events,
    };
    const record = sealLedger(unsealed, latest, headerSettings);
    onClosed({ ledger: record, changes: state.changesSince(0) });
    state.settle();
    history.append(record);
    return record;
  };
}

function submitAnswer(
  settings: NetworkSettings,
  submitted: SubmittedTransaction,
  answer: QueueAnswer,
): SubmitAnswer {
  const { hash, feeBump } = submitted;
  if (answer.status !== "ERROR") return { status: answer.status, hash, errorResult: null };
  const { end, of } = answer.fault;
  const innerHash = of === "inner" ? (feeBump?.innerHash ?? null) : null;
  const minimum = BigInt(settings.baseFeeStroops) * feeUnits(submitted);
  // Who offered too little is told how much it takes.
  const feeChargedStroops =
    end.code === "txInsufficientFee" ? minimum : fullFee(settings, submitted);
  const errorResult = transactionResult({ feeChargedStroops, end, innerHash });
  return { status: "ERROR", hash, errorResult };
}
