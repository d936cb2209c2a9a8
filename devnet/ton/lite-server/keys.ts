import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from "node:crypto";

/** What stands before a raw key in the forms that the runtime reads (RFC 8410). */
const ED25519_PRIVATE = Buffer.from("302e020100300506032b657004220420", "hex");
const X25519_PRIVATE = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_PUBLIC = Buffer.from("302a300506032b656e032100", "hex");
/** TL's name for a public key of this kind. */
const PUBLIC_KEY_TYPE = Buffer.from("c6b41348", "hex");

/** The key that a lite server proves who it is with. */
export interface ServerKey {
  /** 32 bytes, ed25519. */
  readonly publicKey: Buffer;
  /** By which clients say whom they mean. */
  readonly id: Buffer;
  /** @param clientKey 32 bytes, ed25519. @throws if it is no key */
  sharedSecret(clientKey: Buffer): Buffer;
}

export function serverKey(seed: Buffer): ServerKey {
  const own = privateKey(ED25519_PRIVATE, seed);
  const publicKey = createPublicKey(own).export({ format: "der", type: "spki" }).subarray(-32);
  const scalar = createHash("sha512").update(seed).digest().subarray(0, 32);
  const exchanging = privateKey(X25519_PRIVATE, scalar);
  return {
    publicKey,
    id: createHash("sha256").update(PUBLIC_KEY_TYPE).update(publicKey).digest(),
    sharedSecret(clientKey) {
      const der = Buffer.concat([X25519_PUBLIC, montgomeryOf(clientKey)]);
      const theirs = createPublicKey({ key: der, format: "der", type: "spki" });
      return diffieHellman({ privateKey: exchanging, publicKey: theirs });
    },
  };
}

function privateKey(head: Buffer, raw: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([head, raw]), format: "der", type: "pkcs8" });
}

const P = 2n ** 255n - 19n;

/** The same point on the curve that keys are exchanged on: u = (1 + y) / (1 - y), RFC 7748. */
function montgomeryOf(publicKey: Buffer): Buffer {
  const y = BigInt(`0x${swapped(publicKey).toString("hex")}`) & (2n ** 255n - 1n);
  const u = ((1n + y) * power(1n - y + P, P - 2n)) % P;
  return swapped(Buffer.from(u.toString(16).padStart(64, "0"), "hex"));
}

/** The last byte first. */
function swapped(bytes: Buffer): Buffer {
  return Buffer.from([...bytes].toReversed());
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = base % P;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}
