import { xdr } from "@stellar/stellar-sdk";
import {
  availableBalance,
  type LedgerContext,
  loadAccount,
  MAX_INT64,
  sequenceSince,
  startingSequence,
} from "../ledger/accounts.ts";
import type { LedgerState } from "../ledger/state.ts";
import { classicOperation, isSupported, thresholdOf } from "../operations/index.ts";
import type { NetworkSettings } from "../settings.ts";
import { feeUnits, inclusionFee, operationSource, type SubmittedTransaction } from "./envelope.ts";
import type { TransactionEnd, TransactionFaultCode } from "./results.ts";
import { createSignatureChecker, ownKey, type SignatureChecker, signersOf } from "./signatures.ts";
import type { SorobanEngine } from "../soroban-engine.ts";
import { sorobanFault } from "./soroban-validity.ts";

/** Against what a transaction is judged: the ledger it would be applied in. */
export interface ValidationContext {
  readonly state: LedgerState;
  readonly settings: NetworkSettings;
  readonly engine: SorobanEngine;
  readonly ledger: LedgerContext;
  /** On arrival the fee must still be affordable; when applied it has been taken already. */
  readonly applying: boolean;
  /** Seconds by which a transaction must outlive the close time; 0 when it is applied. */
  readonly lateMarginS: number;
}

/** `consumesSequence`: an applied transaction with this fault has used up its sequence number. */
export interface Verdict {
  readonly fault: TransactionFaultCode | null;
  readonly consumesSequence: boolean;
}

/** A fault of a fee bump is its own or that of the transaction inside. */
export interface EnvelopeFault {
  readonly end: TransactionEnd;
  readonly of: "envelope" | "inner";
}

/** What the network checks before it lets an envelope into its queue; null if all is well. */
export function envelopeFault(
  context: ValidationContext,
  submitted: SubmittedTransaction,
): EnvelopeFault | null {
  const { feeBump } = submitted;
  const outer = feeBump ? feeBumpFault(context, submitted) : null;
  if (outer) return { end: { code: outer }, of: "envelope" };
  const of = feeBump ? "inner" : "envelope";
  const signatures = innerChecker(submitted);
  const { fault } = commonFault(context, submitted, signatures);
  if (fault) return { end: { code: fault }, of };
  const operations = operationFaults(context, submitted, signatures);
  if (operations) return { end: { code: "txFailed", operations }, of };
  if (!signatures.allUsed()) return { end: { code: "txBadAuthExtra" }, of };
  return null;
}

export function innerChecker(submitted: SubmittedTransaction): SignatureChecker {
  const contentsHash = submitted.feeBump?.innerContentsHash ?? submitted.contentsHash;
  const { signatures, verified } = submitted;
  return createSignatureChecker({ contentsHash, signatures, verified });
}

/** Everything about a transaction but its operations, in the order in which the network looks. */
export function commonFault(
  context: ValidationContext,
  submitted: SubmittedTransaction,
  signatures: SignatureChecker,
): Verdict {
  const { state, ledger } = context;
  const early = faultBeforeSequence(context, submitted);
  if (early) return { fault: early, consumesSequence: false };
  const account = loadAccount(state, submitted.source);
  if (!account) return { fault: "txNoAccount", consumesSequence: false };
  if (isBadSequence(submitted.tx, account, ledger)) {
    return { fault: "txBadSeq", consumesSequence: false };
  }
  if (isTooEarlyForAccount(submitted.tx, account, ledger)) {
    return { fault: "txBadMinSeqAgeOrGap", consumesSequence: true };
  }
  const lowThreshold = account.thresholds.value[1] ?? 0;
  if (!signatures.reaches(signersOf(account), lowThreshold) || !hasExtra(submitted, signatures)) {
    return { fault: "txBadAuth", consumesSequence: true };
  }
  const paysHere = !submitted.feeBump && !context.applying;
  if (paysHere && availableBalance(account, ledger) < submitted.maxFeeStroops) {
    return { fault: "txInsufficientBalance", consumesSequence: true };
  }
  return { fault: null, consumesSequence: true };
}

function faultBeforeSequence(
  context: ValidationContext,
  submitted: SubmittedTransaction,
): TransactionFaultCode | null {
  const { tx } = submitted;
  const soroban = sorobanFault(context.settings, context.engine, submitted);
  if (soroban) return soroban;
  const conditions = preconditions(tx);
  const extra = conditions.extraSigners.map((key) => key.toXdr("base64"));
  if (new Set(extra).size !== extra.length) return "txMalformed";
  if (tx.operations.length === 0) return "txMissingOperation";
  const timing = timingFault(conditions, context);
  if (timing) return timing;
  if (submitted.feeBump) return null;
  const minimum = BigInt(context.settings.baseFeeStroops) * feeUnits(submitted);
  return inclusionFee(submitted) < minimum ? "txInsufficientFee" : null;
}

function timingFault(
  { timeBounds, ledgerBounds }: Preconditions,
  { ledger: { closeTimeS, sequence }, lateMarginS }: ValidationContext,
): TransactionFaultCode | null {
  const time = BigInt(closeTimeS);
  const latest = time + BigInt(lateMarginS);
  if (timeBounds && timeBounds.minTime > time) return "txTooEarly";
  if (ledgerBounds && ledgerBounds.minLedger > sequence) return "txTooEarly";
  // Zero means without end; the ledger bound is exclusive, the time bound is not.
  if (timeBounds && timeBounds.maxTime !== 0n && timeBounds.maxTime < latest) return "txTooLate";
  const maxLedger = ledgerBounds?.maxLedger ?? 0;
  return maxLedger !== 0 && maxLedger <= sequence ? "txTooLate" : null;
}

/** Are the source's sequence numbers past, or not yet at, what the transaction asks for? */
function isBadSequence(
  tx: xdr.Transaction,
  account: xdr.AccountEntry,
  ledger: LedgerContext,
): boolean {
  if (tx.seqNum === startingSequence(ledger.sequence)) return true;
  const { minSeqNum } = preconditions(tx);
  if (minSeqNum !== null) return account.seqNum < minSeqNum || account.seqNum >= tx.seqNum;
  return account.seqNum === MAX_INT64 || account.seqNum + 1n !== tx.seqNum;
}

function isTooEarlyForAccount(
  tx: xdr.Transaction,
  account: xdr.AccountEntry,
  ledger: LedgerContext,
): boolean {
  const { minSeqAge, minSeqLedgerGap } = preconditions(tx);
  const since = sequenceSince(account);
  const age = BigInt(ledger.closeTimeS) - since.timeS;
  return age < minSeqAge || ledger.sequence - since.ledger < minSeqLedgerGap;
}

function hasExtra({ tx }: SubmittedTransaction, signatures: SignatureChecker): boolean {
  const { extraSigners } = preconditions(tx);
  const signers = extraSigners.map((key) => new xdr.Signer({ key, weight: 1 }));
  return signers.length === 0 || signatures.reaches(signers, signers.length);
}

function feeBumpFault(
  context: ValidationContext,
  submitted: SubmittedTransaction,
): TransactionFaultCode | null {
  const { feeBump, tx, maxFeeStroops } = submitted;
  if (!feeBump) return null;
  const baseFee = BigInt(context.settings.baseFeeStroops);
  const units = feeUnits(submitted);
  const offered = inclusionFee(submitted);
  if (offered < baseFee * units) return "txInsufficientFee";
  // The bump must offer at least the rate of the transaction inside.
  const innerOffered = BigInt(tx.fee) - (submitted.sorobanData?.resourceFee ?? 0n);
  if (offered * (units - 1n) < innerOffered * units) return "txInsufficientFee";
  const payer = loadAccount(context.state, submitted.feeSource);
  if (!payer) return "txNoAccount";
  const { contentsHash, verified } = submitted;
  const { signatures } = feeBump;
  const checker = createSignatureChecker({ contentsHash, signatures, verified });
  if (!checker.reaches(signersOf(payer), payer.thresholds.value[1] ?? 0)) return "txBadAuth";
  if (!checker.allUsed()) return "txBadAuthExtra";
  if (context.applying) return null;
  return availableBalance(payer, context.ledger) < maxFeeStroops ? "txInsufficientBalance" : null;
}

/** Results up to and including the first faulty operation; null if there is none. */
function operationFaults(
  context: ValidationContext,
  submitted: SubmittedTransaction,
  signatures: SignatureChecker,
): xdr.OperationResult[] | null {
  const { operations } = submitted.tx;
  for (const [index, operation] of operations.entries()) {
    const source = operationSource(submitted, operation);
    const fault = !isSupported(operation.body)
      ? xdr.OperationResult.opNotSupported()
      : (authFault(context.state, operation, source, signatures) ??
        classicOperation(operation.body.type)?.malformed(operation.body, source));
    if (fault) {
      return operations.map((other, at) => (at === index ? fault : untouchedResult(other.body)));
    }
  }
  return null;
}

/** Do the signatures suffice for this operation? Also for a source that does not exist yet. */
export function authFault(
  state: LedgerState,
  operation: xdr.Operation,
  source: xdr.PublicKey,
  signatures: SignatureChecker,
): xdr.OperationResult | null {
  const account = loadAccount(state, source);
  if (!account) {
    if (!operation.sourceAccount) return xdr.OperationResult.opNoAccount();
    const signed = signatures.reaches([ownKey(source)], 0);
    return signed ? null : xdr.OperationResult.opBadAuth();
  }
  const [, low = 0, medium = 0, high = 0] = account.thresholds.value;
  const needed = { low, medium, high }[thresholdOf(operation.body)];
  return signatures.reaches(signersOf(account), needed) ? null : xdr.OperationResult.opBadAuth();
}

/** The result of an operation that was not reached: success, as the network leaves it. */
export function untouchedResult(body: xdr.OperationBody | undefined): xdr.OperationResult {
  const result = body && UNTOUCHED[body.type];
  return result ? xdr.OperationResult.opInner(result()) : xdr.OperationResult.opNotSupported();
}

const ZERO_HASH = new Uint8Array(32);
const Tr = xdr.OperationResultTr;
const UNTOUCHED: Partial<Record<xdr.OperationBody["type"], () => xdr.OperationResultTr>> = {
  accountMerge: () => Tr.accountMerge(xdr.AccountMergeResult.accountMergeSuccess(0n)),
  bumpSequence: () => Tr.bumpSequence(xdr.BumpSequenceResult.bumpSequenceSuccess()),
  changeTrust: () => Tr.changeTrust(xdr.ChangeTrustResult.changeTrustSuccess()),
  createAccount: () => Tr.createAccount(xdr.CreateAccountResult.createAccountSuccess()),
  manageData: () => Tr.manageData(xdr.ManageDataResult.manageDataSuccess()),
  payment: () => Tr.payment(xdr.PaymentResult.paymentSuccess()),
  setOptions: () => Tr.setOptions(xdr.SetOptionsResult.setOptionsSuccess()),
  setTrustLineFlags: () =>
    Tr.setTrustLineFlags(xdr.SetTrustLineFlagsResult.setTrustLineFlagsSuccess()),
  invokeHostFunction: () =>
    Tr.invokeHostFunction(xdr.InvokeHostFunctionResult.invokeHostFunctionSuccess(ZERO_HASH)),
  extendFootprintTtl: () =>
    Tr.extendFootprintTtl(xdr.ExtendFootprintTtlResult.extendFootprintTtlSuccess()),
  restoreFootprint: () => Tr.restoreFootprint(xdr.RestoreFootprintResult.restoreFootprintSuccess()),
};

type Preconditions = Omit<ConstructorParameters<typeof xdr.PreconditionsV2>[0], never>;

/** All kinds of preconditions in the form of the richest. */
function preconditions({ cond }: xdr.Transaction): Preconditions {
  if (cond.type === "precondV2") return cond.v2;
  return {
    timeBounds: cond.type === "precondTime" ? cond.timeBounds : null,
    ledgerBounds: null,
    minSeqNum: null,
    minSeqAge: 0n,
    minSeqLedgerGap: 0,
    extraSigners: [],
  };
}
