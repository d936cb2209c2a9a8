/** A request that got no answer of the protocol; sent as a problem document (RFC 9457). */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Null: the same request will not do better later. */
  readonly retryAfterS: number | null;

  constructor(status: number, code: string, detail: string, retryAfterS: number | null = null) {
    super(`${code}: ${detail}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
  }
}

/** Any error as a problem. A bug of ours shows nothing of itself. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : null;
  if (status === 413) return new Problem(413, "body_too_large", "Bodies are limited to 64 kB.");
  if (status === 415)
    return new Problem(415, "unsupported_media_type", "Send the body as application/json.");
  if (typeof status === "number" && status >= 400 && status < 500)
    return new Problem(400, "invalid_request", "The body is no JSON object.");
  return new Problem(500, "internal_error", "Something broke on our side; try again.", 5);
}
