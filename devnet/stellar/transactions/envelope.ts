import { createHash } from "node:crypto";
import { xdr } from "@stellar/stellar-sdk";
import { baseAccount } from "../ledger/entry-key.ts";
import { isSorobanBody, type SorobanBody } from "../operations/index.ts";

/** A decoded envelope with everything that is asked of it more than once. */
export interface SubmittedTransaction {
  readonly envelopeBase64: string;
  /** Of the transaction with its signatures, without a fee bump around it. */
  readonly sizeBytes: number;
  /** Of the envelope as sent: the fee bump's own hash if it is one. Lower-case hex. */
  readonly hash: string;
  readonly contentsHash: Uint8Array;
  readonly tx: xdr.Transaction;
  readonly signatures: readonly xdr.DecoratedSignature[];
  /** Whose sequence number is consumed. */
  readonly source: xdr.PublicKey;
  /** Who pays: the fee bump's source if it is one. */
  readonly feeSource: xdr.PublicKey;
  /** Most that may be charged, resource fee included. */
  readonly maxFeeStroops: bigint;
  readonly feeBump: FeeBump | null;
  /** Data of a Soroban transaction; null also where a Soroban operation came without. */
  readonly sorobanData: xdr.SorobanTransactionData | null;
  /** The first Soroban operation, valid or not. */
  readonly sorobanBody: SorobanBody | null;
  /** Outcome of each signature check so far: the same ones are made on arrival and when applied. */
  readonly verified: Map<string, boolean>;
}

export interface FeeBump {
  readonly innerHash: string;
  readonly innerContentsHash: Uint8Array;
  /** Signatures over the outer envelope. */
  readonly signatures: readonly xdr.DecoratedSignature[];
}

/** Thrown when a text is not one TransactionEnvelope in base64 XDR. */
export class MalformedEnvelope extends Error {
  override readonly name = "MalformedEnvelope";
}

/** @throws MalformedEnvelope */
export function readEnvelope(envelopeBase64: string, networkId: Uint8Array): SubmittedTransaction {
  const envelope = decode(envelopeBase64);
  const inner = innerOf(envelope);
  const { tx, signatures } = inner;
  const innerContentsHash = hashOf(
    xdr.TransactionSignaturePayloadTaggedTransaction.envelopeTypeTx(tx),
    networkId,
  );
  const bump = envelope.type === "envelopeTypeTxFeeBump" ? envelope.feeBump : null;
  const contentsHash = bump
    ? hashOf(
        xdr.TransactionSignaturePayloadTaggedTransaction.envelopeTypeTxFeeBump(bump.tx),
        networkId,
      )
    : innerContentsHash;
  const source = baseAccount(tx.sourceAccount);
  return {
    envelopeBase64,
    sizeBytes: sizeOf(envelope),
    hash: Buffer.from(contentsHash).toString("hex"),
    contentsHash,
    tx,
    signatures,
    source,
    feeSource: bump ? baseAccount(bump.tx.feeSource) : source,
    maxFeeStroops: bump ? bump.tx.fee : BigInt(tx.fee),
    feeBump: bump
      ? {
          innerHash: Buffer.from(innerContentsHash).toString("hex"),
          innerContentsHash,
          signatures: bump.signatures,
        }
      : null,
    sorobanData: tx.ext.type === "sorobanData" ? tx.ext.sorobanData : null,
    sorobanBody: tx.operations.map((op) => op.body).find(isSorobanBody) ?? null,
    verified: new Map(),
  };
}

function decode(envelopeBase64: string): xdr.TransactionEnvelope {
  try {
    return xdr.TransactionEnvelope.fromXdr(envelopeBase64, "base64");
  } catch (cause) {
    throw new MalformedEnvelope("not a TransactionEnvelope in base64 XDR", { cause });
  }
}

/** What is offered for inclusion, apart from the resources of a contract call. */
export function inclusionFee(submitted: SubmittedTransaction): bigint {
  return submitted.maxFeeStroops - (submitted.sorobanData?.resourceFee ?? 0n);
}

/** Operations that are paid for; a fee bump counts as one more. */
export function feeUnits(submitted: SubmittedTransaction): bigint {
  return BigInt(submitted.tx.operations.length + (submitted.feeBump ? 1 : 0));
}

export function operationSource(
  submitted: SubmittedTransaction,
  operation: xdr.Operation,
): xdr.PublicKey {
  return operation.sourceAccount ? baseAccount(operation.sourceAccount) : submitted.source;
}

/** A fee bump is priced by the transaction inside. */
function sizeOf(envelope: xdr.TransactionEnvelope): number {
  if (envelope.type !== "envelopeTypeTxFeeBump") return envelope.toXdr().length;
  return xdr.TransactionEnvelope.envelopeTypeTx(envelope.feeBump.tx.innerTx.v1).toXdr().length;
}

interface Inner {
  readonly tx: xdr.Transaction;
  readonly signatures: readonly xdr.DecoratedSignature[];
}

function innerOf(envelope: xdr.TransactionEnvelope): Inner {
  if (envelope.type === "envelopeTypeTx") return envelope.v1;
  if (envelope.type === "envelopeTypeTxFeeBump") return envelope.feeBump.tx.innerTx.v1;
  const { tx, signatures } = envelope.v0;
  const cond = tx.timeBounds
    ? xdr.Preconditions.precondTime(tx.timeBounds)
    : xdr.Preconditions.precondNone();
  const upgraded = new xdr.Transaction({
    sourceAccount: xdr.MuxedAccount.keyTypeEd25519(tx.sourceAccountEd25519),
    fee: tx.fee,
    seqNum: tx.seqNum,
    cond,
    memo: tx.memo,
    operations: tx.operations,
    ext: xdr.TransactionExt.v0(),
  });
  return { tx: upgraded, signatures };
}

function hashOf(
  taggedTransaction: xdr.TransactionSignaturePayloadTaggedTransaction,
  networkId: Uint8Array,
): Uint8Array {
  const payload = new xdr.TransactionSignaturePayload({ networkId, taggedTransaction });
  return createHash("sha256").update(payload.toXdr()).digest();
}
