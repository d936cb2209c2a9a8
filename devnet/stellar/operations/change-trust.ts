import { xdr } from "@stellar/stellar-sdk";
import {
  AUTH_CLAWBACK_ENABLED,
  AUTH_REQUIRED,
  availableBalance,
  changeAccount,
  loadAccount,
  MAX_SUBENTRIES,
  storeAccount,
} from "../ledger/accounts.ts";
import { trustlineKey } from "../ledger/entry-key.ts";
import {
  AUTHORIZED,
  changeTrustline,
  type CreditAsset,
  isAssetCodeValid,
  isIssuer,
  issuerOf,
  loadTrustline,
  newTrustline,
  storeTrustline,
  trustlineAsset,
  TRUSTLINE_CLAWBACK_ENABLED,
} from "../ledger/trustlines.ts";
import {
  type BodyOf,
  type ClassicOperation,
  failed,
  type OperationContext,
  type OperationOutcome,
  refused,
  succeeded,
} from "./operation.ts";

const { ChangeTrustResult } = xdr;

/** Liquidity pool shares are not supported: malformed. */
export const changeTrust: ClassicOperation<BodyOf<"changeTrust">> = {
  threshold: () => "medium",
  malformed({ changeTrustOp: { line, limit } }, source) {
    const asset = creditAsset(line);
    const valid = asset && limit >= 0n && isAssetCodeValid(asset) && !isIssuer(source, asset);
    if (valid) return null;
    return xdr.OperationResult.opInner(result(ChangeTrustResult.changeTrustMalformed()));
  },
  apply(context, { changeTrustOp: { line, limit } }) {
    const asset = creditAsset(line);
    if (!asset) return failed(result(ChangeTrustResult.changeTrustMalformed()));
    const existing = loadTrustline(context.state, context.source, asset);
    if (!existing) return create(context, asset, limit);
    if (limit < existing.balance) {
      return failed(result(ChangeTrustResult.changeTrustInvalidLimit()));
    }
    if (limit === 0n) return remove(context, asset);
    if (!loadAccount(context.state, issuerOf(asset))) {
      return failed(result(ChangeTrustResult.changeTrustNoIssuer()));
    }
    storeTrustline(context.state, context.ledger, changeTrustline(existing, { limit }));
    return succeeded(result(ChangeTrustResult.changeTrustSuccess()));
  },
};

function create(context: OperationContext, asset: CreditAsset, limit: bigint): OperationOutcome {
  const { state, ledger, source } = context;
  if (limit === 0n) return failed(result(ChangeTrustResult.changeTrustInvalidLimit()));
  const issuer = loadAccount(state, issuerOf(asset));
  if (!issuer) return failed(result(ChangeTrustResult.changeTrustNoIssuer()));
  const holder = loadAccount(state, source);
  if (!holder) return refused(xdr.OperationResult.opNoAccount());
  if (holder.numSubEntries >= MAX_SUBENTRIES) {
    return refused(xdr.OperationResult.opTooManySubentries());
  }
  const charged = changeAccount(holder, { numSubEntries: holder.numSubEntries + 1 });
  if (availableBalance(charged, ledger) < 0n) {
    return failed(result(ChangeTrustResult.changeTrustLowReserve()));
  }
  const authorized = (issuer.flags & AUTH_REQUIRED) === 0 ? AUTHORIZED : 0;
  const clawback = (issuer.flags & AUTH_CLAWBACK_ENABLED) !== 0 ? TRUSTLINE_CLAWBACK_ENABLED : 0;
  const line = newTrustline(source, asset, limit);
  storeAccount(state, ledger, charged);
  storeTrustline(state, ledger, changeTrustline(line, { flags: authorized | clawback }));
  return succeeded(result(ChangeTrustResult.changeTrustSuccess()));
}

function remove(context: OperationContext, asset: CreditAsset): OperationOutcome {
  const { state, ledger, source } = context;
  const holder = loadAccount(state, source);
  if (!holder) return refused(xdr.OperationResult.opNoAccount());
  storeAccount(state, ledger, changeAccount(holder, { numSubEntries: holder.numSubEntries - 1 }));
  state.remove(trustlineKey(source, trustlineAsset(asset)));
  return succeeded(result(ChangeTrustResult.changeTrustSuccess()));
}

function creditAsset(line: xdr.ChangeTrustAsset): CreditAsset | null {
  if (line.type === "assetTypeCreditAlphanum4") {
    return xdr.Asset.assetTypeCreditAlphanum4(line.alphaNum4);
  }
  if (line.type === "assetTypeCreditAlphanum12") {
    return xdr.Asset.assetTypeCreditAlphanum12(line.alphaNum12);
  }
  return null;
}

function result(code: xdr.ChangeTrustResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.changeTrust(code);
}
