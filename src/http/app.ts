import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Refusal } from "../errors.ts";
import { createAuthenticate, whenKeyed } from "./auth.ts";
import { readJsonBodies } from "./body.ts";
import { CALLER } from "./caller.ts";
import { applyCors, readOrigins } from "./cors.ts";
import type { HttpDeps } from "./deps.ts";
import { createLimits, type Limits } from "./limits.ts";
import { createMethods } from "./methods.ts";
import { openapiOptions } from "./openapi.ts";
import { refusalOf, refuseUntil, renderError } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";
import { addAboutRoutes } from "./routes/about.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addHookRoutes } from "./routes/hooks.ts";
import { addOrderRoutes } from "./routes/orders.ts";
import { addStreamRoute } from "./routes/stream.ts";
import { addUsageRoute } from "./routes/usage.ts";
import { addX402AboutRoutes } from "./routes/x402-about.ts";
import { addX402ReadRoutes } from "./routes/x402-order.ts";
import { addX402OrderRoutes } from "./routes/x402-orders.ts";
import {
  logWhenClosed,
  PROBES,
  requireHost,
  requireTls,
  SECURITY_HEADERS,
} from "./surroundings.ts";
import { createStreams, type Streams } from "./streams.ts";
import { createUnreadable } from "./unreadable.ts";
import { compileValidator } from "./validate.ts";
import { createDesk } from "./x402/desk.ts";

/** The server of the API, not listening yet. */
export interface HttpApp {
  /** Resolves with the URL it listens on; port 0 takes a free one. */
  listen(at: { readonly host: string; readonly port: number }): Promise<string>;
  /** Cuts the streams so that clients reconnect elsewhere, lets requests finish, then stops. */
  close(): Promise<void>;
  /** The OpenAPI 3.1 document. */
  openapi(): object;
}

const MAX_BODY_BYTES = 65_536;
const MAX_HEADER_BYTES = 16_384;
/** A request must arrive whole within this; answers may take longer. */
const REQUEST_TIMEOUT_MS = 30_000;
/** What is still open this long after `close` is cut. */
const CLOSE_GRACE_MS = 5000;
/** For clients that ask a server that is going away. */
const CLOSING_RETRY_S = 2;

/** Builds the server. Throws when the list of origins or of trusted proxies is unusable. */
export async function buildApp(deps: HttpDeps): Promise<HttpApp> {
  const { settings } = deps;
  const unreadable = createUnreadable(deps);
  const limits = createLimits(deps);
  const streams = createStreams(deps);
  const app: FastifyInstance = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false, // answered by our own hook, in our own words
    genReqId: requestIdOf,
    trustProxy: settings.trustedProxies.length === 0 ? false : [...settings.trustedProxies],
    clientErrorHandler: unreadable.answerClientError,
    frameworkErrors: (error, request, reply) => {
      // Hooks do not run for a URL that cannot be read.
      reply.headers(SECURITY_HEADERS);
      logWhenClosed(deps, request, reply);
      answerError(deps, error, request, reply);
    },
    // A missing Host header is answered like every other error.
    http: { requireHostHeader: false, maxHeaderSize: MAX_HEADER_BYTES },
  });
  unreadable.listen(app.server);
  app.setValidatorCompiler(compileValidator);
  // Schemas describe answers; they do not rewrite them.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.decorateRequest(CALLER, null);
  readJsonBodies(app);
  addErrors(app, deps);
  const closing = addFirstChecks(app, deps);
  await app.register(swagger, openapiOptions(settings));
  await app.register(async (scope) => addRoutes(scope, deps, limits, streams));
  await app.ready();
  return {
    listen: async (at) => app.listen(at),
    openapi: () => app.swagger(),
    close: async () => {
      closing.hasBegun = true;
      streams.close();
      const end = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS);
      await app.close();
      clearTimeout(end);
    },
  };
}

function addRoutes(app: FastifyInstance, deps: HttpDeps, limits: Limits, streams: Streams): void {
  addHealthRoutes(app, deps, limits, streams);
  addAboutRoutes(app, deps, limits);
  addHookRoutes(app, deps, limits);
  const authenticate = createAuthenticate(deps, limits);
  void app.register(async (open) => {
    open.addHook("onRequest", whenKeyed(authenticate));
    addX402AboutRoutes(open, deps, limits);
    addX402OrderRoutes(open, deps, limits, createDesk(deps));
    addX402ReadRoutes(open, deps, limits, streams);
  });
  void app.register(async (v1) => {
    v1.addHook("onRequest", authenticate);
    // Orders, cards and budgets are nobody's to keep but the caller's.
    v1.addHook("onRequest", async (_request, reply) => {
      reply.header("cache-control", "no-store");
    });
    addOrderRoutes(v1, deps, limits);
    addStreamRoute(v1, deps, limits, streams);
    addUsageRoute(v1, deps, limits);
  });
}

/** What every request goes through before its route: identity, log, shutdown, host, TLS, origin. */
function addFirstChecks(app: FastifyInstance, deps: HttpDeps): { hasBegun: boolean } {
  const { settings } = deps;
  // A page of the shop's own is not a foreign one.
  const origins = readOrigins([...settings.corsOrigins, new URL(settings.publicBaseUrl).origin]);
  const closing = { hasBegun: false };
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({ "x-request-id": request.id, ...SECURITY_HEADERS });
    logWhenClosed(deps, request, reply);
    if (closing.hasBegun)
      throw refuseUntil(
        "service_temporarily_unavailable",
        "This server is going away; come again.",
        CLOSING_RETRY_S,
      );
    requireHost(request);
    if (settings.environment !== "development" && !PROBES.has(request.url))
      requireTls(request, reply);
    if (applyCors(origins, request, reply)) return reply;
  });
  app.addHook("onSend", (_request, reply, payload, done) => {
    // An answer that was under way must not leave a connection that nobody will serve.
    if (closing.hasBegun) reply.header("connection", "close");
    done(null, payload);
  });
  return closing;
}

function addErrors(app: FastifyInstance, deps: HttpDeps): void {
  const methods = createMethods();
  app.addHook("onRoute", ({ method, url }) => methods.add(method, url));
  app.setErrorHandler((error, request, reply) => answerError(deps, error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods.of(request.url);
    if (allowed.length === 0) throw new Refusal("not_found", "There is nothing at this path.");
    reply.header("allow", allowed.join(", "));
    throw new Refusal("method_not_allowed", `This path takes ${allowed.join(", ")}.`);
  });
}

/** The one place where an error becomes an answer. What is not a refusal is logged and shows nothing. */
function answerError(
  { log, settings }: HttpDeps,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (refusalOf(error) === null)
    log.error("a request failed", {
      request_id: request.id,
      route: request.routeOptions.url,
      error,
    });
  const problem = renderError(error, {
    requestId: request.id,
    publicBaseUrl: settings.publicBaseUrl,
  });
  // The framework closes connections whose body it did not read; the rest of a body is thrown away
  // instead, because a reset would reach the client before the answer does.
  reply.removeHeader("connection");
  void reply
    .code(problem.status)
    .headers({ ...problem.headers, "x-request-id": request.id, "cache-control": "no-store" })
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(problem.body));
}
