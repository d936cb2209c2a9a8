import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import type { ErrorCode } from "#wire";
import { REFUSALS } from "../../errors.ts";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { answers } from "../openapi.ts";
import { Version } from "../schemas.ts";

/** What clients may count on in this server. */
const FEATURES = [
  "card_orders",
  "x402_orders",
  "travel_esims",
  "idempotency_keys",
  "order_streams",
  "stream_resume",
  "problem_details",
  "automatic_refunds",
];

/** What this server is: version, OpenAPI document, error codes. No key is needed. */
export function addAboutRoutes(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  app.get(
    "/api/version",
    {
      schema: {
        operationId: "getVersion",
        summary: "What runs here",
        response: answers({ 200: Version }, ["too_many_requests"]),
      },
      onRequest: async (request, reply) => limits.countVersionPage(request, reply),
    },
    async () => ({
      service: "vend402",
      version: deps.settings.version,
      hmac_protocol: "v3",
      features: FEATURES,
    }),
  );

  let document: string | null = null;
  app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) => {
    document ??= JSON.stringify(app.swagger());
    return reply.type("application/json; charset=utf-8").send(document);
  });

  const page = errorPage();
  app.get(
    "/docs/errors",
    {
      schema: {
        operationId: "getErrorCodes",
        summary: "Every error code, as a page for people",
        response: {
          200: { description: "HTML", content: { "text/html": { schema: Type.String() } } },
        },
      },
    },
    async (_request, reply) => reply.type("text/html; charset=utf-8").send(page),
  );
}

/** Where the `docs` member of an error points to. */
function errorPage(): string {
  const rows = (Object.keys(REFUSALS) as ErrorCode[]).map((code) => {
    const { status, retryable, title } = REFUSALS[code];
    const retry = retryable ? "yes, unchanged" : "no";
    return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${retry}</td><td>${title}</td></tr>`;
  });
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Error codes</title>
<h1>Error codes</h1>
<table><thead><tr><th>Code</th><th>Status</th><th>May be repeated</th><th>Meaning</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></html>
`;
}
