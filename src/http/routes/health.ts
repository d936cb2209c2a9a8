import type { FastifyInstance } from "fastify";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { answers } from "../openapi.ts";
import { keepRecent } from "../recent.ts";
import { Alive, Readiness, ShopStatus } from "../schemas.ts";
import { readStatus, whyNotReady } from "../shop-status.ts";
import type { Streams } from "../streams.ts";

/** Probes and crowds do not reach the database more often than this. */
const KEEP_MS = 1000;
/** A database that takes longer is as good as gone. */
const STORE_TIMEOUT_MS = 2000;

/** How the process and the shop do: for probes and for the public. No key is needed. */
export function addHealthRoutes(
  app: FastifyInstance,
  deps: HttpDeps,
  limits: Limits,
  streams: Streams,
): void {
  app.get(
    "/healthz",
    {
      schema: {
        operationId: "getHealth",
        summary: "The process is alive",
        response: { 200: Alive },
      },
    },
    async () => ({ ok: true }),
  );

  const reasons = keepRecent(deps.clock, KEEP_MS, () => findReasons(deps));
  app.get(
    "/readyz",
    {
      schema: {
        operationId: "getReadiness",
        summary: "Orders can be taken, watched and delivered",
        response: { 200: Readiness, 503: Readiness },
      },
    },
    async (_request, reply) => {
      const missing = await reasons();
      return reply
        .code(missing.length === 0 ? 200 : 503)
        .send({ ok: missing.length === 0, reasons: missing });
    },
  );

  const status = keepRecent(deps.clock, KEEP_MS, () => readStatus(deps, streams));
  app.get(
    "/status",
    {
      schema: {
        operationId: "getStatus",
        summary: "How the shop does",
        response: answers({ 200: ShopStatus }, ["too_many_requests"]),
      },
      onRequest: async (request, reply) => limits.countStatusPage(request, reply),
    },
    async () => status(),
  );
}

async function findReasons(deps: HttpDeps): Promise<string[]> {
  try {
    const [, health] = await Promise.all([readStore(deps), deps.health()]);
    return whyNotReady(health, deps.clock.now());
  } catch (error) {
    deps.log.error("the readiness probe failed", { error });
    return ["the store does not answer"];
  }
}

async function readStore({ store, clock }: HttpDeps): Promise<void> {
  const end = new AbortController();
  const timeout = clock.sleep(STORE_TIMEOUT_MS, end.signal).then(() => {
    if (!end.signal.aborted) throw new Error("the store took too long");
  });
  const answer = store.read.jobs.count().finally(() => end.abort());
  await Promise.all([answer, timeout]);
}
