import { createHmac, type KeyObject } from "node:crypto";
import type { RandomBytes } from "../ids.ts";

const SECRET_BYTES = 24;

/** A new API key: "vend402_" and 48 hex digits, 192 random bits. Shown once, never stored. */
export function newApiKey(random: RandomBytes): string {
  return `vend402_${Buffer.from(random(SECRET_BYTES)).toString("hex")}`;
}

/**
 * What is stored and looked up instead of the key. A random key of 192 bits needs no slow hash; the pepper
 * makes a stolen database useless for checking guesses. It is a `KeyObject` because preparing raw bytes for
 * each hash costs five times the hash itself.
 */
export function hashApiKey(key: string, pepper: KeyObject): string {
  return createHmac("sha256", pepper).update(key).digest("hex");
}
