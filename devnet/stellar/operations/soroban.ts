import { createHash } from "node:crypto";
import { xdr } from "@stellar/stellar-sdk";
import type { LedgerContext } from "../ledger/accounts.ts";
import {
  type LedgerState,
  sameContent,
  storedFromBase64,
  withLastModified,
} from "../ledger/state.ts";
import type { SorobanEngine } from "../soroban-engine.ts";
import type { ApplyResult } from "../soroban-host.ts";
import type { SorobanBody } from "./index.ts";
import { failed, type OperationOutcome, succeeded } from "./operation.ts";

export interface SorobanCall {
  readonly state: LedgerState;
  readonly ledger: LedgerContext;
  readonly engine: SorobanEngine;
  readonly source: xdr.PublicKey;
  readonly data: xdr.SorobanTransactionData;
  readonly transactionSizeBytes: number;
  readonly seed: Uint8Array;
}

export interface SorobanOutcome extends OperationOutcome {
  readonly returnValue: xdr.ScVal | null;
  readonly diagnosticEvents: readonly string[];
  /** In stroops, as really used; a failed call uses nothing of the refundable part. */
  readonly nonRefundableFee: bigint;
  readonly refundableFee: bigint;
  readonly rentFee: bigint;
}

/** Runs the one operation of a Soroban transaction in the host and stores what it changed. */
export function applySoroban(call: SorobanCall, body: SorobanBody): SorobanOutcome {
  const applied = call.engine.apply({
    ledger: { sequence: call.ledger.sequence, closeTimeS: call.ledger.closeTimeS },
    operation: body.toXdr("base64"),
    source: call.source.toXdr("base64"),
    transactionData: call.data.toXdr("base64"),
    transactionSizeBytes: call.transactionSizeBytes,
    seed: Buffer.from(call.seed).toString("base64"),
  });
  if (!applied.ok) {
    return {
      ...failed(failureResult(body, applied.code)),
      returnValue: null,
      diagnosticEvents: applied.diagnosticEvents,
      nonRefundableFee: BigInt(applied.nonRefundableFee),
      refundableFee: 0n,
      rentFee: 0n,
    };
  }
  for (const change of applied.changes) {
    if (change.entry === null) {
      call.state.remove(change.key);
      continue;
    }
    const before = call.state.get(change.key)?.base64;
    const isProlonged = before !== undefined && sameContent(before, change.entry);
    const entry = isProlonged ? before : withLastModified(change.entry, call.ledger.sequence);
    call.state.store(storedFromBase64(change.key, entry, change.liveUntilLedger));
  }
  const events = applied.contractEvents.map((event) => xdr.ContractEvent.fromXdr(event, "base64"));
  const returnValue = applied.result === null ? null : xdr.ScVal.fromXdr(applied.result, "base64");
  return {
    ...succeeded(successResult(body, returnValue, events), events),
    returnValue,
    diagnosticEvents: applied.diagnosticEvents,
    nonRefundableFee: BigInt(applied.nonRefundableFee),
    refundableFee: BigInt(applied.refundableFee),
    rentFee: BigInt(applied.rentFee),
  };
}

function successResult(
  body: SorobanBody,
  returnValue: xdr.ScVal | null,
  events: xdr.ContractEvent[],
): xdr.OperationResultTr {
  if (body.type === "extendFootprintTtl") {
    const { extendFootprintTtlSuccess } = xdr.ExtendFootprintTtlResult;
    return xdr.OperationResultTr.extendFootprintTtl(extendFootprintTtlSuccess());
  }
  if (body.type === "restoreFootprint") {
    const { restoreFootprintSuccess } = xdr.RestoreFootprintResult;
    return xdr.OperationResultTr.restoreFootprint(restoreFootprintSuccess());
  }
  const image = new xdr.InvokeHostFunctionSuccessPreImage({
    returnValue: returnValue ?? xdr.ScVal.scvVoid(),
    events,
  });
  const digest = createHash("sha256").update(image.toXdr()).digest();
  return xdr.OperationResultTr.invokeHostFunction(
    xdr.InvokeHostFunctionResult.invokeHostFunctionSuccess(digest),
  );
}

type FailureCode = Extract<ApplyResult, { ok: false }>["code"];

const Invoke = xdr.InvokeHostFunctionResult;
const INVOKE_FAILURES: Record<FailureCode, () => xdr.InvokeHostFunctionResult> = {
  trapped: () => Invoke.invokeHostFunctionTrapped(),
  resource_limit_exceeded: () => Invoke.invokeHostFunctionResourceLimitExceeded(),
  entry_archived: () => Invoke.invokeHostFunctionEntryArchived(),
  insufficient_refundable_fee: () => Invoke.invokeHostFunctionInsufficientRefundableFee(),
  malformed: () => Invoke.invokeHostFunctionMalformed(),
};

function failureResult(body: SorobanBody, code: FailureCode): xdr.OperationResultTr {
  if (body.type === "invokeHostFunction") {
    return xdr.OperationResultTr.invokeHostFunction(INVOKE_FAILURES[code]());
  }
  if (body.type === "extendFootprintTtl") {
    return xdr.OperationResultTr.extendFootprintTtl(extendFailure(code));
  }
  return xdr.OperationResultTr.restoreFootprint(restoreFailure(code));
}

function extendFailure(code: FailureCode): xdr.ExtendFootprintTtlResult {
  const Result = xdr.ExtendFootprintTtlResult;
  if (code === "malformed") return Result.extendFootprintTtlMalformed();
  return code === "insufficient_refundable_fee"
    ? Result.extendFootprintTtlInsufficientRefundableFee()
    : Result.extendFootprintTtlResourceLimitExceeded();
}

function restoreFailure(code: FailureCode): xdr.RestoreFootprintResult {
  const Result = xdr.RestoreFootprintResult;
  if (code === "malformed") return Result.restoreFootprintMalformed();
  return code === "insufficient_refundable_fee"
    ? Result.restoreFootprintInsufficientRefundableFee()
    : Result.restoreFootprintResourceLimitExceeded();
}
