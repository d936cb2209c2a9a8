import { createHash } from "node:crypto";
import { keyPairFromSeed, sign, signVerify } from "@ton/crypto";
import { expect, test } from "vitest";
import { isSignedBy, signHash } from "./ed25519.ts";

const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();

test("signatures are those of TON's own package, and each takes the other's", () => {
  for (const name of ["a", "b", "c"]) {
    const { publicKey, secretKey } = keyPairFromSeed(hashOf(name));
    const hash = hashOf(`message of ${name}`);
    const signature = signHash(hash, secretKey);
    expect(signature).toEqual(sign(hash, secretKey));
    expect(signVerify(hash, signature, publicKey)).toBe(true);
    expect(isSignedBy(publicKey, hash, signature)).toBe(true);
  }
});

test("another message, another key and a signature that is changed anywhere are refused", () => {
  const { publicKey, secretKey } = keyPairFromSeed(hashOf("owner"));
  const other = keyPairFromSeed(hashOf("other")).publicKey;
  const hash = hashOf("message");
  const signature = signHash(hash, secretKey);
  expect(isSignedBy(publicKey, hashOf("another"), signature)).toBe(false);
  expect(isSignedBy(other, hash, signature)).toBe(false);
  for (let at = 0; at < signature.length; at++) {
    const changed = Buffer.from(signature);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    expect(isSignedBy(publicKey, hash, changed)).toBe(false);
  }
});

test.each([
  ["zeros", Buffer.alloc(32)],
  ["no point of the curve", Buffer.alloc(32, 255)],
  ["too short", Buffer.alloc(5)],
])("a key that is none (%s) has signed nothing", (_what, publicKey) => {
  expect(isSignedBy(publicKey, hashOf("message"), Buffer.alloc(64))).toBe(false);
  expect(isSignedBy(publicKey, hashOf("message"), Buffer.alloc(3))).toBe(false);
});
