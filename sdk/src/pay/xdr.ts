import { decodeStrKey } from "../strkey.ts";

/**
 * The few XDR layouts that are read or compared here byte by byte. They are fixed by the protocol (stellar-xdr), while
 * the objects that wrap them differ between the supported majors of the Stellar SDK.
 */

/** Bytes of consecutive XDR values. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return new Uint8Array(bytes);
}

/** A variable-length string: length, bytes, zeros up to a multiple of four. */
export function string(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return concat(uint32(bytes.length), bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));
}

/** SCAddress of a contract, "C…". */
export function contractAddress(contractId: string): Uint8Array {
  return concat(uint32(1), keyOf("contract", contractId));
}

/** AccountID of "G…". */
function accountId(publicKey: string): Uint8Array {
  return concat(uint32(0), keyOf("account", publicKey));
}

function keyOf(kind: "account" | "contract", text: string): Uint8Array {
  const key = decodeStrKey(kind, text);
  if (key === null) throw new TypeError(`not a valid ${kind} id`);
  return key;
}

/** LedgerKey of an account. */
export function accountKey(publicKey: string): Uint8Array {
  return concat(uint32(0), accountId(publicKey));
}

/** LedgerKey of an account's trustline for an asset "CODE:G…". */
export function trustlineKey(publicKey: string, asset: string): Uint8Array {
  const [code = "", issuer = ""] = asset.split(":");
  const bytes = new Uint8Array(code.length <= 4 ? 4 : 12);
  bytes.set(Buffer.from(code));
  return concat(
    uint32(1),
    accountId(publicKey),
    uint32(code.length <= 4 ? 1 : 2),
    bytes,
    accountId(issuer),
  );
}

export interface AccountEntry {
  readonly balanceStroops: bigint;
  readonly sequence: bigint;
  readonly subentries: number;
}

/** LedgerEntryData of an account: type, account id (36 bytes), balance, sequence, subentries, … Null: another form. */
export function readAccountEntry(bytes: Uint8Array): AccountEntry | null {
  const data = Buffer.from(bytes);
  if (data.length < 60 || data.readUInt32BE(0) !== 0) return null;
  return {
    balanceStroops: data.readBigInt64BE(40),
    sequence: data.readBigInt64BE(48),
    subentries: data.readUInt32BE(56),
  };
}

const TRUSTLINE_AUTHORIZED = 1;

/** LedgerEntryData of a trustline: type, account id, asset, balance, limit, flags, … Null: another form. */
export function readTrustlineEntry(
  bytes: Uint8Array,
): { balanceStroops: bigint; isAuthorized: boolean } | null {
  const data = Buffer.from(bytes);
  if (data.length < 44 || data.readUInt32BE(0) !== 1) return null;
  const at = data.readUInt32BE(40) === 1 ? 84 : 92;
  if (data.length < at + 20) return null;
  return {
    balanceStroops: data.readBigInt64BE(at),
    isAuthorized: (data.readUInt32BE(at + 16) & TRUSTLINE_AUTHORIZED) !== 0,
  };
}
