import {
  Address,
  MuxedAccount,
  nativeToScVal,
  Operation,
  StrKey,
  type xdr,
} from "@stellar/stellar-sdk/base";
import { formatDecimal } from "../../money.ts";
import { failed, type Failed } from "../../outcome.ts";
import { BASE_RESERVE_STROOPS, trustlineOf } from "./accounts.ts";
import { accountDataKey, accountKey, instanceKey, trustlineKey, type Entries } from "./entries.ts";
import type { RailAsset } from "./network.ts";

/** Whom a payout goes to. `to` is the address as given: of an account, one of its muxed ones, or a contract. */
export type Payee =
  | { readonly kind: "account"; readonly to: string; readonly account: string }
  | { readonly kind: "contract"; readonly to: string };

/** Null when it is no address that can own anything. */
export function payeeOf(to: string): Payee | null {
  if (StrKey.isValidEd25519PublicKey(to)) return { kind: "account", to, account: to };
  if (StrKey.isValidMed25519PublicKey(to)) {
    const account = MuxedAccount.fromAddress(to, "0").baseAccount().accountId();
    return { kind: "account", to, account };
  }
  return StrKey.isValidContract(to) ? { kind: "contract", to } : null;
}

/** SEP-29: accounts that several people share say so here, and lose payments without a memo. */
const MEMO_REQUIRED = "config.memo_required";

/** The entries that decide whether the payee can receive. */
export function payeeKeys(payee: Payee, form: RailAsset): xdr.LedgerKey[] {
  if (payee.kind === "contract") return [instanceKey(payee.to)];
  const keys = [accountKey(payee.account), accountDataKey(payee.account, MEMO_REQUIRED)];
  if (!form.stellar.isNative()) keys.push(trustlineKey(payee.account, form.stellar));
  return keys;
}

export interface Transfer {
  readonly form: RailAsset;
  readonly payee: Payee;
  readonly atomic: bigint;
  readonly treasury: string;
}

type AccountTransfer = Transfer & { readonly payee: Extract<Payee, { kind: "account" }> };

/** The operation that pays, or why the payee cannot receive it. */
export function transferOperation(entries: Entries, transfer: Transfer): xdr.Operation | Failed {
  const { payee } = transfer;
  return payee.kind === "contract"
    ? contractTransfer(entries, transfer)
    : accountTransfer(entries, { ...transfer, payee });
}

/** Classic payments reach no contract: a smart wallet is paid by a call of the asset's contract. */
function contractTransfer(entries: Entries, transfer: Transfer): xdr.Operation | Failed {
  const { form, payee, atomic, treasury: source } = transfer;
  if (entries.get(instanceKey(payee.to)) === null) {
    return failed("the payee is a contract that does not exist", "final");
  }
  const args = [
    new Address(source).toScVal(),
    new Address(payee.to).toScVal(),
    nativeToScVal(atomic, { type: "i128" }),
  ];
  const contract = form.contractId;
  return Operation.invokeContractFunction({ contract, function: "transfer", args, source });
}

function accountTransfer(entries: Entries, transfer: AccountTransfer): xdr.Operation | Failed {
  const { form, payee, atomic, treasury: source } = transfer;
  const { account, to: destination } = payee;
  const amount = formatDecimal(atomic, 7);
  const takesMemoOnly = entries.get(accountDataKey(account, MEMO_REQUIRED)) !== null;
  if (takesMemoOnly && destination === account) {
    return failed("the payee's account takes payments with a memo only (SEP-29)", "final");
  }
  const doesAccountExist = entries.get(accountKey(account)) !== null;
  if (form.stellar.isNative() && !doesAccountExist) {
    // The payer proved its key, so the account is its own again once it is created.
    return atomic >= 2n * BASE_RESERVE_STROOPS
      ? Operation.createAccount({ destination: account, startingBalance: amount, source })
      : failed("the payee's account does not exist and the amount is below its reserve", "final");
  }
  if (!doesAccountExist) return failed("the payee's account does not exist", "final");
  const refusal = form.stellar.isNative() ? null : lineRefusal(entries, transfer);
  return refusal ?? Operation.payment({ destination, asset: form.stellar, amount, source });
}

function lineRefusal(entries: Entries, { form, payee, atomic }: AccountTransfer): Failed | null {
  // The issuer needs no trustline to its own asset.
  if (payee.account === form.stellar.getIssuer()) return null;
  const line = trustlineOf(entries.get(trustlineKey(payee.account, form.stellar)));
  const { symbol } = form.asset;
  if (line === null) return failed(`the payee has no trustline for ${symbol}`, "final");
  if (!line.isAuthorized) {
    return failed(`the issuer has not authorised the payee's ${symbol}`, "final");
  }
  return line.room < atomic ? failed(`the payee's ${symbol} trustline is full`, "final") : null;
}
