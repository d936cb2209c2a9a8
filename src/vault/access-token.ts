import { createHmac, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";

const KEY_BYTES = 32;
const PURPOSE = "vend402 access to an order's goods";

/**
 * What lets a buyer without an API key read an order's goods: an HMAC of its id with a key derived from the
 * server's pepper, 43 characters of base64url. Nothing is stored, and the id alone does not give it.
 */
export function createAccessTokens(pepper: KeyObject): (orderId: string) => string {
  const bytes = hkdfSync("sha256", pepper, "", PURPOSE, KEY_BYTES);
  const key = createSecretKey(Buffer.from(bytes));
  return (orderId) => createHmac("sha256", key).update(orderId).digest("base64url");
}
