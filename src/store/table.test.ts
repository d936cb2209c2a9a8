import { expect, test } from "vitest";
import { amount, defineTable, flag, json, nullable, plain } from "./table.ts";

interface Row {
  readonly id: string;
  readonly paidAtomic: bigint | null;
  readonly isOpen: boolean;
  readonly facts: { readonly a: number };
}

const ROWS = defineTable<Row>("things", {
  id: plain("id"),
  paidAtomic: nullable(amount("paid_atomic")),
  isOpen: flag("is_open"),
  facts: json("facts"),
});

test("a table spells its columns in one order for reading and writing", () => {
  expect(ROWS.select).toBe("SELECT id, paid_atomic, is_open, facts FROM things");
  expect(ROWS.insert).toBe(
    "INSERT INTO things (id, paid_atomic, is_open, facts) VALUES (?, ?, ?, ?)",
  );
});

test.each<Row>([
  { id: "x", paidAtomic: 2n ** 100n, isOpen: true, facts: { a: 1 } },
  { id: "", paidAtomic: null, isOpen: false, facts: { a: -0.5 } },
])("what is written is read back (%#)", (row) => {
  expect(ROWS.read(ROWS.values(row))).toEqual(row);
});

test("a change names only the members that are given, null among them", () => {
  expect(ROWS.assign({ isOpen: false, paidAtomic: null })).toEqual({
    text: "paid_atomic = ?, is_open = ?",
    values: [null, 0],
  });
  expect(ROWS.assign({})).toEqual({ text: "", values: [] });
});

test("a change never becomes a column that the table does not have", () => {
  const hostile = { id: "y", "id = 'z' --": "x" };
  expect(ROWS.assign(hostile)).toEqual({ text: "id = ?", values: ["y"] });
});

test("a row with other columns is a bug, not a row with holes", () => {
  expect(() => ROWS.read(["x", null, 1])).toThrow("has other columns than asked for");
});
