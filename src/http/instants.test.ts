import fc from "fast-check";
import { expect, test } from "vitest";
import { parseInstant } from "./instants.ts";

const NOON = Date.UTC(2026, 0, 31, 12);

test.each([
  ["2026-01-31T12:00:00.000Z", NOON],
  ["2026-01-31t12:00:00z", NOON],
  ["2026-01-31T14:00:00+02:00", NOON],
  ["2026-01-31T14:00:00 02:00", NOON],
  ["2026-01-31T07:30-0430", NOON],
  ["2026-01-31T14:00:00+02", NOON],
  ["2026-01-31T12:00:00", NOON],
  ["2026-01-31 12:00:00", NOON],
  ["2026-01-31", Date.UTC(2026, 0, 31)],
  ["2024-02-29", Date.UTC(2024, 1, 29)],
  ["2026-01-31T12:00:00,5Z", NOON + 500],
  ["2026-01-31T12:00:00.000001Z", NOON + 1],
])("%s is an instant", (text, ms) => {
  expect(parseInstant(text)).toBe(ms);
});

test.each([
  "",
  "yesterday",
  "1769860800000",
  "2026-1-31",
  "2026-02-29",
  "2026-13-01",
  "2026-00-10",
  "2026-01-31T24:00:00Z",
  "2026-01-31T12:60:00Z",
  "2026-01-31T12:00:61Z",
  "2026-01-31T12:00:00+25:00",
  "2026-01-31T12:00:00+02:75",
  "2026-01-31T12:00:00ZZ",
  "2026-01-31T12Z",
  "２０２６-01-31",
  "2026-01-31T12:00:00Z\n",
])("%j is no instant", (text) => {
  expect(parseInstant(text)).toBeNull();
});

test("what the API prints it reads back", () => {
  fc.assert(
    fc.property(
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(253402300799999) }),
      (date) => {
        expect(parseInstant(date.toISOString())).toBe(date.getTime());
      },
    ),
  );
});
