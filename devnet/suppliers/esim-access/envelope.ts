import { json, type Answer } from "../answer.ts";

/** The documented error codes that this simulator can answer with, and their texts. */
const errorTexts = {
  "000001": "server error",
  "000101": "a required header is missing",
  "000102": "a header is malformed",
  "000103": "the method is not supported",
  "000104": "the body is not JSON",
  "000105": "a parameter is missing or malformed",
  "101001": "the timestamp has expired",
  "101003": "the signature does not match",
  "200002": "not allowed in this status",
  "200005": "the price is not the current one",
  "200006": "the amount is not the sum of the prices",
  "200007": "the balance is too low",
  "200008": "the parameters of the order are wrong",
  "200010": "the profile is still being allocated",
  "200011": "out of profiles",
  "310241": "unknown package code",
  "310272": "unknown order",
  "900001": "the system is busy, try again later",
} as const;
export type EsimErrorCode = keyof typeof errorTexts;

/** What every call that works is wrapped in. */
export function success(obj: unknown): Answer {
  return json(200, { success: true, errorCode: "0", errorMsg: null, obj });
}

/** A business error: HTTP 200 all the same. */
export function refusal(errorCode: EsimErrorCode): Answer {
  return json(200, { success: false, errorCode, errorMsg: errorTexts[errorCode], obj: null });
}

/** What stands in front of the API answers without its envelope. */
export function httpError(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  const text = JSON.stringify({ status });
  return { kind: "http", status, contentType: "application/json", headers, text };
}
