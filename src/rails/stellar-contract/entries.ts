import { Address, Keypair, xdr, type Asset } from "@stellar/stellar-sdk/base";
import { done, failed, type Outcome } from "../../outcome.ts";
import { fieldsOf, listIn, textIn, wholeIn, type Fields } from "./answer.ts";
import type { Rpc } from "./rpc.ts";

/** One entry of the ledger as it stood at one height. */
export interface Entry {
  readonly data: xdr.LedgerEntryData;
  /** Ledger of its last change. */
  readonly changedAtLedger: number;
  /** Last ledger it lives in; null for classic entries, which live for ever. */
  readonly liveUntilLedger: number | null;
}

/** Entries read together, so that they agree with each other. */
export interface Entries {
  readonly height: number;
  /** Null when the ledger has no such entry. */
  get(key: xdr.LedgerKey): Entry | null;
}

/** At most 200 keys. Resolves `failed` (to be repeated) when no server answers. */
export async function readEntries(
  rpc: Rpc,
  keys: readonly xdr.LedgerKey[],
  signal?: AbortSignal,
): Promise<Outcome<Entries>> {
  const names = keys.map((key) => key.toXdr("base64"));
  return rpc.read("getLedgerEntries", { keys: names }, entriesOf, signal);
}

function entriesOf(result: Fields): Entries {
  const byKey = new Map<string, Entry>();
  for (const raw of listIn(result, "entries")) {
    const entry = fieldsOf(raw, "ledger entry");
    byKey.set(textIn(entry, "key"), {
      data: xdr.LedgerEntryData.fromXdr(textIn(entry, "xdr"), "base64"),
      changedAtLedger: wholeIn(entry, "lastModifiedLedgerSeq"),
      liveUntilLedger:
        entry["liveUntilLedgerSeq"] === undefined ? null : wholeIn(entry, "liveUntilLedgerSeq"),
    });
  }
  return {
    height: wholeIn(result, "latestLedger"),
    get: (key) => byKey.get(key.toXdr("base64")) ?? null,
  };
}

export function accountKey(address: string): xdr.LedgerKey {
  return xdr.LedgerKey.account(new xdr.LedgerKeyAccount({ accountId: accountId(address) }));
}

/** Not for the native asset, which has no trustlines. */
export function trustlineKey(address: string, asset: Asset): xdr.LedgerKey {
  return xdr.LedgerKey.trustline(
    new xdr.LedgerKeyTrustLine({
      accountId: accountId(address),
      asset: asset.toTrustLineXdrObject(),
    }),
  );
}

export function accountDataKey(address: string, name: string): xdr.LedgerKey {
  return xdr.LedgerKey.data(
    new xdr.LedgerKeyData({ accountId: accountId(address), dataName: name }),
  );
}

export function instanceKey(contractId: string): xdr.LedgerKey {
  return contractDataKey(contractId, xdr.ScVal.scvLedgerKeyContractInstance());
}

export function codeKey(wasmSha256: string): xdr.LedgerKey {
  return xdr.LedgerKey.contractCode(new xdr.LedgerKeyContractCode({ hash: wasmSha256 }));
}

/** Where an asset contract keeps what a contract owns of it. */
export function tokenBalanceKey(assetContractId: string, ownerContractId: string): xdr.LedgerKey {
  const owner = new Address(ownerContractId).toScVal();
  const key = xdr.ScVal.scvVec([xdr.ScVal.scvSymbol("Balance"), owner]);
  return contractDataKey(assetContractId, key);
}

function contractDataKey(contractId: string, key: xdr.ScVal): xdr.LedgerKey {
  return xdr.LedgerKey.contractData(
    new xdr.LedgerKeyContractData({
      contract: new Address(contractId).toScAddress(),
      key,
      durability: xdr.ContractDataDurability.persistent,
    }),
  );
}

function accountId(address: string): xdr.AccountId {
  return Keypair.fromPublicKey(address).xdrAccountId();
}

/** The last closed ledger as one server knows it. */
export interface ChainTip {
  readonly ledger: number;
  readonly closedAtS: number;
}

/**
 * `getTransaction` is the only call that every server version answers with number and close time of the last
 * ledger without sending the whole ledger along; this hash is nobody's.
 */
const NO_TRANSACTION = "0".repeat(64);

export function readTip(rpc: Rpc, signal?: AbortSignal): Promise<Outcome<ChainTip>> {
  const parse = (result: Fields): ChainTip => ({
    ledger: wholeIn(result, "latestLedger"),
    closedAtS: wholeIn(result, "latestLedgerCloseTime"),
  });
  return rpc.read("getTransaction", { hash: NO_TRANSACTION }, parse, signal);
}

/** What a contract holds of an asset, from its balance entry; 0 without one. */
export function tokenBalanceOf(entry: Entry | null): Outcome<bigint> {
  if (entry === null) return done(0n);
  const value = entry.data.type === "contractData" ? entry.data.value.val : null;
  if (value?.type !== "scvMap")
    return failed("the asset contract keeps balances in an unknown form", "final");
  const amount = (value.map ?? []).find(
    (item) => item.key.type === "scvSymbol" && item.key.sym.toString() === "amount",
  )?.val;
  if (amount?.type !== "scvI128")
    return failed("the asset contract's balance has no amount", "final");
  return done((amount.i128.hi << 64n) | amount.i128.lo);
}
