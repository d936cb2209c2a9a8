import type { xdr } from "@stellar/stellar-sdk";
import {
  availableBalance,
  changeAccount,
  loadAccount,
  MAX_INT64,
  storeAccount,
} from "../ledger/accounts.ts";
import {
  changeTrustline,
  isAuthorized,
  isIssuer,
  loadTrustline,
  storeTrustline,
} from "../ledger/trustlines.ts";
import type { OperationContext } from "./operation.ts";

export type CreditFault = "no_account" | "no_trust" | "not_authorized" | "line_full";
export type DebitFault = "no_trust" | "not_authorized" | "underfunded";

/** Adds to a balance; null when done. The issuer can always receive its own asset, even if gone. */
export function credit(
  context: OperationContext,
  to: xdr.PublicKey,
  asset: xdr.Asset,
  amount: bigint,
): CreditFault | null {
  const { state, ledger } = context;
  if (asset.type !== "assetTypeNative" && isIssuer(to, asset)) return null;
  const account = loadAccount(state, to);
  if (!account) return "no_account";
  if (asset.type === "assetTypeNative") {
    if (account.balance > MAX_INT64 - amount) return "line_full";
    storeAccount(state, ledger, changeAccount(account, { balance: account.balance + amount }));
    return null;
  }
  const line = loadTrustline(state, to, asset);
  if (!line) return "no_trust";
  if (!isAuthorized(line)) return "not_authorized";
  if (line.limit - line.balance < amount) return "line_full";
  storeTrustline(state, ledger, changeTrustline(line, { balance: line.balance + amount }));
  return null;
}

/** Takes from the source's balance; null when done. The issuer pays by issuing. */
export function debit(
  context: OperationContext,
  asset: xdr.Asset,
  amount: bigint,
): DebitFault | null {
  const { state, ledger, source } = context;
  if (asset.type === "assetTypeNative") {
    const account = loadAccount(state, source);
    if (!account || availableBalance(account, ledger) < amount) return "underfunded";
    storeAccount(state, ledger, changeAccount(account, { balance: account.balance - amount }));
    return null;
  }
  if (isIssuer(source, asset)) return null;
  const line = loadTrustline(state, source, asset);
  if (!line) return "no_trust";
  if (!isAuthorized(line)) return "not_authorized";
  if (line.balance < amount) return "underfunded";
  storeTrustline(state, ledger, changeTrustline(line, { balance: line.balance - amount }));
  return null;
}
