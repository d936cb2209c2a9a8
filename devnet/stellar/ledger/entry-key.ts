import { xdr } from "@stellar/stellar-sdk";

/** A LedgerKey as base64 XDR: how entries are found in the ledger and named on the wire. */
export type EntryKey = string;

const ACCOUNT_PREFIX = Buffer.alloc(8); // LedgerEntryType account, PublicKeyType ed25519

/** Written by hand because it is looked up several times per transaction. */
export function accountKey(id: xdr.PublicKey): EntryKey {
  return Buffer.concat([ACCOUNT_PREFIX, id.ed25519.value]).toString("base64");
}

export function trustlineKey(id: xdr.PublicKey, asset: xdr.TrustLineAsset): EntryKey {
  const key = new xdr.LedgerKeyTrustLine({ accountId: id, asset });
  return xdr.LedgerKey.trustline(key).toXdr("base64");
}

export function dataKey(id: xdr.PublicKey, dataName: xdr.XdrString): EntryKey {
  return xdr.LedgerKey.data(new xdr.LedgerKeyData({ accountId: id, dataName })).toXdr("base64");
}

export function configSettingKey(id: xdr.ConfigSettingId): EntryKey {
  const key = new xdr.LedgerKeyConfigSetting({ configSettingId: id });
  return xdr.LedgerKey.configSetting(key).toXdr("base64");
}

/** The account under a possibly multiplexed address. */
export function baseAccount(muxed: xdr.MuxedAccount): xdr.PublicKey {
  const key = muxed.type === "keyTypeEd25519" ? muxed.ed25519 : muxed.med25519.ed25519;
  return xdr.PublicKey.publicKeyTypeEd25519(key);
}

export function sameAccount(a: xdr.PublicKey, b: xdr.PublicKey): boolean {
  return Buffer.compare(a.ed25519.value, b.ed25519.value) === 0;
}
