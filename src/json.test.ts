import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, type Json } from "./json.ts";

const json = fc.jsonValue({ maxDepth: 5, noUnicodeString: false }) as fc.Arbitrary<Json>;

/** The same value with the keys of every object in reverse order. */
function turned(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(turned);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, child]) => [name, turned(child)]),
  );
}

test("equal values have one text, whatever the order of their keys", () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(canonicalJson(turned(value))).toBe(canonicalJson(value));
    }),
  );
});

test("the text is JSON of the same value, so different values have different texts", () => {
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      expect(JSON.parse(text ?? "")).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("keys are sorted at every depth and arrays keep their order", () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }, "x"], a: null })).toBe(
    '{"a":null,"b":[{"c":2,"d":1},"x"]}',
  );
});

test("a key named like a member of every object is a key like any other", () => {
  const value = JSON.parse('{"toString":1,"__proto__":{"a":2}}') as Json;
  expect(canonicalJson(value)).toBe('{"__proto__":{"a":2},"toString":1}');
});

function nested(depth: number): Json {
  let value: Json = "leaf";
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { value };
  return value;
}

test("32 levels have a text, 33 have none", () => {
  expect(canonicalJson(nested(32))).not.toBeNull();
  expect(canonicalJson(nested(33))).toBeNull();
});
