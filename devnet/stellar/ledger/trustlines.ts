import { xdr } from "@stellar/stellar-sdk";
import { type LedgerContext, MAX_INT64 } from "./accounts.ts";
import { sameAccount, trustlineKey } from "./entry-key.ts";
import type { LedgerState } from "./state.ts";

/** Flags of TrustLineEntry. */
export const AUTHORIZED = 1;
export const AUTHORIZED_TO_MAINTAIN_LIABILITIES = 2;
export const TRUSTLINE_CLAWBACK_ENABLED = 4;

/** An asset that somebody issued: everything but XLM. */
export type CreditAsset = xdr.AssetCreditAlphanum4 | xdr.AssetCreditAlphanum12;

export function issuerOf(asset: CreditAsset): xdr.PublicKey {
  return asset.type === "assetTypeCreditAlphanum4"
    ? asset.alphaNum4.issuer
    : asset.alphaNum12.issuer;
}

export function trustlineAsset(asset: CreditAsset): xdr.TrustLineAsset {
  return asset.type === "assetTypeCreditAlphanum4"
    ? xdr.TrustLineAsset.assetTypeCreditAlphanum4(asset.alphaNum4)
    : xdr.TrustLineAsset.assetTypeCreditAlphanum12(asset.alphaNum12);
}

/** Letters and digits, then zeros only; long codes have at least five characters. */
export function isAssetCodeValid(asset: CreditAsset): boolean {
  const short = asset.type === "assetTypeCreditAlphanum4";
  const bytes = short ? asset.alphaNum4.assetCode.value : asset.alphaNum12.assetCode.value;
  const text = Buffer.from(bytes).toString("latin1").replace(/\0+$/, "");
  return (short ? /^[a-zA-Z0-9]{1,4}$/ : /^[a-zA-Z0-9]{5,12}$/).test(text);
}

export function loadTrustline(
  state: LedgerState,
  id: xdr.PublicKey,
  asset: CreditAsset,
): xdr.TrustLineEntry | null {
  const data = state.get(trustlineKey(id, trustlineAsset(asset)))?.entry.data;
  return data?.type === "trustline" ? data.trustLine : null;
}

export function storeTrustline(
  state: LedgerState,
  ledger: LedgerContext,
  line: xdr.TrustLineEntry,
): void {
  const key = trustlineKey(line.accountId, line.asset);
  state.put(key, xdr.LedgerEntryData.trustline(line), ledger.sequence);
}

type TrustlineFields = ConstructorParameters<typeof xdr.TrustLineEntry>[0];

export function changeTrustline(
  line: xdr.TrustLineEntry,
  change: Partial<TrustlineFields>,
): xdr.TrustLineEntry {
  return new xdr.TrustLineEntry(Object.assign({}, line, change));
}

export function isAuthorized(line: xdr.TrustLineEntry): boolean {
  return (line.flags & AUTHORIZED) !== 0;
}

/** The issuer itself: it has no trustline, can always receive, and pays by issuing. */
export function isIssuer(id: xdr.PublicKey, asset: CreditAsset): boolean {
  return sameAccount(id, issuerOf(asset));
}

export function newTrustline(
  id: xdr.PublicKey,
  asset: CreditAsset,
  limit: bigint,
): xdr.TrustLineEntry {
  return new xdr.TrustLineEntry({
    accountId: id,
    asset: trustlineAsset(asset),
    balance: 0n,
    limit: limit > MAX_INT64 ? MAX_INT64 : limit,
    flags: 0,
    ext: xdr.TrustLineEntryExt.v0(),
  });
}
