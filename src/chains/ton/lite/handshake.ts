import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  randomBytes,
} from "node:crypto";

/** What stands before a raw key in the forms that the runtime reads (RFC 8410). */
const X25519_PRIVATE = Buffer.from("302e020100300506032b656e04220420", "hex");
const X25519_PUBLIC = Buffer.from("302a300506032b656e032100", "hex");
/** TL's name for an ed25519 public key. */
const PUBLIC_KEY_TYPE = Buffer.from("c6b41348", "hex");
const CIPHER = "aes-256-ctr";

/** The client's first bytes, and the streams that both sides have from then on. */
export interface Handshake {
  readonly packet: Buffer;
  encrypt(data: Buffer): Buffer;
  decrypt(data: Buffer): Buffer;
}

/**
 * ADNL over TCP, https://docs.ton.org/v3/documentation/network/protocols/adnl/tcp. Only who holds the private key
 * to `serverKey` can read it, and so answer.
 * @throws if the key is no point of the curve
 */
export function shakeHands(serverKey: Buffer): Handshake {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const own = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const seed = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
  const secret = sharedSecret(seed, serverKey);
  const parameters = randomBytes(160);
  const hash = createHash("sha256").update(parameters).digest();
  const key = Buffer.concat([secret.subarray(0, 16), hash.subarray(16)]);
  const start = Buffer.concat([hash.subarray(0, 4), secret.subarray(20)]);
  const sealed = createCipheriv(CIPHER, key, start).update(parameters);
  const whom = createHash("sha256").update(PUBLIC_KEY_TYPE).update(serverKey).digest();
  const part = (from: number, to: number): Buffer => parameters.subarray(from, to);
  const incoming = createDecipheriv(CIPHER, part(0, 32), part(64, 80));
  const outgoing = createCipheriv(CIPHER, part(32, 64), part(80, 96));
  return {
    packet: Buffer.concat([whom, own, hash, sealed]),
    encrypt: (data) => outgoing.update(data),
    decrypt: (data) => incoming.update(data),
  };
}

function sharedSecret(seed: Buffer, serverKey: Buffer): Buffer {
  const scalar = createHash("sha512").update(seed).digest().subarray(0, 32);
  const own = Buffer.concat([X25519_PRIVATE, scalar]);
  const theirs = Buffer.concat([X25519_PUBLIC, montgomeryOf(serverKey)]);
  return diffieHellman({
    privateKey: createPrivateKey({ key: own, format: "der", type: "pkcs8" }),
    publicKey: createPublicKey({ key: theirs, format: "der", type: "spki" }),
  });
}

const P = 2n ** 255n - 19n;

/** The same point on the curve that keys are exchanged on: u = (1 + y) / (1 - y), RFC 7748. */
function montgomeryOf(publicKey: Buffer): Buffer {
  const y = BigInt(`0x${swapped(publicKey).toString("hex")}`) & (2n ** 255n - 1n);
  const u = ((1n + y) * power(1n - y + P, P - 2n)) % P;
  return swapped(Buffer.from(u.toString(16).padStart(64, "0"), "hex"));
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

/** The last byte first. */
function swapped(bytes: Buffer): Buffer {
  return Buffer.from([...bytes].toReversed());
}
