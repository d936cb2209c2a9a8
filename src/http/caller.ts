import type { FastifyRequest } from "fastify";
import { assert } from "../errors.ts";
import type { ApiKeyRow } from "../store/rows.ts";

/** Name of the request's decoration that holds the proven API key. */
export const CALLER = "caller";

/** The key that this request has proven. Only on routes behind `authenticate`. */
export function callerOf(request: FastifyRequest): ApiKeyRow {
  const caller = request.getDecorator<ApiKeyRow | null>(CALLER);
  assert(caller !== null, "a route reads its caller without authentication");
  return caller;
}

/** The key that this request has proven; null: it came without one. */
export function callerOrNull(request: FastifyRequest): ApiKeyRow | null {
  return request.getDecorator<ApiKeyRow | null>(CALLER);
}
