import { beginCell, type Builder, Cell, type Slice } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "../../ids.ts";
import { commentPayload, orderPayload, readPayload, sweptPayload } from "./payload.ts";

const ORDER = newId("ord", 1_800_000_000_000, (length) => new Uint8Array(length).fill(7));

const readOrderRef = (payload: Slice): string => readPayload(payload).orderRef;

/** The payload as a transfer carries it, behind its either-bit. */
const inRef = (cell: Cell): Slice => beginCell().storeBit(1).storeRef(cell).endCell().beginParse();
const inline = (build: (builder: Builder) => Builder): Slice =>
  build(beginCell().storeBit(0)).endCell().beginParse();

test("an order id survives the binary payload, in a cell of its own and inline", () => {
  const payload = orderPayload(ORDER);
  expect(readOrderRef(inRef(payload))).toBe(ORDER);
  expect(readOrderRef(inline((builder) => builder.storeSlice(payload.beginParse())))).toBe(ORDER);
});

test("a wallet that only writes comments names the order by its id", () => {
  expect(readOrderRef(inRef(commentPayload(ORDER)))).toBe(ORDER);
  expect(readOrderRef(inRef(commentPayload(`  ${ORDER}\n`)))).toBe(ORDER);
});

test("what an order's own address sends on names that order, and pays none", () => {
  const refs = { orderRef: "", sweptRef: ORDER };
  expect(readPayload(inRef(sweptPayload(ORDER)))).toEqual(refs);
  expect(readPayload(inRef(orderPayload(ORDER)))).toEqual({ orderRef: ORDER, sweptRef: "" });
});

test("a comment that runs on into further cells is read as one", () => {
  const rest = beginCell().storeStringTail(ORDER.slice(5)).endCell();
  const first = beginCell()
    .storeUint(0, 32)
    .storeBuffer(Buffer.from(ORDER.slice(0, 5)));
  expect(readOrderRef(inRef(first.storeRef(rest).endCell()))).toBe(ORDER);
});

test.each([
  ["nothing at all", beginCell().endCell().beginParse()],
  ["a zero bit alone", inline((builder) => builder)],
  ["a reference bit without a reference", beginCell().storeBit(1).endCell().beginParse()],
  ["an empty cell", inRef(Cell.EMPTY)],
  ["an operation nobody knows", inRef(beginCell().storeUint(0xdeadbeef, 32).endCell())],
  ["an encrypted comment", inRef(beginCell().storeUint(0x2167da4b, 32).storeUint(1, 64).endCell())],
  ["half a byte", inRef(beginCell().storeUint(0, 32).storeUint(5, 4).endCell())],
  ["the tag alone", inRef(beginCell().storeUint(0x56343032, 32).endCell())],
  ["a comment with blanks in it", inRef(commentPayload("two words"))],
  ["a comment beyond ASCII", inRef(commentPayload("örd_1"))],
  ["an endless comment", inRef(commentPayload("x".repeat(100_000)))],
])("%s names no order", (_what, payload) => {
  expect(readOrderRef(payload)).toBe("");
});

test("whatever bytes a payer sends, reading ends and names an order of printable characters or none", () => {
  const bits = fc.record({
    isRef: fc.boolean(),
    op: fc.constantFrom(0, 0x56343032, 0x73777074, 7),
    bytes: fc.uint8Array({ maxLength: 110 }),
    odd: fc.integer({ min: 0, max: 7 }),
    depth: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(bits, ({ isRef, op, bytes, odd, depth }) => {
      let cell = beginCell().storeBuffer(Buffer.from(bytes)).endCell();
      for (let level = 0; level < depth; level++) cell = beginCell().storeRef(cell).endCell();
      const content = beginCell().storeUint(op, 32).storeUint(0, odd).storeRef(cell).endCell();
      const payload = isRef
        ? inRef(content)
        : inline((builder) => builder.storeSlice(content.beginParse()));
      const { orderRef, sweptRef } = readPayload(payload);
      for (const ref of [orderRef, sweptRef]) expect(ref).toMatch(/^[\x21-\x7e]{0,64}$/);
    }),
    { numRuns: 300 },
  );
});
