import { createHash } from "node:crypto";
import { Keypair, type xdr } from "@stellar/stellar-sdk";
import type { Clock } from "./clock.ts";
import { createHistory, type History, type HistoryLimits } from "./history/history.ts";
import { type HeaderSettings, sealLedger, TOTAL_COINS } from "./history/ledger-header.ts";
import type { LedgerRecord } from "./history/records.ts";
import { type LedgerContext, newAccount, storeAccount } from "./ledger/accounts.ts";
import { applyLedger } from "./ledger/close.ts";
import { evictExpired } from "./ledger/evict.ts";
import { createLedgerState, type EntryChange, type LedgerState } from "./ledger/state.ts";
import { createAssetEvents } from "./operations/asset-events.ts";
import { storeSettings } from "./settings-entries.ts";
import { hostSettings, type NetworkSettings } from "./settings.ts";
import { createSorobanEngine, type SorobanEngine } from "./soroban-engine.ts";
import type { SorobanHost } from "./soroban-host.ts";
import { readEnvelope, type SubmittedTransaction } from "./transactions/envelope.ts";
import { fullFee } from "./transactions/apply.ts";
import { createTransactionQueue } from "./transactions/queue.ts";
import { transactionResult } from "./transactions/results.ts";
import type { ValidationContext } from "./transactions/validate.ts";

export interface ChainOptions {
  readonly passphrase: string;
  readonly settings: NetworkSettings;
  readonly host: SorobanHost;
  readonly clock: Clock;
  readonly history: HistoryLimits;
  /**
   * Seconds by which a transaction must outlive now to be let into the queue: it could not be
   * applied in time. The network takes twice the usual distance of ledgers.
   */
  readonly lateMarginS: number;
  /** Continues from here; null begins with a genesis ledger. */
  readonly restored: RestoredChain | null;
  /** Called after each ledger, before anybody can read it. */
  readonly onClosed: (closed: ClosedLedger) => void;
}

/** What a journal gives back: the entries and the remembered ledgers, oldest first. */
export interface RestoredChain {
  readonly state: LedgerState;
  readonly ledgers: readonly [LedgerRecord, ...LedgerRecord[]];
  readonly timeOffsetMs: number;
}

export interface ClosedLedger {
  readonly ledger: LedgerRecord;
  readonly changes: readonly EntryChange[];
}

/** As sendTransaction answers; `errorResult` goes with ERROR. */
export interface SubmitAnswer {
  readonly status: "PENDING" | "DUPLICATE" | "TRY_AGAIN_LATER" | "ERROR";
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
  /** Holds all the XLM there is at first; friendbot spends from it. */
  readonly root: Keypair;
  /** Transactions that wait for the next ledger. */
  readonly pending: number;
  readonly timeOffsetMs: number;
  /** @throws if the text is not one TransactionEnvelope in base64 XDR */
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

/** Expired temporary entries are swept out every so many ledgers. */
const EVICTION_PERIOD_LEDGERS = 64;

export function createChain(options: ChainOptions): StellarChain {
  const { passphrase, settings, clock, restored } = options;
  const networkId = createHash("sha256").update(passphrase).digest();
  const root = Keypair.fromRawEd25519Seed(networkId);
  const state = restored?.state ?? createLedgerState();
  const queue = createTransactionQueue();
  const assetEvents = createAssetEvents(passphrase);
  const engine = createSorobanEngine(options.host, hostSettings(settings, networkId), state);
  const headerSettings = { ...settings, protocolVersion: engine.protocolVersion };
  let timeOffsetMs = restored?.timeOffsetMs ?? 0;
  if (!restored) seedGenesis();
  const history = openHistory();

  function chainTimeS(): number {
    return Math.floor((clock.now() + timeOffsetMs) / 1000);
  }

  function contextOf(sequence: number, closeTimeS: number): LedgerContext {
    return { sequence, closeTimeS, baseReserveStroops: settings.baseReserveStroops };
  }

  function seedGenesis(): void {
    const genesis = contextOf(1, chainTimeS());
    storeAccount(state, genesis, newAccount(root.xdrAccountId(), TOTAL_COINS, genesis));
    storeSettings(state, settings);
  }

  function openHistory(): History {
    if (restored) {
      const [first, ...rest] = restored.ledgers;
      const history = createHistory(first, options.history);
      for (const ledger of rest) history.append(ledger);
      return history;
    }
    const empty = { transactions: [], events: [], feePoolStroops: 0n };
    const first = { ...empty, sequence: 1, closeTimeS: chainTimeS() };
    const genesis = sealLedger(first, null, headerSettings);
    options.onClosed({ ledger: genesis, changes: state.changesSince(0) });
    state.settle();
    return createHistory(genesis, options.history);
  }

  /** Time never runs backwards, but ledgers closed within a second share it. */
  function nextLedger(): LedgerContext {
    const { sequence, closeTimeS } = history.latest;
    return contextOf(sequence + 1, Math.max(closeTimeS, chainTimeS()));
  }

  function validation(ledger: LedgerContext, lateMarginS: number): ValidationContext {
    return { state, settings, engine, ledger, applying: false, lateMarginS };
  }

  function close(submitted: readonly SubmittedTransaction[], ledger: LedgerContext): LedgerRecord {
    const { latest } = history;
    const ledgerSeed = createHash("sha256").update(networkId).update(latest.hash).digest();
    const apply = { state, settings, ledger, engine, assetEvents, ledgerSeed };
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
    options.onClosed({ ledger: record, changes: state.changesSince(0) });
    state.settle();
    history.append(record);
    queue.closed(record.sequence, submitted);
    return record;
  }

  function closeLedger(): LedgerRecord {
    const ledger = nextLedger();
    const taken = queue.take(validation(ledger, 0), settings.ledgerMaxTransactions);
    return close(taken, ledger);
  }

  return {
    passphrase,
    settings,
    headerSettings,
    history,
    state,
    engine,
    root,
    get pending() {
      return queue.size;
    },
    get timeOffsetMs() {
      return timeOffsetMs;
    },
    submit(envelopeBase64) {
      const submitted = readEnvelope(envelopeBase64, networkId);
      const answer = queue.add(validation(nextLedger(), options.lateMarginS), submitted);
      const { hash } = submitted;
      if (answer.status !== "ERROR") return { status: answer.status, hash, errorResult: null };
      const { end, of } = answer.fault;
      const innerHash = of === "inner" ? (submitted.feeBump?.innerHash ?? null) : null;
      const feeChargedStroops = fullFee(settings, submitted);
      const errorResult = transactionResult({ feeChargedStroops, end, innerHash });
      return { status: "ERROR", hash, errorResult };
    },
    hashOf: (envelopeBase64) => readEnvelope(envelopeBase64, networkId).hash,
    closeLedger,
    closeLedgerWith: (envelopeBase64) =>
      close([readEnvelope(envelopeBase64, networkId)], nextLedger()),
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
