import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors.ts";

const METHODS = "GET, POST, PATCH, DELETE";
const REQUEST_HEADERS =
  "Content-Type, X-Api-Key, Authorization, Idempotency-Key, X-Request-ID, Last-Event-ID, PAYMENT-SIGNATURE, X-PAYMENT, X-Access-Token, If-None-Match, Prefer";
const EXPOSED_HEADERS =
  "X-Request-ID, PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, Location, ETag, Retry-After";
const PREFLIGHT_MAX_AGE_S = "3600";

/** Throws when an entry is not a bare origin: a list that means something else must not start a server. */
export function readOrigins(entries: readonly string[]): ReadonlySet<string> {
  for (const entry of entries) {
    const url = URL.canParse(entry) ? new URL(entry) : null;
    const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
    if (url === null || !isWeb || url.origin !== entry)
      throw new Error(
        `"${entry}" is not a bare origin; write it like "https://app.example", without a path or a slash at the end`,
      );
  }
  return new Set(entries);
}

/**
 * Lets browsers of listed origins read answers and refuses all others. True: the request was a preflight
 * and is answered.
 */
export function applyCors(
  origins: ReadonlySet<string>,
  request: FastifyRequest,
  reply: FastifyReply,
): boolean {
  const origin = request.headers.origin;
  reply.header("vary", "Origin");
  if (origin === undefined) return false;
  if (!origins.has(origin))
    throw new Refusal("forbidden", "Browsers may call this API from listed origins only.");
  reply.headers({
    "access-control-allow-origin": origin,
    "access-control-expose-headers": EXPOSED_HEADERS,
  });
  if (request.method !== "OPTIONS") return false;
  if (request.headers["access-control-request-method"] === undefined) return false;
  reply.headers({
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": REQUEST_HEADERS,
    "access-control-max-age": PREFLIGHT_MAX_AGE_S,
  });
  void reply.code(204).send();
  return true;
}
