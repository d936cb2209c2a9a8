import { randomFillSync } from "node:crypto";

/** Fills with unpredictable bytes; tests and simulations give a seeded one. */
export type RandomBytes = (length: number) => Uint8Array;

const POOL_BYTES = 8192;
let pool = new Uint8Array(0);
let used = 0;

/** Cryptographic random bytes, taken from a pool because one call to the system per id is slow. */
export const systemRandom: RandomBytes = (length) => {
  if (used + length > pool.length) {
    pool = randomFillSync(new Uint8Array(Math.max(POOL_BYTES, length)));
    used = 0;
  }
  const bytes = pool.slice(used, used + length);
  pool.fill(0, used, used + length);
  used += length;
  return bytes;
};

/** Crockford's base 32 in lower case: sorts as the bytes do, no look-alike letters. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

function base32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((held >>> bits) & 31);
      held &= (1 << bits) - 1;
    }
  }
  return bits > 0 ? text + ALPHABET.charAt((held << (5 - bits)) & 31) : text;
}

const TIME_BYTES = 6;
const RANDOM_BYTES = 16;

/**
 * A new id: prefix, 48 bits of time, 128 random bits ("ord_06cd…", 40 characters for "ord"). Ids sort by
 * time, which keeps database inserts at the end of the index, and cannot be guessed.
 */
export function newId(prefix: string, nowMs: number, random: RandomBytes): string {
  const bytes = new Uint8Array(TIME_BYTES + RANDOM_BYTES);
  new DataView(bytes.buffer).setUint16(0, Math.floor(nowMs / 2 ** 32));
  new DataView(bytes.buffer).setUint32(2, nowMs >>> 0);
  bytes.set(random(RANDOM_BYTES), TIME_BYTES);
  return `${prefix}_${base32(bytes)}`;
}
