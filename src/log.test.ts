import fc from "fast-check";
import { expect, test } from "vitest";
import { createLog, passesLuhn, redactText, type LogFacts } from "./log.ts";

/** What a log wrote, line by line. */
function record(level: "debug" | "info" = "debug"): {
  log: ReturnType<typeof createLog>;
  lines: string[];
  last: () => Record<string, unknown>;
} {
  const lines: string[] = [];
  const log = createLog({ level, now: () => 0, write: (line) => lines.push(line) });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? "null") as Record<string, unknown> };
}

function written(facts: LogFacts, message = "m"): string {
  const { log, lines } = record();
  log.info(message, facts);
  return lines.join("\n");
}

/** A number that a card scheme could have issued. */
const cardNumbers = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.array(fc.nat(9), { minLength: 12, maxLength: 17 }))
  .map(([first, rest]) => {
    const body = `${first}${rest.join("")}`;
    return Array.from({ length: 10 }, (_, check) => `${body}${check}`).find(passesLuhn) ?? "";
  });

/** As people and machines write it: in one piece, or in groups. */
const writtenCards = fc
  .tuple(cardNumbers, fc.constantFrom("", " ", "-"), fc.integer({ min: 2, max: 6 }))
  .map(([number, separator, size]) => ({
    number,
    text: (number.match(new RegExp(`\\d{1,${size}}`, "g")) ?? []).join(separator),
  }));

test.each(["79927398713", "4111111111111111", "378282246310005", "6011111111111117", "0"])(
  "%s passes Luhn's check, and no neighbour with another last digit does",
  (digits) => {
    expect(passesLuhn(digits)).toBe(true);
    const last = Number(digits.at(-1));
    for (let step = 1; step < 10; step++)
      expect(passesLuhn(`${digits.slice(0, -1)}${(last + step) % 10}`)).toBe(false);
  },
);

test("no digits at all are not a card number", () => {
  expect(passesLuhn("")).toBe(false);
});

test("numbers of 14 to 19 digits that pass the check go; shorter, longer and other ones stay", () => {
  const passing = (length: number): string => {
    const body = "4".repeat(length - 1);
    return Array.from({ length: 10 }, (_, check) => `${body}${check}`).find(passesLuhn) ?? "";
  };
  const isRemoved = (text: string): boolean => !redactText(`n ${text}!`).includes(text);
  expect([12, 13, 14, 16, 19, 20].filter((length) => isRemoved(passing(length)))).toEqual([
    14, 16, 19,
  ]);
  expect(isRemoved("4111111111111112")).toBe(false);
});

test("a card number never survives, whatever stands around it and however it is grouped", () => {
  const words = fc.string().map((text) => text.replace(/[0-9]$/, "x").replace(/^[0-9]/, "x"));
  fc.assert(
    fc.property(writtenCards, words, words, (card, before, after) => {
      const line = redactText(`${before}${card.text}${after}`);
      expect(line).not.toContain(card.text);
      expect(line.replace(/[ -]/g, "")).not.toContain(card.number);
    }),
  );
});

test("a card number among other numbers goes whole, not in part", () => {
  const numbers = fc.array(fc.nat(99_999).map(String), { maxLength: 4 });
  fc.assert(
    fc.property(writtenCards, numbers, numbers, (card, before, after) => {
      const line = redactText([...before, card.text, ...after].join(" "));
      const digitsLeft = line.replace(/\D/g, "").length;
      const others = [...before, ...after].join("").length;
      expect(digitsLeft).toBeLessThanOrEqual(others);
    }),
  );
});

test("a card number is removed at any depth: in values, names, numbers, arrays and errors", () => {
  const number = "4111111111111111";
  const facts = {
    plain: number,
    [number]: "as a name",
    numeric: Number(number),
    deep: { list: [{ text: `card ${number}` }] },
    error: new Error(`declined ${number}`, { cause: new Error(`inner ${number}`) }),
  };
  expect(written(facts, `paid with ${number}`)).not.toContain(number);
});

test("API keys and Stellar seeds are removed wherever they stand", () => {
  const apiKey = `vend402_${"0f".repeat(24)}`;
  const oldKey = `cards402_${"ab".repeat(24)}`;
  const seed = `S${"A2".repeat(27)}B`;
  const line = written({ note: `x${apiKey}, ${oldKey}; url?key=${apiKey}` }, `seed=${seed}.`);
  for (const secret of [apiKey, oldKey, seed]) expect(line).not.toContain(secret);
});

test.each(["cvv", "card_cvv", "expiry", "goods", "masterKey", "apiKey", "X-Api-Key", "secretKey"])(
  "the fact %s is removed by its name, whatever it holds",
  (name) => {
    expect(written({ [name]: { any: "thing-7" } })).not.toContain("thing-7");
  },
);

test("bytes are never written, since they may be a key", () => {
  expect(written({ key: new Uint8Array([77, 78, 79]) })).toContain('"key":"[3 bytes]"');
});

test("hashes, ledger cursors, order ids, times and amounts stay readable", () => {
  const facts = {
    tx: "4111111111111111111111111111111111111111111111111111111111a1b2c3",
    cursor: "0001234567890123456-0000000003",
    order: "ord_06cdj5m3v8f8jw2rx0a1b2c3d4e5f6g7h8j9",
    at: 1_700_000_000_000,
    atText: "2026-11-03T10:20:30.000Z",
    atomic: 645_161_290n,
    amount: "64.5161290",
  };
  const { log, last } = record();
  log.info("m", facts);
  expect(last()).toMatchObject({ ...facts, atomic: "645161290" });
});

test("a request's id stays readable though its digits would pass for a card's number", () => {
  for (const id of [
    "4111a11b-1111-4111-8111-111111111112",
    "ab411111-1111-4111-8113-abcdefabcdef",
    "41111111-1111-4111-8111-111111111111",
  ])
    expect(redactText(`request ${id}, and 4111 1111 1111 1111`)).toBe(
      `request ${id}, and [removed] [removed] [removed] [removed]`,
    );
});

test("a line is one JSON object with time, level and message first, bound facts before its own", () => {
  const { log, lines } = record();
  log.with({ rail: "a", seen: 1 }).warn("two\nlines", { seen: 2 });
  expect(lines).toEqual([
    '{"time":"1970-01-01T00:00:00.000Z","level":"warn","message":"two\\nlines","rail":"a","seen":2}',
  ]);
});

test("lines below the level are not written", () => {
  const { log, lines } = record("info");
  log.debug("quiet");
  log.info("loud");
  expect(lines).toHaveLength(1);
});

test("an error is written with its name, message, stack and causes", () => {
  const { log, last } = record();
  const error = new TypeError("outer", { cause: new Error("inner") });
  log.error("m", { error, plain: new Error("alone") });
  const facts = last();
  expect(facts["error"]).toMatchObject({
    name: "TypeError",
    message: "outer",
    stack: expect.stringContaining("log.test.ts") as string,
    cause: { name: "Error", message: "inner" },
  });
  expect(facts["plain"]).not.toHaveProperty("cause");
});

test("facts without text stay as they are", () => {
  const { log, last } = record();
  log.info("m", { none: null, yes: true, list: [1, null], empty: {} });
  expect(last()).toMatchObject({ none: null, yes: true, list: [1, null], empty: {} });
});

test("what contains itself ends in [deep], not in an overflow", () => {
  const object: Record<string, unknown> = {};
  object["self"] = object;
  const list: unknown[] = [];
  list.push(list);
  const error = new Error("again");
  error.cause = error;
  for (const loop of [object, list, error]) expect(written({ loop })).toContain("[deep]");
});
