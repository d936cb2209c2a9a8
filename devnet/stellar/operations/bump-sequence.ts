import { xdr } from "@stellar/stellar-sdk";
import { loadAccount, storeAccount, withSequence } from "../ledger/accounts.ts";
import { type BodyOf, type ClassicOperation, refused, succeeded } from "./operation.ts";

const { BumpSequenceResult } = xdr;

/** Bumping backwards succeeds and changes nothing. */
export const bumpSequence: ClassicOperation<BodyOf<"bumpSequence">> = {
  threshold: () => "low",
  malformed({ bumpSequenceOp }) {
    if (bumpSequenceOp.bumpTo >= 0n) return null;
    return xdr.OperationResult.opInner(result(BumpSequenceResult.bumpSequenceBadSeq()));
  },
  apply({ state, ledger, source }, { bumpSequenceOp }) {
    const account = loadAccount(state, source);
    if (!account) return refused(xdr.OperationResult.opNoAccount());
    if (bumpSequenceOp.bumpTo > account.seqNum) {
      storeAccount(state, ledger, withSequence(account, bumpSequenceOp.bumpTo, ledger));
    }
    return succeeded(result(BumpSequenceResult.bumpSequenceSuccess()));
  },
};

function result(code: xdr.BumpSequenceResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.bumpSequence(code);
}
