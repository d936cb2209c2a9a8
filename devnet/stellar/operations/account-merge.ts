import { xdr } from "@stellar/stellar-sdk";
import {
  AUTH_IMMUTABLE,
  changeAccount,
  loadAccount,
  MAX_INT64,
  startingSequence,
  storeAccount,
} from "../ledger/accounts.ts";
import { accountKey, baseAccount, sameAccount } from "../ledger/entry-key.ts";
import { type BodyOf, type ClassicOperation, failed, refused, succeeded } from "./operation.ts";

const { AccountMergeResult } = xdr;

export const accountMerge: ClassicOperation<BodyOf<"accountMerge">> = {
  threshold: () => "high",
  malformed({ destination }, source) {
    if (!sameAccount(baseAccount(destination), source)) return null;
    return xdr.OperationResult.opInner(result(AccountMergeResult.accountMergeMalformed()));
  },
  apply(context, { destination }) {
    const { state, ledger, source, memo } = context;
    const receiver = loadAccount(state, baseAccount(destination));
    if (!receiver) return failed(result(AccountMergeResult.accountMergeNoAccount()));
    const account = loadAccount(state, source);
    if (!account) return refused(xdr.OperationResult.opNoAccount());
    if ((account.flags & AUTH_IMMUTABLE) !== 0) {
      return failed(result(AccountMergeResult.accountMergeImmutableSet()));
    }
    if (account.numSubEntries !== account.signers.length) {
      return failed(result(AccountMergeResult.accountMergeHasSubEntries()));
    }
    // A sequence beyond what a new account would get could be replayed after a rebirth.
    if (account.seqNum >= startingSequence(ledger.sequence)) {
      return failed(result(AccountMergeResult.accountMergeSeqnumTooFar()));
    }
    if (receiver.balance > MAX_INT64 - account.balance) {
      return failed(result(AccountMergeResult.accountMergeDestFull()));
    }
    const balance = receiver.balance + account.balance;
    storeAccount(state, ledger, changeAccount(receiver, { balance }));
    state.remove(accountKey(source));
    const event = context.assetEvents.moved({
      asset: xdr.Asset.assetTypeNative(),
      from: source,
      to: destination,
      amount: account.balance,
      memo,
    });
    return succeeded(result(AccountMergeResult.accountMergeSuccess(account.balance)), [event]);
  },
};

function result(code: xdr.AccountMergeResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.accountMerge(code);
}
