import { createHash } from "node:crypto";
import { Keypair } from "@stellar/stellar-sdk";
import { createHistory, type History, type HistoryLimits } from "../history/history.ts";
import { type HeaderSettings, sealLedger, TOTAL_COINS } from "../history/ledger-header.ts";
import type { LedgerRecord } from "../history/records.ts";
import { storeSettings } from "../settings-entries.ts";
import { hostSettings, type NetworkSettings } from "../settings.ts";
import { createSorobanEngine, type SorobanEngine } from "../soroban-engine.ts";
import type { SorobanHost } from "../soroban-host.ts";
import { newAccount, storeAccount } from "./accounts.ts";
import { createLedgerState, type EntryChange, type LedgerState } from "./state.ts";

export interface LedgerOptions {
  readonly passphrase: string;
  readonly settings: NetworkSettings;
  readonly host: SorobanHost;
  readonly history: HistoryLimits;
  /** Continues from here; null begins with a genesis ledger. */
  readonly restored: RestoredLedger | null;
  /** Called after each ledger, before anybody can read it. */
  readonly onClosed: (closed: ClosedLedger) => void;
}

/** What a journal gives back: the entries and the remembered ledgers, oldest first. */
export interface RestoredLedger {
  readonly state: LedgerState;
  readonly ledgers: readonly [LedgerRecord, ...LedgerRecord[]];
  readonly timeOffsetMs: number;
}

export interface ClosedLedger {
  readonly ledger: LedgerRecord;
  readonly changes: readonly EntryChange[];
}

/** The ledger between two closes: everything but the transactions that wait. */
export interface OpenLedger {
  readonly networkId: Uint8Array;
  /** Holds all the XLM there is at first; its seed is the network id, as on every network. */
  readonly root: Keypair;
  readonly state: LedgerState;
  readonly history: History;
  readonly engine: SorobanEngine;
  readonly headerSettings: HeaderSettings;
}

/** `nowS` is the close time of the genesis ledger. */
export function openLedger(options: LedgerOptions, nowS: number): OpenLedger {
  const { settings, restored } = options;
  const networkId = createHash("sha256").update(options.passphrase).digest();
  const root = Keypair.fromRawEd25519Seed(networkId);
  const state = restored?.state ?? createLedgerState();
  const engine = createSorobanEngine(options.host, hostSettings(settings, networkId), state);
  const headerSettings = { ...settings, protocolVersion: engine.protocolVersion };
  const open = { networkId, root, state, engine, headerSettings };
  if (restored) {
    const [first, ...rest] = restored.ledgers;
    const history = createHistory(first, options.history);
    for (const ledger of rest) history.append(ledger);
    return { ...open, history };
  }
  const { baseReserveStroops } = settings;
  const context = { sequence: 1, closeTimeS: nowS, baseReserveStroops };
  storeAccount(state, context, newAccount(root.xdrAccountId(), TOTAL_COINS, context));
  storeSettings(state, settings);
  const empty = { transactions: [], events: [], feePoolStroops: 0n };
  const genesis = sealLedger({ ...empty, sequence: 1, closeTimeS: nowS }, null, headerSettings);
  options.onClosed({ ledger: genesis, changes: state.changesSince(0) });
  state.settle();
  return { ...open, history: createHistory(genesis, options.history) };
}
