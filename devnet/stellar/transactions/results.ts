import { xdr } from "@stellar/stellar-sdk";

/** Why a transaction is not valid, apart from its operations. Named as in XDR. */
export type TransactionFaultCode = Exclude<
  xdr.TransactionResultResult["type"],
  "txSuccess" | "txFailed" | "txFeeBumpInnerSuccess" | "txFeeBumpInnerFailed"
>;

/** How a transaction ended. `operations` is null when none was looked at. */
export type TransactionEnd =
  | { readonly code: "txSuccess" | "txFailed"; readonly operations: xdr.OperationResult[] }
  | { readonly code: TransactionFaultCode };

/** The end of an envelope: a fee bump wraps that of the transaction inside, if it got so far. */
export interface EnvelopeEnd {
  readonly feeChargedStroops: bigint;
  /** Fault of the fee bump itself, or of a plain transaction. */
  readonly end: TransactionEnd;
  readonly innerHash: string | null;
}

export function transactionResult(outcome: EnvelopeEnd): xdr.TransactionResult {
  const ext = xdr.TransactionResultExt.v0();
  const feeCharged = outcome.feeChargedStroops;
  if (outcome.innerHash === null) {
    return new xdr.TransactionResult({ feeCharged, result: resultOf(outcome.end), ext });
  }
  const pair = new xdr.InnerTransactionResultPair({
    transactionHash: Buffer.from(outcome.innerHash, "hex"),
    result: new xdr.InnerTransactionResult({
      feeCharged: 0n,
      result: innerResultOf(outcome.end),
      ext: xdr.InnerTransactionResultExt.v0(),
    }),
  });
  const result =
    outcome.end.code === "txSuccess"
      ? xdr.TransactionResultResult.txFeeBumpInnerSuccess(pair)
      : xdr.TransactionResultResult.txFeeBumpInnerFailed(pair);
  return new xdr.TransactionResult({ feeCharged, result, ext });
}

function resultOf(end: TransactionEnd): xdr.TransactionResultResult {
  if (end.code === "txSuccess" || end.code === "txFailed") {
    return xdr.TransactionResultResult[end.code](end.operations);
  }
  return xdr.TransactionResultResult[end.code]();
}

function innerResultOf(end: TransactionEnd): xdr.InnerTransactionResultResult {
  if (end.code === "txSuccess" || end.code === "txFailed") {
    return xdr.InnerTransactionResultResult[end.code](end.operations);
  }
  return xdr.InnerTransactionResultResult[end.code]();
}
