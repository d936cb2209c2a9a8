import fc from "fast-check";
import { expect, test } from "vitest";
import { floorDecimal } from "./decimal-text.ts";

test.each([
  ["0.0912", 91_200n],
  ["0.09129999999", 91_299n],
  ["12", 12_000_000n],
  ["9.12e-2", 91_200n],
  ["1E+3", 1_000_000_000n],
  ["0.0000001", 0n],
])("%s dollars are %s millionths, rounded down", (text, micro) => {
  expect(floorDecimal(text, 6)).toBe(micro);
});

test.each(["", "-1", "+1", ".5", "1.", "1,5", "0x10", "NaN", "1e999", " 1", "1 "])(
  '"%s" is no price',
  (text) => {
    expect(floorDecimal(text, 6)).toBeNull();
  },
);

test("what was written with at most six decimals is read back exactly", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (micro) => {
      const digits = micro.toString().padStart(7, "0");
      expect(floorDecimal(`${digits.slice(0, -6)}.${digits.slice(-6)}`, 6)).toBe(micro);
    }),
  );
});
