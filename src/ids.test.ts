import fc from "fast-check";
import { expect, test } from "vitest";
import { newId, systemRandom } from "./ids.ts";

const zeros = (length: number): Uint8Array => new Uint8Array(length);

test("an id is its prefix, 48 bits of time and 128 random bits in 36 characters", () => {
  expect(newId("ord", 0, zeros)).toBe(`ord_${"0".repeat(36)}`);
  const ones = (length: number): Uint8Array => new Uint8Array(length).fill(255);
  expect(newId("ord", 2 ** 48 - 1, ones)).toBe(`ord_${"z".repeat(35)}g`);
  expect(newId("att", Date.UTC(2026, 0, 1), systemRandom)).toMatch(/^att_[0-9a-hjkmnp-tv-z]{36}$/);
});

test("an id is the 22 bytes in Crockford's base 32, filled up with zero bits", () => {
  const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(fc.nat(2 ** 48 - 1), bytes, (nowMs, random) => {
      const id = newId("x", nowMs, () => random);
      const value = id
        .slice(2)
        .split("")
        .reduce((sum, c) => sum * 32n + BigInt(alphabet.indexOf(c)), 0n);
      const hex = nowMs.toString(16).padStart(12, "0") + Buffer.from(random).toString("hex");
      expect(value).toBe(BigInt(`0x${hex}`) << 4n);
    }),
  );
});

test("ids sort by time, whatever the random bits are", () => {
  const time = fc.nat(2 ** 48 - 2);
  fc.assert(
    fc.property(time, time, (a, b) => {
      fc.pre(a < b);
      const early = newId("ord", a, (length) => new Uint8Array(length).fill(255));
      const late = newId("ord", b, zeros);
      expect(early < late).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("the client's rule for order ids holds", () => {
  expect(newId("ord", Date.UTC(2026, 0, 1), systemRandom)).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
});

test("random bytes have the length asked for, across and beyond the pool, and do not repeat", () => {
  const seen = new Set<string>();
  for (const length of [1, 16, 8_190, 16, 20_000, 16, 0])
    expect(systemRandom(length)).toHaveLength(length);
  for (let i = 0; i < 5_000; i++) seen.add(Buffer.from(systemRandom(16)).toString("hex"));
  expect(seen.size).toBe(5_000);
});

test("bytes handed out belong to the caller: changing them changes no later ones", () => {
  const first = systemRandom(16);
  first.fill(0);
  expect(systemRandom(16).every((byte) => byte === 0)).toBe(false);
});
