import { xdr } from "@stellar/stellar-sdk";
import { accountKey } from "./entry-key.ts";
import type { LedgerState } from "./state.ts";

export const MAX_INT64 = 2n ** 63n - 1n;

/** Flags of AccountEntry. */
export const AUTH_REQUIRED = 1;
export const AUTH_REVOCABLE = 2;
export const AUTH_IMMUTABLE = 4;
export const AUTH_CLAWBACK_ENABLED = 8;

/** Signers and trustlines of one account. Each one raises the reserve. */
export const MAX_SUBENTRIES = 1000;

/** The ledger being built: the number and time that new and changed entries carry. */
export interface LedgerContext {
  readonly sequence: number;
  readonly closeTimeS: number;
  readonly baseReserveStroops: number;
}

export function loadAccount(state: LedgerState, id: xdr.PublicKey): xdr.AccountEntry | null {
  const data = state.get(accountKey(id))?.entry.data;
  return data?.type === "account" ? data.account : null;
}

export function storeAccount(
  state: LedgerState,
  ledger: LedgerContext,
  account: xdr.AccountEntry,
): void {
  const data = xdr.LedgerEntryData.account(account);
  state.put(accountKey(account.accountId), data, ledger.sequence);
}

type AccountFields = ConstructorParameters<typeof xdr.AccountEntry>[0];

export function changeAccount(
  account: xdr.AccountEntry,
  change: Partial<AccountFields>,
): xdr.AccountEntry {
  return new xdr.AccountEntry(Object.assign({}, account, change));
}

/** A new account's sequence number starts at its birth ledger, so that old envelopes never apply. */
export function newAccount(
  id: xdr.PublicKey,
  balance: bigint,
  ledger: LedgerContext,
): xdr.AccountEntry {
  return new xdr.AccountEntry({
    accountId: id,
    balance,
    seqNum: startingSequence(ledger.sequence),
    numSubEntries: 0,
    inflationDest: null,
    flags: 0,
    homeDomain: "",
    thresholds: new Uint8Array([1, 0, 0, 0]),
    signers: [],
    ext: xdr.AccountEntryExt.v0(),
  });
}

export function startingSequence(ledgerSequence: number): bigint {
  return BigInt(ledgerSequence) << 32n;
}

export function minimumBalance(subEntries: number, ledger: LedgerContext): bigint {
  return BigInt(2 + subEntries) * BigInt(ledger.baseReserveStroops);
}

/** What may be spent without falling below the reserve; can be negative. */
export function availableBalance(account: xdr.AccountEntry, ledger: LedgerContext): bigint {
  return account.balance - minimumBalance(account.numSubEntries, ledger);
}

/** Sequence, and since which ledger and time the account has had it (CAP-21). */
export function withSequence(
  account: xdr.AccountEntry,
  seqNum: bigint,
  ledger: LedgerContext,
): xdr.AccountEntry {
  const since = new xdr.AccountEntryExtensionV3({
    ext: xdr.ExtensionPoint.v0(),
    seqLedger: ledger.sequence,
    seqTime: BigInt(ledger.closeTimeS),
  });
  const v1 = account.ext.type === "v1" ? account.ext.v1 : null;
  const v2 = v1?.ext.type === "v2" ? v1.ext.v2 : null;
  const extension2 = new xdr.AccountEntryExtensionV2({
    numSponsored: v2?.numSponsored ?? 0,
    numSponsoring: v2?.numSponsoring ?? 0,
    signerSponsoringIDs: v2?.signerSponsoringIDs ?? account.signers.map(() => null),
    ext: xdr.AccountEntryExtensionV2Ext.v3(since),
  });
  const extension1 = new xdr.AccountEntryExtensionV1({
    liabilities: v1?.liabilities ?? new xdr.Liabilities({ buying: 0n, selling: 0n }),
    ext: xdr.AccountEntryExtensionV1Ext.v2(extension2),
  });
  return changeAccount(account, { seqNum, ext: xdr.AccountEntryExt.v1(extension1) });
}

/** Ledger and time (seconds) at which the sequence last changed; zeros if it never did. */
export function sequenceSince(account: xdr.AccountEntry): { ledger: number; timeS: bigint } {
  const v2 = account.ext.type === "v1" ? account.ext.v1.ext : null;
  const v3 = v2?.type === "v2" && v2.v2.ext.type === "v3" ? v2.v2.ext.v3 : null;
  return { ledger: v3?.seqLedger ?? 0, timeS: v3?.seqTime ?? 0n };
}

/** Signers changed: the list of their sponsors has one place per signer. */
export function withSigners(account: xdr.AccountEntry, signers: xdr.Signer[]): xdr.AccountEntry {
  const numSubEntries = account.numSubEntries + signers.length - account.signers.length;
  const changed = changeAccount(account, { signers, numSubEntries });
  const v1 = account.ext.type === "v1" ? account.ext.v1 : null;
  if (!v1 || v1.ext.type !== "v2") return changed;
  const { numSponsored, numSponsoring, ext } = v1.ext.v2;
  const signerSponsoringIDs = signers.map(() => null);
  const v2 = { numSponsored, numSponsoring, signerSponsoringIDs, ext };
  const extension = new xdr.AccountEntryExtensionV1({
    liabilities: v1.liabilities,
    ext: xdr.AccountEntryExtensionV1Ext.v2(new xdr.AccountEntryExtensionV2(v2)),
  });
  return changeAccount(changed, { ext: xdr.AccountEntryExt.v1(extension) });
}
