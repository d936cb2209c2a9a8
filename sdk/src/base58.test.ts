import { expect, test } from "vitest";
import { decodeBase58 } from "./base58.ts";

test("published base58 vectors decode to their bytes", () => {
  const vectors = [
    ["", ""],
    ["2g", "61"],
    ["a3gV", "626262"],
    ["1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L", "00eb15231dfceb60925886b67d065299925915aeb172c06647"],
    ["ABnLTmg", "516b6fcd0f"],
    ["1111111111", "00000000000000000000"],
  ] as const;
  for (const [text, hex] of vectors)
    expect(Buffer.from(decodeBase58(text) ?? "none").toString("hex")).toBe(hex);
});

test("characters outside the alphabet are refused", () => {
  for (const text of ["0", "O", "I", "l", "a b", "é"]) expect(decodeBase58(text)).toBeNull();
});
