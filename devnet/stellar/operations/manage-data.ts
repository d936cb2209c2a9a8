import { xdr } from "@stellar/stellar-sdk";
import {
  availableBalance,
  changeAccount,
  loadAccount,
  MAX_SUBENTRIES,
  storeAccount,
} from "../ledger/accounts.ts";
import { dataKey } from "../ledger/entry-key.ts";
import { type BodyOf, type ClassicOperation, failed, refused, succeeded } from "./operation.ts";

const { ManageDataResult } = xdr;

export const manageData: ClassicOperation<BodyOf<"manageData">> = {
  threshold: () => "medium",
  malformed({ manageDataOp: { dataName } }) {
    if (/^[\x20-\x7e]{1,64}$/.test(dataName.toString())) return null;
    return xdr.OperationResult.opInner(result(ManageDataResult.manageDataInvalidName()));
  },
  apply({ state, ledger, source }, { manageDataOp: { dataName, dataValue } }) {
    const account = loadAccount(state, source);
    if (!account) return refused(xdr.OperationResult.opNoAccount());
    const key = dataKey(source, dataName);
    const exists = state.get(key) !== null;
    if (dataValue === null) {
      if (!exists) return failed(result(ManageDataResult.manageDataNameNotFound()));
      const numSubEntries = account.numSubEntries - 1;
      storeAccount(state, ledger, changeAccount(account, { numSubEntries }));
      state.remove(key);
      return succeeded(result(ManageDataResult.manageDataSuccess()));
    }
    if (!exists) {
      const numSubEntries = account.numSubEntries + 1;
      if (numSubEntries > MAX_SUBENTRIES) {
        return refused(xdr.OperationResult.opTooManySubentries());
      }
      const charged = changeAccount(account, { numSubEntries });
      if (availableBalance(charged, ledger) < 0n) {
        return failed(result(ManageDataResult.manageDataLowReserve()));
      }
      storeAccount(state, ledger, charged);
    }
    const ext = xdr.DataEntryExt.v0();
    const entry = new xdr.DataEntry({ accountId: source, dataName, dataValue, ext });
    state.put(key, xdr.LedgerEntryData.data(entry), ledger.sequence);
    return succeeded(result(ManageDataResult.manageDataSuccess()));
  },
};

function result(code: xdr.ManageDataResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.manageData(code);
}
