import { StrKey } from "@stellar/stellar-sdk";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeStrKey, encodeStrKey } from "./strkey.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("keys are written as the Stellar SDK writes them, and read back", () => {
  fc.assert(
    fc.property(key, (bytes) => {
      const account = encodeStrKey("account", bytes);
      expect(account).toBe(StrKey.encodeEd25519PublicKey(bytes));
      expect(encodeStrKey("seed", bytes)).toBe(StrKey.encodeEd25519SecretSeed(bytes));
      expect(encodeStrKey("contract", bytes)).toBe(StrKey.encodeContract(bytes));
      expect(decodeStrKey("account", account)).toEqual(bytes);
      expect(decodeStrKey("contract", account)).toBeNull();
    }),
  );
});

test("one wrong character is noticed", () => {
  fc.assert(
    fc.property(
      key,
      fc.nat(55),
      fc.constantFrom(...Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
      (bytes, at, other) => {
        const text = encodeStrKey("contract", bytes);
        fc.pre(text[at] !== other);
        expect(decodeStrKey("contract", text.slice(0, at) + other + text.slice(at + 1))).toBeNull();
      },
    ),
  );
});

test("other texts are not keys", () => {
  for (const text of ["", "G", "c".repeat(56), "C".repeat(55), "C".repeat(57), "0".repeat(56)])
    expect(decodeStrKey("contract", text)).toBeNull();
});
