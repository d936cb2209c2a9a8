import fc from "fast-check";
import { expect, test } from "vitest";
import { formatCursor, MAX_EVENT, MAX_OPERATION, MAX_TRANSACTION, parseCursor } from "./cursor.ts";

const cursors = fc.record({
  ledger: fc.nat(2 ** 31 - 1),
  transaction: fc.nat(MAX_TRANSACTION),
  operation: fc.nat(MAX_OPERATION),
  event: fc.nat(MAX_EVENT),
});

test("the second event of ledger 108's first transaction is the one of the documentation", () => {
  const cursor = { ledger: 108, transaction: 1, operation: 0, event: 1 };
  expect(formatCursor(cursor)).toBe("0000000463856472064-0000000001");
});

test("a cursor survives being written", () => {
  fc.assert(
    fc.property(cursors, (cursor) => {
      expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
    }),
  );
});

test("cursors as text are in the order of what they stand for", () => {
  fc.assert(
    fc.property(cursors, cursors, (a, b) => {
      const order = (one: typeof a) => [one.ledger, one.transaction, one.operation, one.event];
      const first = order(a).findIndex((value, index) => value !== order(b)[index]);
      const expected = first < 0 ? 0 : Math.sign((order(a)[first] ?? 0) - (order(b)[first] ?? 0));
      const [left, right] = [formatCursor(a), formatCursor(b)];
      expect(left < right ? -1 : left > right ? 1 : 0).toBe(expected);
    }),
  );
});

test("what is no cursor is none", () => {
  const texts = [
    "",
    "1",
    "-",
    "1-",
    "-1",
    "1-99999999999",
    "9223372036854775807-0x",
    "1-1-1",
    "a-b",
  ];
  expect(texts.map(parseCursor)).toEqual(texts.map(() => null));
  expect(parseCursor("9999999999999999999-0000000000")).toBeNull();
  expect(parseCursor("1-4294967296")).toBeNull();
});
