import { StrKey, type xdr } from "@stellar/stellar-sdk/base";
import type { Entry } from "./entries.ts";

/** Reserve of one entry, in stroops; every network has had this value since 2019. */
export const BASE_RESERVE_STROOPS = 5_000_000n;

/** A classic account, amounts in stroops. */
export interface AccountState {
  readonly sequence: bigint;
  /** What it can spend: balance less reserve and what its own offers have promised. Never negative. */
  readonly spendable: bigint;
  /** Weight that a signer needs for a payment; at least 1. */
  readonly paymentThreshold: number;
  /** Weight of a key (G…); 0 when it is no signer. */
  weightOf(publicKey: string): number;
}

/** Null when the entry is missing or no account. */
export function accountOf(entry: Entry | null): AccountState | null {
  if (entry?.data.type !== "account") return null;
  const account = entry.data.value;
  const [masterWeight = 0, , medium = 0] = account.thresholds.toBytes();
  const weights = new Map(
    account.signers.map((signer) => [signerAddress(signer.key), signer.weight]),
  );
  weights.set(StrKey.encodeEd25519PublicKey(account.accountId.value.toBytes()), masterWeight);
  return {
    sequence: account.seqNum,
    spendable: spendableOf(account),
    paymentThreshold: Math.max(medium, 1),
    weightOf: (publicKey) => weights.get(publicKey) ?? 0,
  };
}

/** A sponsored entry's reserve is its sponsor's: hence the two counts. */
function spendableOf(account: xdr.AccountEntry): bigint {
  const extension = account.ext.type === "v1" ? account.ext.value : null;
  const sponsors = extension?.ext.type === "v2" ? extension.ext.value : null;
  const sponsored = (sponsors?.numSponsoring ?? 0) - (sponsors?.numSponsored ?? 0);
  const reserve = BigInt(2 + account.numSubEntries + sponsored) * BASE_RESERVE_STROOPS;
  const free = account.balance - reserve - (extension?.liabilities.selling ?? 0n);
  return free > 0n ? free : 0n;
}

/** Null for signers that are no key: hashes and pre-authorised transactions. */
function signerAddress(key: xdr.SignerKey): string | null {
  return key.type === "signerKeyTypeEd25519"
    ? StrKey.encodeEd25519PublicKey(key.value.toBytes())
    : null;
}

/** A trustline, amounts in base units of its asset. */
export interface TrustlineState {
  readonly isAuthorized: boolean;
  /** What can be sent from it: balance less what its owner's offers have promised. */
  readonly spendable: bigint;
  /** What still fits into it: limit less balance and less what its owner's offers would bring. */
  readonly room: bigint;
}

const AUTHORIZED_FLAG = 1;

/** Null when the entry is missing or no trustline. */
export function trustlineOf(entry: Entry | null): TrustlineState | null {
  if (entry?.data.type !== "trustline") return null;
  const line = entry.data.value;
  const liabilities = line.ext.type === "v1" ? line.ext.value.liabilities : null;
  return {
    isAuthorized: (line.flags & AUTHORIZED_FLAG) !== 0,
    spendable: line.balance - (liabilities?.selling ?? 0n),
    room: line.limit - line.balance - (liabilities?.buying ?? 0n),
  };
}
