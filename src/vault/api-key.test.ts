import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import { systemRandom } from "../ids.ts";
import { redactText } from "../log.ts";
import { hashApiKey, newApiKey } from "./api-key.ts";

const pepper = createSecretKey(new Uint8Array(32).fill(7));

test("a key is printable, of the length that the API accepts, and never the same twice", () => {
  const keys = Array.from({ length: 100 }, () => newApiKey(systemRandom));
  for (const key of keys) expect(key).toMatch(/^vend402_[0-9a-f]{48}$/);
  expect(new Set(keys).size).toBe(keys.length);
});

test("the log takes every key for what it is", () => {
  expect(redactText(`x-api-key: ${newApiKey(systemRandom)}`)).toBe("x-api-key: [removed]");
});

test("a key's hash depends on every character and on the pepper, and shows neither", () => {
  const key = newApiKey(systemRandom);
  const hash = hashApiKey(key, pepper);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(hashApiKey(key, pepper)).toBe(hash);
  expect(hashApiKey(`${key} `, pepper)).not.toBe(hash);
  expect(hashApiKey(key.toUpperCase(), pepper)).not.toBe(hash);
  expect(hashApiKey(key, createSecretKey(new Uint8Array(32).fill(8)))).not.toBe(hash);
});

test("the hash is HMAC-SHA-256, as RFC 4231 has it (test case 2)", () => {
  expect(hashApiKey("what do ya want for nothing?", createSecretKey(Buffer.from("Jefe")))).toBe(
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
});
