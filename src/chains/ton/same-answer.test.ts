import { beginCell, type TupleItem, TupleReader } from "@ton/core";
import { expect, test } from "vitest";
import type { MethodResult } from "./chain.ts";
import { sameAnswer } from "./same-answer.ts";

const cell = beginCell().storeUint(5, 64).endCell();

function answer(exitCode: number, ...items: TupleItem[]): MethodResult {
  return { exitCode, stack: new TupleReader(items) };
}

test("a slice is the same as the cell that another server shows it as; the answer can be read", () => {
  const same = sameAnswer(answer(0, { type: "cell", cell }), answer(1, { type: "slice", cell }));
  expect(same?.exitCode).toBe(0);
  expect(same?.stack.readCell().equals(cell)).toBe(true);
});

test("each value counts, and so does their number", () => {
  const five = { type: "int", value: 5n } as const;
  const six = { type: "int", value: 6n } as const;
  const tuple = (...items: TupleItem[]): TupleItem => ({ type: "tuple", items });
  expect(sameAnswer(answer(0, five), answer(0, six))).toBeNull();
  expect(sameAnswer(answer(0, five), answer(0, five, five))).toBeNull();
  expect(sameAnswer(answer(0, five), answer(0, { type: "null" }))).toBeNull();
  expect(sameAnswer(answer(0, tuple(five)), answer(0, tuple(six)))).toBeNull();
  expect(sameAnswer(answer(0, tuple(five, { type: "nan" })), answer(0, tuple(five)))).toBeNull();
});

test("who knows the contract and who does not, as on another network, do not agree", () => {
  expect(sameAnswer(answer(0), answer(-0x100))).toBeNull();
  expect(sameAnswer(answer(-13), answer(0))).toBeNull();
  expect(sameAnswer(answer(-13), answer(-0x100))).toMatchObject({ exitCode: -13 });
});
