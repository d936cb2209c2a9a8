import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { answers } from "../openapi.ts";
import { Discovery, PlanQuery, Plans } from "../schemas-x402.ts";
import { listPlans } from "../x402/catalogue.ts";
import { describeShop, llmsText, PLANS_PATH } from "../x402/discovery.ts";
import { hasNewest } from "../x402/freshness.ts";

const KEPT_BY_ALL = "public, max-age=300";
const JSON_TYPE = "application/json; charset=utf-8";

/** What is sold, and how it is found: nothing here needs a key, and anybody may keep it for minutes. */
export function addX402AboutRoutes(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  app.get<{ Querystring: PlanQuery }>(
    PLANS_PATH,
    {
      schema: {
        operationId: "listPlans",
        summary: "The travel eSIMs on sale, with their prices",
        querystring: PlanQuery,
        response: {
          ...answers({ 200: Plans }, ["invalid_request", "too_many_requests"]),
          304: Type.Null({ description: "Nothing is new" }),
        },
      },
      onRequest: async (request, reply) => limits.countOpenRead(request, reply),
    },
    async (request, reply) => {
      const { json, tag } = listPlans(deps, request.query);
      reply.headers({ etag: tag, "cache-control": KEPT_BY_ALL });
      return hasNewest(request, tag) ? reply.code(304).send() : reply.type(JSON_TYPE).send(json);
    },
  );

  const discovery = JSON.stringify(describeShop(deps));
  app.get(
    "/.well-known/x402",
    {
      schema: {
        operationId: "discoverX402",
        summary: "What can be paid for here, and on which networks",
        response: { 200: Discovery },
      },
    },
    async (_request, reply) =>
      reply.header("cache-control", KEPT_BY_ALL).type(JSON_TYPE).send(discovery),
  );

  const llms = llmsText(deps);
  app.get(
    "/llms.txt",
    {
      schema: {
        operationId: "getLlmsText",
        summary: "How to buy here, for agents that read prose",
        response: {
          200: { description: "Markdown", content: { "text/plain": { schema: Type.String() } } },
        },
      },
    },
    async (_request, reply) =>
      reply.header("cache-control", KEPT_BY_ALL).type("text/plain; charset=utf-8").send(llms),
  );
}
