/** Stellar's text form of keys and contract ids (SEP-23): version byte, 32 bytes, CRC-16, as base32. */

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const VERSION = { account: 6 << 3, seed: 18 << 3, contract: 2 << 3 } as const;
const RAW_BYTES = 35;

export type StrKeyKind = keyof typeof VERSION;

/** "G…" of an account's public key, "S…" of a seed, "C…" of a contract; `key` has 32 bytes. */
export function encodeStrKey(kind: StrKeyKind, key: Uint8Array): string {
  if (key.length !== 32) throw new RangeError(`a key has 32 bytes, not ${String(key.length)}`);
  const raw = Buffer.alloc(RAW_BYTES);
  raw[0] = VERSION[kind];
  raw.set(key, 1);
  raw.writeUInt16LE(crc16(raw.subarray(0, 33)), 33);
  let bits = 0n;
  for (const byte of raw) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  // 35 bytes are exactly 56 characters of 5 bits: no padding.
  for (let at = 55n; at >= 0n; at--) text += ALPHABET[Number((bits >> (at * 5n)) & 31n)] ?? "";
  return text;
}

/** The 32 bytes, or null when the text is not a key of this kind with a correct checksum. */
export function decodeStrKey(kind: StrKeyKind, text: string): Uint8Array | null {
  if (!/^[A-Z2-7]{56}$/.test(text)) return null;
  let bits = 0n;
  for (const character of text) bits = (bits << 5n) | BigInt(ALPHABET.indexOf(character));
  const raw = Buffer.from(bits.toString(16).padStart(RAW_BYTES * 2, "0"), "hex");
  if (raw[0] !== VERSION[kind] || raw.readUInt16LE(33) !== crc16(raw.subarray(0, 33))) return null;
  return new Uint8Array(raw.subarray(1, 33));
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  }
  return crc & 0xffff;
}
