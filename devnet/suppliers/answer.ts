import type { ServerResponse } from "node:http";
import type { AnyRule, TransportFault } from "./fault-rule.ts";

/** What the supplier does with the connection at the end of a call. */
export type Answer =
  | {
      readonly kind: "http";
      readonly status: number;
      readonly contentType: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly text: string;
    }
  | { readonly kind: "reset" }
  | { readonly kind: "silence" };

/** Problem codes of the API with their status and title. A code never changes its meaning. */
export const problems = {
  invalid_request: [400, "The request is malformed"],
  unauthorized: [401, "The API key is missing or wrong"],
  insufficient_balance: [402, "The account balance does not cover the cost"],
  forbidden: [403, "This path answers loopback clients only"],
  not_found: [404, "There is nothing here"],
  method_not_allowed: [405, "This path does not take this method"],
  reference_reused: [409, "The reference was used with another body"],
  body_too_large: [413, "The request body is too large"],
  invalid_face_value: [422, "The face value is not on offer"],
  out_of_stock: [422, "The offer is out of stock"],
  rate_limited: [429, "Too many requests"],
  internal: [500, "The supplier failed"],
  unavailable: [503, "The supplier is down"],
} as const satisfies Record<string, readonly [status: number, title: string]>;
export type ProblemCode = keyof typeof problems;

export function json(status: number, body: unknown): Answer {
  const text = JSON.stringify(body);
  return { kind: "http", status, contentType: "application/json", headers: {}, text };
}

/** RFC 9457 problem details with our `code`; `detail` says what was given and what is allowed. */
export function problem(
  code: ProblemCode,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const [status, title] = problems[code];
  const text = JSON.stringify({ type: "about:blank", title, status, code, detail });
  return { kind: "http", status, contentType: "application/problem+json", headers, text };
}

const OVERSIZED_BYTES = 8 * 1024 * 1024;

/** One spoilt answer; `text` is the body that the answer would have had. */
type Spoiler = (rule: Pick<AnyRule, "retryAfterS">, text: string) => Answer;

/** How one simulator words the faults that are its own. */
export type Spoilers<Kind extends string> = Readonly<
  Record<Exclude<Kind, TransportFault>, Spoiler>
>;

const transportSpoilers: Readonly<Record<TransportFault, Spoiler>> = {
  timeout: () => ({ kind: "silence" }),
  reset: () => ({ kind: "reset" }),
  truncated_json: (_, text) => page("application/json", text.slice(0, text.length / 2)),
  wrong_content_type: () =>
    page("text/html", "<!doctype html><title>Wait</title><p>We are checking your browser."),
  wrong_shape: () => json(200, { result: "ok" }),
  oversized: () => json(200, { padding: "x".repeat(OVERSIZED_BYTES) }),
};

/**
 * What the client sees when `rule` strikes a call.
 * @param normal The answer that the call would have had; null when it had no effect.
 */
export function spoil(
  own: Readonly<Record<string, Spoiler>>,
  rule: AnyRule,
  normal: Answer | null,
): Answer {
  const text = normal?.kind === "http" ? normal.text : '{"status":"accepted"}';
  const spoilers: Readonly<Record<string, Spoiler>> = { ...transportSpoilers, ...own };
  const spoiler = spoilers[rule.fault];
  if (spoiler === undefined) throw new RangeError(`${rule.fault} spoils no answer`);
  return spoiler(rule, text);
}

function page(contentType: string, text: string): Answer {
  return { kind: "http", status: 200, contentType, headers: {}, text };
}

/** Writes the answer, or does to the connection what it says instead. */
export function send(answer: Answer, response: ServerResponse, requestId: string): void {
  if (answer.kind === "silence") return;
  if (answer.kind === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  response.writeHead(answer.status, {
    "content-type": answer.contentType,
    "content-length": Buffer.byteLength(answer.text),
    "cache-control": "no-store",
    "x-request-id": requestId,
    ...answer.headers,
  });
  response.end(answer.text);
}
