import { createHmac, pbkdf2Sync } from "node:crypto";
import { keyPairFromSeed } from "@ton/crypto";

export interface TonKeys {
  readonly publicKey: Buffer;
  /** 64 bytes; never log them. */
  readonly secretKey: Buffer;
}

const SEED_ROUNDS = 100_000;
const CHECK_ROUNDS = Math.floor(SEED_ROUNDS / 256);

/** Null unless the text is an ed25519 seed of 64 hex digits. */
export function keysOfSeed(hex: string): TonKeys | null {
  return /^[0-9a-fA-F]{64}$/.test(hex) ? keyPairFromSeed(Buffer.from(hex, "hex")) : null;
}

/** The keys that TON wallets make of 24 words without a password; null when they are no such words. */
export function keysOfMnemonic(text: string): TonKeys | null {
  const words = text.trim().toLowerCase().split(/\s+/);
  if (words.length !== 24) return null;
  const entropy = createHmac("sha512", words.join(" ")).digest();
  // Words of TON wallets are drawn until this byte is zero, so one mistyped word shows in all but 1 of 256 cases.
  const check = pbkdf2Sync(entropy, "TON seed version", CHECK_ROUNDS, 64, "sha512");
  if (check[0] !== 0) return null;
  const seed = pbkdf2Sync(entropy, "TON default seed", SEED_ROUNDS, 64, "sha512");
  return keyPairFromSeed(seed.subarray(0, 32));
}
