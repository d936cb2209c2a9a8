import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { callerOf } from "../caller.ts";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { answers, KEY_REFUSALS, WITH_KEY } from "../openapi.ts";
import { viewOf } from "../read-order.ts";
import { OrderPath } from "../schemas.ts";
import type { Streams } from "../streams.ts";
import { requireOrder } from "./orders.ts";

/** An order's events as they happen. */
export function addStreamRoute(
  app: FastifyInstance,
  deps: HttpDeps,
  limits: Limits,
  streams: Streams,
): void {
  app.get<{ Params: OrderPath }>(
    "/v1/orders/:id/stream",
    {
      // A HEAD request would hold a stream open that nobody can read.
      exposeHeadRoute: false,
      schema: {
        operationId: "streamOrder",
        summary: "Server-sent events: the order's state now and after each change",
        description:
          "The data of every event is the answer of `GET /v1/orders/:id`. Send `Last-Event-ID` to go on after an event. The stream ends after ready, refunded, rejected or expired; an end without one of them means: come again.",
        security: WITH_KEY,
        params: OrderPath,
        response: {
          ...answers({}, [...KEY_REFUSALS, "order_not_found", "too_many_streams"]),
          200: {
            description: "Events named `phase`; comments every 15 seconds",
            content: { "text/event-stream": { schema: Type.String() } },
          },
        },
      },
      onRequest: async (request, reply) => limits.countRead(request, reply),
    },
    async (request, reply) => {
      const order = await requireOrder(deps, request, request.params.id);
      await streams.open(request, reply, {
        order,
        readerId: callerOf(request).id,
        viewOf: (now) => viewOf(deps, now),
      });
      return reply;
    },
  );
}
