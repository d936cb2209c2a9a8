import { beginCell, type TupleItem } from "@ton/core";
import { expect, test } from "vitest";
import { itemView, readStack } from "./stack.ts";

const cell = beginCell().storeUint(7, 8).endCell();
const boc = cell.toBoc().toString("base64");

test("numbers come in decimal or hexadecimal, of either sign", () => {
  const given = [
    ["num", "255"],
    ["num", "0xff"],
    ["int", "-0xff"],
    ["num", "-1"],
  ];
  const values = readStack(given).map((item) => (item.type === "int" ? item.value : null));
  expect(values).toEqual([255n, 255n, -255n, -1n]);
});

test("cells come under the names of both generations of clients", () => {
  const types = ["cell", "tvm.Cell", "slice", "tvm.Slice", "tvm.Builder"];
  const items = readStack(types.map((type) => [type, boc]));
  expect(items.map(({ type }) => type)).toEqual(["cell", "cell", "slice", "slice", "builder"]);
  for (const item of items) expect("cell" in item && item.cell.equals(cell)).toBe(true);
});

test("no stack is an empty one", () => {
  expect(readStack(undefined)).toEqual([]);
});

test.each([
  ["text", "must be a list"],
  [["num"], "cannot read a stack item"],
  [[["num", "many"]], "many is no number"],
  [[["tuple", []]], "cannot read a stack item of type tuple"],
  [[["cell", "AAAA"]], "failed to parse boc"],
])("a stack of %j is told to be wrong", (given, message) => {
  expect(() => readStack(given)).toThrow(message);
});

test("every value has the form that the stock client reads", () => {
  const tuple: TupleItem = {
    type: "tuple",
    items: [{ type: "int", value: -5n }, { type: "cell", cell }, { type: "null" }],
  };
  expect(itemView({ type: "int", value: -255n })).toEqual(["num", "-0xff"]);
  expect(itemView({ type: "nan" })).toEqual(["num", "NaN"]);
  expect(itemView({ type: "null" })).toEqual(["list", { "@type": "tvm.list", elements: [] }]);
  expect(itemView({ type: "slice", cell })).toEqual(["cell", { bytes: boc }]);
  expect(itemView({ type: "builder", cell })).toEqual(["builder", { bytes: boc }]);
  expect(itemView(tuple)).toEqual([
    "tuple",
    {
      "@type": "tvm.tuple",
      elements: [
        {
          "@type": "tvm.stackEntryNumber",
          number: { "@type": "tvm.numberDecimal", number: "-5" },
        },
        { "@type": "tvm.stackEntryCell", cell: { "@type": "tvm.cell", bytes: boc } },
        { "@type": "tvm.stackEntryList", list: { "@type": "tvm.list", elements: [] } },
      ],
    },
  ]);
});
