import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAmount, formatDecimal, mulDivCeil, parseDecimal, USD } from "./money.ts";

const decimals = fc.integer({ min: 0, max: 18 });
const atomic = fc.bigInt({ min: 0n, max: 10n ** 30n - 1n });

test("what is formatted is read back as the same base units", () => {
  fc.assert(
    fc.property(atomic, decimals, fc.nat(18), (units, places, padding) => {
      const text = formatDecimal(units, places, Math.min(padding, places));
      expect(parseDecimal(text, places)).toBe(units);
    }),
  );
});

test("a sum of base units is the sum of the decimals: nothing is rounded on the way", () => {
  const cents = fc.nat(10 ** 9);
  fc.assert(
    fc.property(cents, cents, (a, b) => {
      const text = (value: number): string => formatDecimal(BigInt(value), 2);
      const sum = (parseDecimal(text(a), 7) ?? 0n) + (parseDecimal(text(b), 7) ?? 0n);
      expect(formatDecimal(sum, 7)).toBe(text(a + b));
    }),
  );
});

test.each([
  ["10.5", 7, 105_000_000n],
  ["0", 7, 0n],
  ["00010", 2, 1_000n],
  ["1.2300000000", 2, 123n],
  ["0.0000001", 7, 1n],
  ["7", 0, 7n],
  ["7.00", 0, 7n],
] as const)("%s with %i decimals is %s base units", (text, places, units) => {
  expect(parseDecimal(text, places)).toBe(units);
});

test.each([
  "",
  " 1",
  "1 ",
  "1\n",
  "-1",
  "+1",
  ".5",
  "1.",
  "1e3",
  "0x10",
  "1,5",
  "1_000",
  "NaN",
  "Infinity",
  "١",
  "1.00000001",
  "9".repeat(31),
  `1.${"0".repeat(31)}`,
])("%j is not an amount of a 7-decimal asset", (text) => {
  expect(parseDecimal(text, 7)).toBeNull();
});

test.each([
  [10_000_000n, 6, 2, "10.00"],
  [10_500_000n, 6, 2, "10.50"],
  [10_500_001n, 6, 2, "10.500001"],
  [1n, 7, 0, "0.0000001"],
  [-1n, 7, 0, "-0.0000001"],
  [-10_000_000n, 6, 2, "-10.00"],
  [0n, 6, 2, "0.00"],
  [0n, 6, 0, "0"],
  [42n, 0, 0, "42"],
] as const)("%s with %i decimals, at least %i shown, is %s", (units, places, shown, text) => {
  expect(formatDecimal(units, places, shown)).toBe(text);
});

test("an amount for people carries its symbol", () => {
  expect(formatAmount({ asset: USD, atomic: 2_500_000n })).toBe("2.50 USD");
});

test("a product divided is rounded up by less than one base unit", () => {
  const factor = fc.bigInt({ min: 0n, max: 10n ** 30n });
  const divisor = fc.bigInt({ min: 1n, max: 10n ** 20n });
  fc.assert(
    fc.property(factor, factor, divisor, (a, b, c) => {
      const result = mulDivCeil(a, b, c);
      expect(result * c >= a * b).toBe(true);
      expect((result - 1n) * c < a * b).toBe(true);
    }),
  );
});
