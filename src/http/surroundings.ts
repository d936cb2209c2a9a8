import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors.ts";
import type { HttpDeps } from "./deps.ts";

/** On every answer. Nothing here is a page, so browsers may do nothing with it. */
export const SECURITY_HEADERS = {
  "strict-transport-security": "max-age=63072000; includeSubDomains; preload",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

/** Asked by balancers and supervisors from inside, where there is no TLS. */
export const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Refuses plain HTTP. A proxy's word for TLS counts only when the proxy is trusted. */
export function requireTls(request: FastifyRequest, reply: FastifyReply): void {
  if (request.protocol === "https") return;
  reply.headers({ upgrade: "TLS/1.2, HTTP/1.1" });
  throw new Refusal("https_required", "Use https; keys and cards must not travel in the clear.");
}

/** RFC 9112 section 3.2: a request of HTTP/1.1 without a Host is not valid. */
export function requireHost({ raw }: FastifyRequest): void {
  if (raw.httpVersion === "1.1" && raw.headers.host === undefined)
    throw new Refusal("invalid_request", "The Host header is missing.");
}

/** One line when the answer is complete or the client is gone; for a stream, when it ends. */
export function logWhenClosed(
  { clock, log }: Pick<HttpDeps, "clock" | "log">,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { id, method } = request;
  const { raw } = reply;
  const route = request.routeOptions.url ?? null;
  const startMs = clock.now();
  raw.once("close", () =>
    log.info("request", {
      request_id: id,
      method,
      route,
      status: raw.statusCode,
      ms: clock.now() - startMs,
      ...(raw.writableFinished ? {} : { cut: true }),
    }),
  );
}
