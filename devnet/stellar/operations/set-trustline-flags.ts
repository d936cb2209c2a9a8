import { xdr } from "@stellar/stellar-sdk";
import { AUTH_REVOCABLE, loadAccount } from "../ledger/accounts.ts";
import { sameAccount } from "../ledger/entry-key.ts";
import {
  AUTHORIZED,
  AUTHORIZED_TO_MAINTAIN_LIABILITIES,
  changeTrustline,
  isAssetCodeValid,
  isAuthorized,
  isIssuer,
  loadTrustline,
  storeTrustline,
  TRUSTLINE_CLAWBACK_ENABLED,
} from "../ledger/trustlines.ts";
import { type BodyOf, type ClassicOperation, failed, refused, succeeded } from "./operation.ts";

const { SetTrustLineFlagsResult } = xdr;
const AUTHORIZATION = AUTHORIZED | AUTHORIZED_TO_MAINTAIN_LIABILITIES;

/** How an issuer lets holders in and freezes them: the way to a NOT_AUTHORIZED payment. */
export const setTrustlineFlags: ClassicOperation<BodyOf<"setTrustLineFlags">> = {
  threshold: () => "low",
  malformed({ setTrustLineFlagsOp: op }, source) {
    const { asset, setFlags, clearFlags } = op;
    const valid =
      asset.type !== "assetTypeNative" &&
      isAssetCodeValid(asset) &&
      isIssuer(source, asset) &&
      !sameAccount(op.trustor, source) &&
      (setFlags & clearFlags) === 0 &&
      (setFlags & ~AUTHORIZATION) === 0 &&
      setFlags !== AUTHORIZATION &&
      (clearFlags & ~(AUTHORIZATION | TRUSTLINE_CLAWBACK_ENABLED)) === 0;
    if (valid) return null;
    return xdr.OperationResult.opInner(
      result(SetTrustLineFlagsResult.setTrustLineFlagsMalformed()),
    );
  },
  apply(context, { setTrustLineFlagsOp: op }) {
    const { state, ledger, source } = context;
    if (op.asset.type === "assetTypeNative") {
      return failed(result(SetTrustLineFlagsResult.setTrustLineFlagsMalformed()));
    }
    const issuer = loadAccount(state, source);
    if (!issuer) return refused(xdr.OperationResult.opNoAccount());
    const line = loadTrustline(state, op.trustor, op.asset);
    if (!line) return failed(result(SetTrustLineFlagsResult.setTrustLineFlagsNoTrustLine()));
    const flags = (line.flags & ~op.clearFlags) | op.setFlags;
    if ((flags & AUTHORIZATION) === AUTHORIZATION) {
      return failed(result(SetTrustLineFlagsResult.setTrustLineFlagsInvalidState()));
    }
    const revokes = isAuthorized(line) && (flags & AUTHORIZED) === 0;
    if (revokes && (issuer.flags & AUTH_REVOCABLE) === 0) {
      return failed(result(SetTrustLineFlagsResult.setTrustLineFlagsCantRevoke()));
    }
    const changed = changeTrustline(line, { flags });
    storeTrustline(state, ledger, changed);
    const authorized = isAuthorized(changed);
    const events =
      authorized === isAuthorized(line)
        ? []
        : [context.assetEvents.setAuthorized(op.asset, op.trustor, authorized)];
    return succeeded(result(SetTrustLineFlagsResult.setTrustLineFlagsSuccess()), events);
  },
};

function result(code: xdr.SetTrustLineFlagsResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.setTrustLineFlags(code);
}
