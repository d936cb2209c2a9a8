import { STATUS_CODES } from "node:http";
import type { ErrorBody, ErrorCode } from "#wire";
import { Refusal, REFUSALS, type RefusalFacts } from "../errors.ts";
import { InputError, refuseInput } from "./validate.ts";

/** One error answer, ready to be sent. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
}

/** What an answer says besides its code. */
export interface ProblemContext {
  readonly requestId: string;
  /** Base of the links, without a slash at the end. */
  readonly publicBaseUrl: string;
}

/**
 * A refusal as the wire has it: what v1 clients read (`error`, `message`) and problem details (RFC 9457) in
 * one body. The fact `retry_after_s` also becomes the `Retry-After` header. `status` replaces the table's.
 */
export function renderRefusal(
  refusal: Pick<Refusal, "code" | "detail" | "facts">,
  context: ProblemContext,
  status: number = REFUSALS[refusal.code].status,
): Problem {
  const { code, detail, facts } = refusal;
  const row = REFUSALS[code];
  const docs = `${context.publicBaseUrl}/docs/errors#${code}`;
  const retryAfterS = facts["retry_after_s"];
  return {
    status,
    headers: typeof retryAfterS === "number" ? { "retry-after": String(retryAfterS) } : {},
    body: {
      ...facts,
      error: code,
      message: detail,
      type: docs,
      title: row.title,
      status,
      detail,
      code,
      retryable: row.retryable,
      request_id: context.requestId,
      docs,
    },
  };
}

/** Codes of the framework's own complaints about a request, and what they mean on our wire. */
const FRAMEWORK_CODES: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ["body_too_large", "Bodies are limited to 64 kB."],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    "unsupported_media_type",
    "Send the body as JSON with `Content-Type: application/json`.",
  ],
  FST_ERR_CTP_EMPTY_JSON_BODY: ["invalid_request", "The body is empty; send a JSON object."],
  FST_ERR_CTP_INVALID_JSON_BODY: [
    "invalid_request",
    "The body is not valid JSON, or has a member named __proto__ or constructor.prototype.",
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    "invalid_request",
    "The body is not as long as its Content-Length says.",
  ],
  FST_ERR_BAD_URL: ["invalid_request", "The path is not validly percent-encoded."],
  FST_ERR_MAX_PARAM_LENGTH: ["not_found", "A part of the path is too long to name anything."],
  // The client went away while sending: nobody reads the answer.
  ECONNRESET: ["invalid_request", "The request ended before its body was complete."],
};

/** The refusal that an error stands for; null when it is a bug of ours. */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (error instanceof InputError) return refuseInput(error);
  const code = error instanceof Error && "code" in error ? error.code : null;
  const known = typeof code === "string" ? FRAMEWORK_CODES[code] : undefined;
  return known === undefined ? null : new Refusal(known[0], known[1]);
}

const INTERNAL: Pick<Refusal, "code" | "detail" | "facts"> = {
  code: "internal_error",
  detail: "Something broke on our side. Repeat the request, or report its request id.",
  facts: {},
};

/** Any error as an answer. What is not a refusal shows nothing of itself. */
export function renderError(error: unknown, context: ProblemContext): Problem {
  return renderRefusal(refusalOf(error) ?? INTERNAL, context);
}

/** An error for a code with a moment to come back, whole seconds. */
export function refuseUntil(
  code: ErrorCode,
  detail: string,
  retryAfterS: number,
  facts: RefusalFacts = {},
): Refusal {
  return new Refusal(code, detail, { ...facts, retry_after_s: retryAfterS });
}

/** A whole HTTP/1.1 answer as text, for connections that never became a request. */
export function rawAnswer(problem: Problem): string {
  const body = JSON.stringify(problem.body);
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? "Error"}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-ID: ${problem.body.request_id}`,
    "Cache-Control: no-store",
    "Connection: close",
    "",
    body,
  ].join("\r\n");
}
