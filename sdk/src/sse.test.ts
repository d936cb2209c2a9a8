import fc from "fast-check";
import { expect, test } from "vitest";
import { createSseParser, StreamOverflow, type StreamEvent } from "./sse.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function readPieces(stream: Uint8Array, pieceSizes: readonly number[]): StreamEvent[] {
  const parser = createSseParser();
  const events: StreamEvent[] = [];
  let at = 0;
  for (const size of [...pieceSizes, stream.length]) {
    events.push(...parser.push(stream.subarray(at, at + size)));
    at += size;
  }
  return events;
}

/** The event of the lines before a blank one, by the grammar of the specification; null without data. */
function readBlock(
  lines: readonly string[],
  lastId: string,
): { event: StreamEvent | null; id: string } {
  const fields = lines
    .map((line) => /^([^:]*)(?:: ?(.*))?$/su.exec(line) ?? [])
    .map(([, name = "", value = ""]) => ({ name, value }));
  const valuesOf = (wanted: string) =>
    fields.filter(({ name }) => name === wanted).map(({ value }) => value);
  const id = valuesOf("id").findLast((value) => !value.includes("\0")) ?? lastId;
  const data = valuesOf("data");
  const type = valuesOf("event").at(-1) ?? "";
  const event = { type: type === "" ? "message" : type, data: data.join("\n"), id };
  return { event: data.length > 0 ? event : null, id };
}

/** A whole text at once. */
function readWhole(text: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  let id = "";
  let block: string[] = [];
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, -1)) {
    if (line !== "") {
      block.push(line);
      continue;
    }
    const read = readBlock(block, id);
    ({ id } = read);
    if (read.event !== null) events.push(read.event);
    block = [];
  }
  return events;
}

const field = fc.oneof(
  fc.constantFrom(
    "data: {}",
    "data",
    "data:",
    "data:  two",
    "event: phase",
    "event",
    "id: 7",
    "id",
    "id: a\0b",
    ": keepalive",
    ":",
    "retry: 5",
    "other: x",
  ),
  fc.string({ unit: "grapheme" }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
);
const lineEnd = fc.constantFrom("\n", "\r", "\r\n");
const streamText = fc
  .tuple(
    fc.constantFrom("", "\uFEFF"),
    fc.array(fc.tuple(fc.oneof(field, fc.constant("")), lineEnd), { maxLength: 40 }),
  )
  .map(([mark, lines]) => mark + lines.map(([line, end]) => line + end).join(""));

test("any stream cut at any bytes gives the events of the whole stream", () => {
  fc.assert(
    fc.property(
      streamText,
      fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 400 }),
      (text, sizes) => {
        const whole = readWhole(text);
        expect(readPieces(bytes(text), sizes)).toEqual(whole);
        expect(readPieces(bytes(text), [])).toEqual(whole);
      },
    ),
    { numRuns: 500 },
  );
});

test("no bytes at all make the parser throw or hang, whatever they are", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 50 }), (pieces) => {
      const parser = createSseParser();
      for (const piece of pieces)
        for (const event of parser.push(piece)) expect(typeof event.data).toBe("string");
    }),
  );
});

test("the frames of the cards API read byte by byte, with either line end", () => {
  const text =
    ': connected\n\nid: 3\nevent: phase\ndata: {"phase":"ready","brand":"Zürich €"}\n\n: keepalive\n\n';
  for (const stream of [text, text.replaceAll("\n", "\r\n"), text.replaceAll("\n", "\r")]) {
    const input = bytes(stream);
    expect(readPieces(input, Array<number>(input.length).fill(1))).toEqual([
      { type: "phase", id: "3", data: '{"phase":"ready","brand":"Zürich €"}' },
    ]);
  }
});

test("an event without its blank line is not an event", () => {
  expect(readPieces(bytes("data: half"), [])).toEqual([]);
  expect(readPieces(bytes("data: half\n"), [])).toEqual([]);
});

test("an event that never ends is refused at 1 MiB, as one line or as many", () => {
  for (const piece of [
    bytes("x".repeat(60_000)),
    bytes(`data: ${"y".repeat(9)}\n`.repeat(4_000)),
  ]) {
    const parser = createSseParser();
    parser.push(bytes("data: "));
    expect(() => {
      for (let sent = 0; sent < 3_000_000; sent += piece.length) parser.push(piece);
    }).toThrow(StreamOverflow);
  }
});

test("many complete events may be far more than 1 MiB together", () => {
  const parser = createSseParser();
  const piece = bytes(`data: ${"z".repeat(50_000)}\n\n`);
  let events = 0;
  for (let sent = 0; sent < 5_000_000; sent += piece.length) events += parser.push(piece).length;
  expect(events).toBe(100);
});
