import { xdr } from "@stellar/stellar-sdk";
import { baseAccount, sameAccount } from "../ledger/entry-key.ts";
import { isAssetCodeValid } from "../ledger/trustlines.ts";
import { type CreditFault, credit, debit, type DebitFault } from "./balances.ts";
import { type BodyOf, type ClassicOperation, failed, succeeded } from "./operation.ts";

const CREDIT_RESULT: Record<CreditFault, () => xdr.PaymentResult> = {
  no_account: xdr.PaymentResult.paymentNoDestination,
  no_trust: xdr.PaymentResult.paymentNoTrust,
  not_authorized: xdr.PaymentResult.paymentNotAuthorized,
  line_full: xdr.PaymentResult.paymentLineFull,
};

const DEBIT_RESULT: Record<DebitFault, () => xdr.PaymentResult> = {
  no_trust: xdr.PaymentResult.paymentSrcNoTrust,
  not_authorized: xdr.PaymentResult.paymentSrcNotAuthorized,
  underfunded: xdr.PaymentResult.paymentUnderfunded,
};

/** The destination is credited before the source is debited: that decides which fault is named. */
export const payment: ClassicOperation<BodyOf<"payment">> = {
  threshold: () => "medium",
  malformed({ paymentOp }) {
    const { amount, asset } = paymentOp;
    const valid = amount > 0n && (asset.type === "assetTypeNative" || isAssetCodeValid(asset));
    return valid ? null : xdr.OperationResult.opInner(result(xdr.PaymentResult.paymentMalformed()));
  },
  apply(context, { paymentOp }) {
    const { asset, amount, destination } = paymentOp;
    const to = baseAccount(destination);
    const { source: from, memo } = context;
    const movement = { asset, amount, from, to: destination, memo };
    const toSelf = asset.type === "assetTypeNative" && sameAccount(from, to);
    if (!toSelf) {
      const creditFault = credit(context, to, asset, amount);
      if (creditFault) return failed(result(CREDIT_RESULT[creditFault]()));
      const debitFault = debit(context, asset, amount);
      if (debitFault) return failed(result(DEBIT_RESULT[debitFault]()));
    }
    const event = context.assetEvents.moved(movement);
    return succeeded(result(xdr.PaymentResult.paymentSuccess()), [event]);
  },
};

function result(code: xdr.PaymentResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.payment(code);
}
