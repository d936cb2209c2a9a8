import type { xdr } from "@stellar/stellar-sdk";
import type { NetworkSettings } from "../settings.ts";
import type { SorobanEngine } from "../soroban-engine.ts";
import type { SubmittedTransaction } from "./envelope.ts";
import type { TransactionFaultCode } from "./results.ts";

/** A Soroban transaction has one operation, declares its resources and offers to pay for them. */
export function sorobanFault(
  settings: NetworkSettings,
  engine: SorobanEngine,
  submitted: SubmittedTransaction,
): TransactionFaultCode | null {
  const { tx, sorobanData, sorobanBody } = submitted;
  if (!sorobanBody) return sorobanData ? "txMalformed" : null;
  if (tx.operations.length !== 1 || !sorobanData || sorobanData.resourceFee < 0n) {
    return "txMalformed";
  }
  if (hasReference(submitted)) return "txSorobanInvalid";
  const { resourceFee } = sorobanData;
  // A fee bump may bring the money that the transaction inside does not offer.
  if (resourceFee > submitted.maxFeeStroops) return "txSorobanInvalid";
  if (exceedsLimits(settings, submitted)) return "txSorobanInvalid";
  const minimum = declaredFee(engine, submitted);
  return minimum === null || resourceFee < minimum ? "txSorobanInvalid" : null;
}

/** What the declared resources cost however the call ends; null if they cannot be priced. */
export function declaredFee(engine: SorobanEngine, submitted: SubmittedTransaction): bigint | null {
  const { sorobanBody, sorobanData, sizeBytes } = submitted;
  if (!sorobanBody || !sorobanData) return 0n;
  return engine.nonRefundableFee({
    operation: sorobanBody.toXdr("base64"),
    transactionData: sorobanData.toXdr("base64"),
    transactionSizeBytes: sizeBytes,
  });
}

/** A contract call must not carry a memo or a multiplexed source: the contract could not see it. */
function hasReference({ tx, sorobanBody }: SubmittedTransaction): boolean {
  if (sorobanBody?.type !== "invokeHostFunction") return false;
  const sources = [tx.sourceAccount, ...tx.operations.map((operation) => operation.sourceAccount)];
  const isMultiplexed = sources.some((source) => source?.type === "keyTypeMuxedEd25519");
  return isMultiplexed || tx.memo.type !== "memoNone";
}

function exceedsLimits(
  { limits, soroban }: NetworkSettings,
  { sorobanData, sizeBytes, sorobanBody }: SubmittedTransaction,
): boolean {
  if (!sorobanData) return false;
  const { footprint, instructions, diskReadBytes, writeBytes } = sorobanData.resources;
  const keys = [...footprint.readOnly, ...footprint.readWrite].map((key) => key.toXdr("base64"));
  return (
    instructions > soroban.txMaxInstructions ||
    diskReadBytes > limits.txMaxDiskReadBytes ||
    writeBytes > limits.txMaxWriteBytes ||
    footprint.readWrite.length > limits.txMaxWriteEntries ||
    keys.length > limits.txMaxFootprintEntries ||
    diskReadEntries(sorobanData) > limits.txMaxDiskReadEntries ||
    sizeBytes > limits.txMaxSizeBytes ||
    new Set(keys).size !== keys.length ||
    uploadSize(sorobanBody) > limits.maxContractSizeBytes
  );
}

/** Classic entries and entries that are restored come from disk; live contract entries do not. */
function diskReadEntries({ resources, ext }: xdr.SorobanTransactionData): number {
  const keys = [...resources.footprint.readOnly, ...resources.footprint.readWrite];
  const classic = keys.filter(({ type }) => type !== "contractData" && type !== "contractCode");
  const restored = ext.type === "resourceExt" ? ext.resourceExt.archivedSorobanEntries.length : 0;
  return classic.length + restored;
}

function uploadSize(body: SubmittedTransaction["sorobanBody"]): number {
  if (body?.type !== "invokeHostFunction") return 0;
  const { hostFunction } = body.invokeHostFunctionOp;
  return hostFunction.type === "hostFunctionTypeUploadContractWasm" ? hostFunction.wasm.length : 0;
}
