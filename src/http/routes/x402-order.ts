import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { isFinal } from "../../orders/lifecycle.ts";
import { addressKey } from "../address.ts";
import { callerOrNull } from "../caller.ts";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { answers, OPEN_REFUSALS } from "../openapi.ts";
import { ORDER_ID, OrderPath } from "../schemas.ts";
import { X402Order } from "../schemas-x402.ts";
import type { Streams } from "../streams.ts";
import { isOwner, mayKnow } from "../x402/access.ts";
import { ORDER_PATH } from "../x402/discovery.ts";
import { hasNewest, showFreshness, waitWish } from "../x402/freshness.ts";
import { readSnapshot, viewOfSnapshot, type Snapshot } from "../x402/snapshot.ts";
import { createVersions, versionOf, type Version, type Versions } from "../x402/versions.ts";
import { waitForOrder } from "../x402/wait.ts";
import { requireX402Order } from "./x402-orders.ts";

const READERS = [{}, { accessToken: [] }, { apiKey: [] }];

/** Reading an order: by polling, by waiting, or as a stream. */
export function addX402ReadRoutes(
  app: FastifyInstance,
  deps: HttpDeps,
  limits: Limits,
  streams: Streams,
): void {
  const reader = createReader(deps);
  app.get<{ Params: OrderPath }>(
    `${ORDER_PATH}/:id`,
    {
      schema: {
        operationId: "getX402Order",
        summary: "Read an order: state, confirmations, refunds, and the goods for their owner",
        description:
          "Send `If-None-Match` with the last `ETag`, and mind `Retry-After`. With `Prefer: wait=<seconds>` the answer waits for news.",
        security: READERS,
        params: OrderPath,
        response: {
          ...answers({ 200: X402Order }, [...OPEN_REFUSALS, "order_not_found"]),
          304: Type.Null({ description: "Nothing is new" }),
        },
      },
      onRequest: async (request, reply) => limits.countOpenRead(request, reply),
    },
    (request, reply) => reader.answer(request, reply, request.params.id),
  );

  app.get<{ Params: OrderPath }>(
    `${ORDER_PATH}/:id/events`,
    {
      // A HEAD request would hold a stream open that nobody can read.
      exposeHeadRoute: false,
      schema: {
        operationId: "streamX402Order",
        summary: "Server-sent events: the order's state now and after each change",
        description:
          "The data of every event is the answer of `GET /api/v1/x402/order/{id}`. Send `Last-Event-ID` to go on after an event.",
        security: READERS,
        params: OrderPath,
        response: {
          ...answers({}, [...OPEN_REFUSALS, "order_not_found", "too_many_streams"]),
          200: {
            description: "Events named `phase`; comments every 15 seconds",
            content: { "text/event-stream": { schema: Type.String() } },
          },
        },
      },
      onRequest: async (request, reply) => limits.countOpenRead(request, reply),
    },
    async (request, reply) => {
      const order = await requireX402Order(deps, request, request.params.id);
      const isOwn = isOwner(deps, request, order);
      await streams.open(request, reply, {
        order,
        readerId: callerOrNull(request)?.id ?? addressKey(request.ip),
        viewOf: async (now) => viewOfSnapshot(deps, await readSnapshot(deps, now), isOwn),
      });
      return reply;
    },
  );
}

interface Reader {
  answer(request: FastifyRequest, reply: FastifyReply, orderId: string): Promise<FastifyReply>;
}

function createReader(deps: HttpDeps): Reader {
  const versions = createVersions(deps);
  const { x402, streams } = deps.settings;
  let waiting = 0;

  const load = (request: FastifyRequest, orderId: string): Promise<Snapshot> =>
    versions.load(orderId, async () =>
      readSnapshot(deps, await requireX402Order(deps, request, orderId)),
    );
  /** As long as the client wishes, while it has the newest. More waiting clients than streams are not kept. */
  const wait = async (request: FastifyRequest, orderId: string, ms: number): Promise<void> => {
    waiting += 1;
    try {
      const order = await requireX402Order(deps, request, orderId);
      await waitForOrder(deps, orderId, ms, ({ seq, state }) => seq > order.seq || isFinal(state));
    } finally {
      waiting -= 1;
    }
  };

  return {
    answer: async (request, reply, orderId) => {
      const wishMs = waitWish(request, x402.longestWaitMs);
      const isKnown = ORDER_ID.test(orderId) ? isUnchanged(deps, versions, request, orderId) : null;
      if (isKnown !== null && wishMs === 0) return sendUnchanged(reply, isKnown);
      if (wishMs > 0 && waiting < streams.perServer) {
        reply.header("preference-applied", `wait=${Math.floor(wishMs / 1000)}`);
        if (isKnown !== null || request.headers["if-none-match"] === undefined)
          await wait(request, orderId, wishMs);
      }
      const snapshot = await load(request, orderId);
      const version = versionOf(deps, snapshot);
      const isOwn = isOwner(deps, request, snapshot.order);
      if (hasNewest(request, version.tag(isOwn))) return sendUnchanged(reply, { version, isOwn });
      showFreshness(reply, version, isOwn);
      return reply
        .type("application/json; charset=utf-8")
        .send(JSON.stringify(await viewOfSnapshot(deps, snapshot, isOwn)));
    },
  };
}

interface Known {
  readonly version: Version;
  readonly isOwn: boolean;
}

/** What is remembered, if the client has just that; null: the database must be asked. */
function isUnchanged(
  deps: HttpDeps,
  versions: Versions,
  request: FastifyRequest,
  orderId: string,
): Known | null {
  if (request.headers["if-none-match"] === undefined) return null;
  const version = versions.peek(orderId);
  if (version === null) return null;
  const order = { id: orderId, keyId: version.keyId };
  if (!mayKnow(deps, request, order)) return null;
  const isOwn = isOwner(deps, request, order);
  return hasNewest(request, version.tag(isOwn)) ? { version, isOwn } : null;
}

function sendUnchanged(reply: FastifyReply, { version, isOwn }: Known): FastifyReply {
  showFreshness(reply, version, isOwn);
  return reply.code(304).send();
}
