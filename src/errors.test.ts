import { expect, test } from "vitest";
import { assert, Bug, Refusal, REFUSALS, unreachable } from "./errors.ts";

const rows = Object.entries(REFUSALS);

test("there are refusals to check", () => {
  expect(rows.length).toBeGreaterThan(20);
});

test.each(rows)("%s has a code of words, an error status and a title of one line", (code, row) => {
  expect(code).toMatch(/^[a-z]+\d?(_[a-z]+)*$/);
  expect(row.status).toBeGreaterThanOrEqual(400);
  expect(row.status).toBeLessThan(600);
  expect(row.title).toMatch(/^[A-Z][^\n]{9,79}$/);
});

test.each(rows)("%s is retryable exactly when its status says so", (_code, row) => {
  expect(row.retryable).toBe(row.status === 429 || row.status >= 500);
});

test("a refusal carries its code, detail and facts", () => {
  const refusal = new Refusal("invalid_amount", "Send a decimal string.", { given: 5 });
  expect(refusal).toMatchObject({ code: "invalid_amount", facts: { given: 5 } });
  expect(refusal.message).toBe("invalid_amount: Send a decimal string.");
  expect(refusal).toBeInstanceOf(Error);
});

test("a broken invariant is a bug, not a refusal", () => {
  expect(() => assert(false, "why")).toThrow(new Bug("why"));
  expect(() => assert(true, "why")).not.toThrow();
  expect(() => unreachable("new" as never)).toThrow(Bug);
});
