import fc from "fast-check";
import { expect, test } from "vitest";
import { formatStroops, parseStroops } from "./decimal.ts";

test("a printed amount reads back as the same stroops, whatever it is", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 18n }), (stroops) => {
      expect(parseStroops(formatStroops(stroops))).toBe(stroops);
    }),
  );
});

test("amounts print with at least two and at most seven decimals", () => {
  expect(
    [0n, 1n, 105_000_000n, 100_000_000n, 645_161_290n, 10_500_000n].map(formatStroops),
  ).toEqual(["0.00", "0.0000001", "10.50", "10.00", "64.516129", "1.05"]);
});

test("what is not a plain decimal of at most seven places is not an amount", () => {
  for (const text of [
    "",
    ".",
    "1.",
    ".5",
    "-1",
    "+1",
    "1e3",
    " 1",
    "1 ",
    "0x1",
    "1,5",
    "1.12345678",
  ])
    expect(parseStroops(text), text).toBeNull();
  expect(parseStroops("٣")).toBeNull();
  expect(parseStroops("9".repeat(13))).toBeNull();
});
