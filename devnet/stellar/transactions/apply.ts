import { createHash } from "node:crypto";
import { xdr } from "@stellar/stellar-sdk";
import {
  changeAccount,
  type LedgerContext,
  loadAccount,
  storeAccount,
  withSequence,
  withSigners,
} from "../ledger/accounts.ts";
import type { LedgerState } from "../ledger/state.ts";
import type { AssetEvents } from "../operations/asset-events.ts";
import { classicOperation, isSorobanBody } from "../operations/index.ts";
import { type OperationOutcome, refused } from "../operations/operation.ts";
import { applySoroban, type SorobanOutcome } from "../operations/soroban.ts";
import type { NetworkSettings } from "../settings.ts";
import type { SorobanEngine } from "../soroban-engine.ts";
import { ledgerEntryChanges } from "./changes.ts";
import { feeUnits, inclusionFee, operationSource, type SubmittedTransaction } from "./envelope.ts";
import type { TransactionEnd } from "./results.ts";
import { isPreauthorized, type SignatureChecker } from "./signatures.ts";
import { declaredFee } from "./soroban-validity.ts";
import { authFault, commonFault, innerChecker, untouchedResult } from "./validate.ts";

/** What a transaction is applied with: the ledger being closed. */
export interface ApplyContext {
  readonly state: LedgerState;
  readonly settings: NetworkSettings;
  readonly ledger: LedgerContext;
  readonly engine: SorobanEngine;
  readonly assetEvents: AssetEvents;
  /** Differs per ledger; the randomness of contracts comes from it. */
  readonly ledgerSeed: Uint8Array;
}

export interface AppliedTransaction {
  readonly end: TransactionEnd;
  /** Per operation; empty lists when the transaction failed. */
  readonly operations: readonly AppliedOperation[];
  readonly changesBefore: readonly xdr.LedgerEntryChange[];
  readonly soroban: SorobanOutcome | null;
  /** Unused part of the resource fee, to be given back after all transactions. */
  readonly refundStroops: bigint;
}

export interface AppliedOperation {
  readonly changes: readonly xdr.LedgerEntryChange[];
  readonly events: readonly xdr.ContractEvent[];
}

/**
 * Takes the fee before any transaction of the ledger is applied. An account that meanwhile lacks
 * it pays what it has.
 */
export function chargeFee(context: ApplyContext, submitted: SubmittedTransaction): bigint {
  const payer = loadAccount(context.state, submitted.feeSource);
  if (!payer) return 0n;
  const wanted = fullFee(context.settings, submitted);
  const charged = wanted < payer.balance ? wanted : payer.balance;
  const balance = payer.balance - charged;
  storeAccount(context.state, context.ledger, changeAccount(payer, { balance }));
  return charged;
}

/** The base fee per operation, though more may be offered, and the declared resource fee. */
export function fullFee(settings: NetworkSettings, submitted: SubmittedTransaction): bigint {
  const offered = inclusionFee(submitted);
  const needed = BigInt(settings.baseFeeStroops) * feeUnits(submitted);
  return (submitted.sorobanData?.resourceFee ?? 0n) + (offered < needed ? offered : needed);
}

/** Gives back to whoever paid; nothing if that account is gone. */
export function refundFee(
  context: ApplyContext,
  submitted: SubmittedTransaction,
  refundStroops: bigint,
): void {
  const payer = loadAccount(context.state, submitted.feeSource);
  if (!payer || refundStroops <= 0n) return;
  const balance = payer.balance + refundStroops;
  storeAccount(context.state, context.ledger, changeAccount(payer, { balance }));
}

/** All or nothing, except for the sequence number. The fee has been taken already. */
export function applyTransaction(
  context: ApplyContext,
  submitted: SubmittedTransaction,
  order: number,
): AppliedTransaction {
  const { state, ledger } = context;
  const start = state.mark();
  const signatures = innerChecker(submitted);
  const { fault, consumesSequence } = commonFault(
    { ...context, applying: true, lateMarginS: 0 },
    submitted,
    signatures,
  );
  if (consumesSequence) consumeSequence(state, ledger, submitted);
  const unsigned = fault ? null : authFaults(state, submitted, signatures);
  if (consumesSequence) removeOneTimeSigners(state, ledger, submitted);
  const changesBefore = ledgerEntryChanges(state.changesSince(start));
  const declared = declaredFee(context.engine, submitted) ?? 0n;
  const refundStroops = (submitted.sorobanData?.resourceFee ?? 0n) - declared;
  const stopped = (end: TransactionEnd): AppliedTransaction => ({
    end,
    operations: [],
    changesBefore,
    soroban: null,
    refundStroops,
  });
  if (fault) return stopped({ code: fault });
  if (unsigned) return stopped({ code: "txFailed", operations: unsigned });
  if (!signatures.allUsed()) return stopped({ code: "txBadAuthExtra" });
  return { ...applyOperations(context, submitted, order), changesBefore };
}

function applyOperations(
  context: ApplyContext,
  submitted: SubmittedTransaction,
  order: number,
): Omit<AppliedTransaction, "changesBefore"> {
  const { state } = context;
  const start = state.mark();
  const results: xdr.OperationResult[] = [];
  const operations: AppliedOperation[] = [];
  let soroban: SorobanOutcome | null = null;
  let ok = true;
  for (const operation of submitted.tx.operations) {
    const mark = state.mark();
    const outcome = applyOperation(context, submitted, operation, order);
    if ("returnValue" in outcome) soroban = outcome;
    results.push(outcome.result);
    ok &&= outcome.ok;
    // Later operations are still tried, so that the result tells of all of them.
    if (!outcome.ok) state.rollback(mark);
    operations.push({
      changes: outcome.ok ? ledgerEntryChanges(state.changesSince(mark)) : [],
      events: outcome.events,
    });
  }
  if (!ok) state.rollback(start);
  const code = ok ? "txSuccess" : "txFailed";
  return {
    end: { code, operations: results },
    operations: ok ? operations : [],
    soroban,
    refundStroops: unusedResourceFee(submitted, soroban),
  };
}

function applyOperation(
  context: ApplyContext,
  submitted: SubmittedTransaction,
  operation: xdr.Operation,
  order: number,
): OperationOutcome | SorobanOutcome {
  const { state, ledger, engine, assetEvents } = context;
  const { body } = operation;
  const source = operationSource(submitted, operation);
  if (!loadAccount(state, source)) return refused(xdr.OperationResult.opNoAccount());
  if (isSorobanBody(body)) {
    const { sorobanData: data, sizeBytes: transactionSizeBytes } = submitted;
    if (!data) return refused(xdr.OperationResult.opNotSupported());
    const seed = createHash("sha256").update(context.ledgerSeed).update(String(order)).digest();
    return applySoroban({ state, ledger, engine, source, data, transactionSizeBytes, seed }, body);
  }
  const classic = classicOperation(body.type);
  if (!classic) return refused(xdr.OperationResult.opNotSupported());
  const malformed = classic.malformed(body, source);
  if (malformed) return refused(malformed);
  const memo = submitted.tx.memo;
  return classic.apply({ state, ledger, source, memo, assetEvents }, body);
}

function unusedResourceFee(
  submitted: SubmittedTransaction,
  soroban: SorobanOutcome | null,
): bigint {
  const declared = submitted.sorobanData?.resourceFee ?? 0n;
  if (!soroban) return declared;
  const unused = declared - soroban.nonRefundableFee - soroban.refundableFee;
  return unused > 0n ? unused : 0n;
}

function consumeSequence(
  state: LedgerState,
  ledger: LedgerContext,
  { source, tx }: SubmittedTransaction,
): void {
  const account = loadAccount(state, source);
  if (account) storeAccount(state, ledger, withSequence(account, tx.seqNum, ledger));
}

function authFaults(
  state: LedgerState,
  submitted: SubmittedTransaction,
  signatures: SignatureChecker,
): xdr.OperationResult[] | null {
  const { operations } = submitted.tx;
  const faults = operations.map((operation) =>
    authFault(state, operation, operationSource(submitted, operation), signatures),
  );
  if (faults.every((fault) => fault === null)) return null;
  return faults.map((fault, at) => fault ?? untouchedResult(operations[at]?.body));
}

/** A pre-authorised transaction's hash is worth one transaction. */
function removeOneTimeSigners(
  state: LedgerState,
  ledger: LedgerContext,
  submitted: SubmittedTransaction,
): void {
  const contentsHash = submitted.feeBump?.innerContentsHash ?? submitted.contentsHash;
  const sources = submitted.tx.operations.map((op) => operationSource(submitted, op));
  for (const id of [submitted.source, ...sources]) {
    const account = loadAccount(state, id);
    const spent = account?.signers.some(({ key }) => isPreauthorized(key, contentsHash));
    if (!account || !spent) continue;
    const left = account.signers.filter(({ key }) => !isPreauthorized(key, contentsHash));
    storeAccount(state, ledger, withSigners(account, left));
  }
}
