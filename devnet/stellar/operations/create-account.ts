import { xdr } from "@stellar/stellar-sdk";
import {
  availableBalance,
  changeAccount,
  loadAccount,
  minimumBalance,
  newAccount,
  storeAccount,
} from "../ledger/accounts.ts";
import { sameAccount } from "../ledger/entry-key.ts";
import { type BodyOf, type ClassicOperation, failed, succeeded } from "./operation.ts";

const { CreateAccountResult } = xdr;

export const createAccount: ClassicOperation<BodyOf<"createAccount">> = {
  threshold: () => "medium",
  malformed({ createAccountOp: { startingBalance, destination } }, source) {
    if (startingBalance >= 0n && !sameAccount(destination, source)) return null;
    return xdr.OperationResult.opInner(result(CreateAccountResult.createAccountMalformed()));
  },
  apply(context, { createAccountOp: { startingBalance, destination } }) {
    const { state, ledger, source, memo } = context;
    if (loadAccount(state, destination)) {
      return failed(result(CreateAccountResult.createAccountAlreadyExist()));
    }
    if (startingBalance < minimumBalance(0, ledger)) {
      return failed(result(CreateAccountResult.createAccountLowReserve()));
    }
    const payer = loadAccount(state, source);
    if (!payer || availableBalance(payer, ledger) < startingBalance) {
      return failed(result(CreateAccountResult.createAccountUnderfunded()));
    }
    storeAccount(state, ledger, changeAccount(payer, { balance: payer.balance - startingBalance }));
    storeAccount(state, ledger, newAccount(destination, startingBalance, ledger));
    const event = context.assetEvents.moved({
      asset: xdr.Asset.assetTypeNative(),
      from: source,
      to: xdr.MuxedAccount.keyTypeEd25519(destination.ed25519),
      amount: startingBalance,
      memo,
    });
    return succeeded(result(CreateAccountResult.createAccountSuccess()), [event]);
  },
};

function result(code: xdr.CreateAccountResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.createAccount(code);
}
