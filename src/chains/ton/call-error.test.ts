import { expect, test } from "vitest";
import { callErrorOf } from "./call-error.ts";

/** As the HTTP client throws it. */
const answered = (status: number, error?: string): object => ({
  isAxiosError: true,
  message: `Request failed with status code ${status}`,
  config: { url: "https://ton.example/secret-key" },
  response: { status, data: error === undefined ? "<html>" : { ok: false, error } },
});
const unanswered = (code: string): object => ({ isAxiosError: true, code, message: "secret-key" });

const NOTHING = { isMissing: false, isAbsent: false, isPerhapsDone: false };

test.each([
  ["block is not in db", answered(500, "LITE_SERVER_NOTREADY: block is not in db"), "isMissing"],
  ["cannot locate", answered(500, "cannot locate transaction in block with lt"), "isMissing"],
  ["Ratelimit exceed", answered(429, "Ratelimit exceed"), "isAbsent"],
  ["HTTP status 503", answered(503), "isAbsent"],
])("%s says one thing about the chain", (text, thrown, what) => {
  const error = callErrorOf("ton.example", thrown);
  expect(error).toEqual({ ...NOTHING, [what]: true, reason: error.reason });
  expect(error.reason).toMatch(/^ton\.example: /);
  expect(error.reason).toContain(text);
});

test.each(["not in db", "Ratelimit exceed"])(
  "a busy server's words about history (%s) say nothing about it",
  (text) => {
    expect(callErrorOf("ton.example", answered(429, text)).isMissing).toBe(false);
  },
);

test("a message that the chain turned down was not sent", () => {
  const thrown = answered(500, "cannot apply external message to current state : exitcode=33");
  expect(callErrorOf("ton.example", thrown)).toMatchObject(NOTHING);
});

test.each([
  ["ECONNREFUSED", false],
  ["ENOTFOUND", false],
  ["ECONNRESET", true],
  ["ECONNABORTED", true],
  ["ETIMEDOUT", true],
])("without an answer (%s) a request may have arrived: %s", (code, isPerhapsDone) => {
  expect(callErrorOf("ton.example", unanswered(code))).toEqual({
    reason: `ton.example: no answer (${code})`,
    isMissing: false,
    isAbsent: true,
    isPerhapsDone,
  });
});

test.each([502, 504])("a gateway that gave up (%s) may have passed the request on", (status) => {
  expect(callErrorOf("ton.example", answered(status)).isPerhapsDone).toBe(true);
});

test.each([new Error("Malformed response"), "text", null, undefined, {}, { response: {} }])(
  "whatever is thrown (%#) becomes a reason without a secret",
  (thrown) => {
    const { reason } = callErrorOf("ton.example", thrown);
    expect(reason).toMatch(/^ton\.example: ./);
    expect(reason).not.toMatch(/secret/);
  },
);

test("what a parser cannot read will not be readable later; a garbled answer may", () => {
  const isMissing = (thrown: unknown): boolean => callErrorOf("ton.example", thrown).isMissing;
  expect(isMissing(new Error("Invalid address: 3"))).toBe(true);
  expect(isMissing(new Error("Index 1023 is out of bounds"))).toBe(true);
  expect(isMissing(new Error("Malformed response: Required"))).toBe(false);
  expect(isMissing(new Error('Received error: {"ok":false}'))).toBe(false);
});

test("reasons are short, and name no address of a server", () => {
  const error = callErrorOf("ton.example", answered(500, "x".repeat(10_000)));
  expect(error.reason).toHaveLength(300);
  expect(error.reason).not.toMatch(/secret/);
});
