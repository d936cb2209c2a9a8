import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";

/** Signatures by the runtime's own library: some thirty times as fast as those of @ton/crypto, which is JavaScript. */

/** What stands before a raw key in the forms that the runtime reads (RFC 8410). */
const PUBLIC_HEAD = Buffer.from("302a300506032b6570032100", "hex");
const PRIVATE_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** @param secretKey 64 bytes, seed first, as TON's packages have it */
export function signHash(hash: Buffer, secretKey: Buffer): Buffer {
  const der = Buffer.concat([PRIVATE_HEAD, secretKey.subarray(0, 32)]);
  return sign(null, hash, createPrivateKey({ key: der, format: "der", type: "pkcs8" }));
}

/** False, too, when a stranger's 32 bytes are no public key. */
export function isSignedBy(publicKey: Buffer, hash: Buffer, signature: Buffer): boolean {
  const der = Buffer.concat([PUBLIC_HEAD, publicKey]);
  try {
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    return verify(null, hash, key, signature);
  } catch {
    return false;
  }
}
