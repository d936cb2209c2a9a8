import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { OrderListItem, OrderView } from "#wire";
import { findReplay, type CreateOrderResult } from "../../actions/create-order.ts";
import { Refusal } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { Order } from "../../orders/order.ts";
import { sorobanPayment, statesOfStatus, viewListItem } from "../../orders/view.ts";
import { NO_PLANS } from "../../products/plan.ts";
import type { OrderFilter } from "../../store/rows.ts";
import { callerOf } from "../caller.ts";
import type { HttpDeps } from "../deps.ts";
import { readIdempotency } from "../idempotency.ts";
import { parseInstant } from "../instants.ts";
import type { Limits } from "../limits.ts";
import { composeOrder, refuseField, requireGoods, requirePiece } from "../new-order.ts";
import { answers, KEY_REFUSALS, WITH_KEY } from "../openapi.ts";
import { refuseUntil } from "../problem.ts";
import { findOrder, viewOf } from "../read-order.ts";
import {
  CreatedOrder,
  DEFAULT_LIST_LIMIT,
  ListQuery,
  MAX_LIST_LIMIT,
  NewOrder,
  ORDER_ID,
  OrderList,
  OrderPath,
  OrderStatusView,
} from "../schemas.ts";
import { InputError } from "../validate.ts";

/** Orders: make one, read one, list. Every route needs a key and sees that key's orders only. */
export function addOrderRoutes(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  addCreate(app, deps, limits);
  addRead(app, deps, limits);
  addList(app, deps, limits);
}

const NO_STELLAR_RETRY_S = 30;
const JSON_TYPE = "application/json; charset=utf-8";

function addCreate(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  app.post<{ Body: unknown }>(
    "/v1/orders",
    {
      schema: {
        operationId: "createOrder",
        summary: "Order a card",
        description:
          "Stored before it is answered. With an Idempotency-Key the same request gets the same answer, byte for byte, for 24 hours; a replay counts as a read, not as an order.",
        security: WITH_KEY,
        body: NewOrder,
        response: answers({ 201: CreatedOrder }, [
          ...KEY_REFUSALS,
          "invalid_request",
          "invalid_amount",
          "amount_out_of_range",
          "invalid_idempotency_key",
          "invalid_webhook_url",
          "invalid_metadata",
          "spend_limit_exceeded",
          "idempotency_conflict",
          "body_too_large",
          "unsupported_media_type",
          "service_temporarily_unavailable",
        ]),
      },
      // The handler reports what is wrong with the body, after replays and availability.
      attachValidation: true,
      onRequest: async (request, reply) => limits.requireReads(request, reply),
      // A refused order counts as a read, so that refusals are bounded and orders are not used up by them.
      onError: async (request) => limits.noteRefusal(request),
    },
    async (request, reply) => {
      const { status, body, isReplay } = await createOrReplay(deps, limits, request, reply);
      if (isReplay) reply.header("idempotent-replayed", "true");
      return reply.code(status).type(JSON_TYPE).send(body);
    },
  );
}

/**
 * The order of the checks is part of the contract: body, header, replay, availability, fields. So an agent
 * that repeats a call gets its order back even while new orders are refused.
 */
async function createOrReplay(
  deps: HttpDeps,
  limits: Limits,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<CreateOrderResult> {
  const { body } = request;
  if (!isJsonObject(body)) throw new Refusal("invalid_request", "The body must be a JSON object.");
  const keyId = callerOf(request).id;
  const idempotency = readIdempotency(request.raw, body);
  const replay = await findReplay(deps.store.read, { keyId, idempotency });
  if (replay !== null) {
    limits.countRead(request, reply);
    return replay;
  }
  const product = deps.products.prepaidCard;
  const read = product.read(body, NO_PLANS);
  const priceUsdMicro = read?.priceUsdMicro ?? null;
  const availability = deps.availability(product.id, priceUsdMicro, deps.clock.now());
  requireGoods(availability);
  const fields = requireFields(request);
  const piece = requirePiece(read, availability);
  const { windowMs } = deps.settings.quoteTerms;
  const order = composeOrder(deps, { keyId, product, piece, fields, refundTo: null, windowMs });
  if (sorobanPayment(order) === null) throw refuseWithoutStellar();
  limits.countOrder(request, reply);
  return deps.store.transact("createOrder", { order, idempotency });
}

/** The cards API promises a payment through the Stellar contract. */
function refuseWithoutStellar(): Refusal {
  return refuseUntil(
    "service_temporarily_unavailable",
    "The shop is not paid on Stellar now. POST /api/v1/x402/order sells cards on every other rail.",
    NO_STELLAR_RETRY_S,
  );
}

/** The body, which the schema has been held against before the handler ran. */
function requireFields(request: FastifyRequest): NewOrder {
  const { validationError } = request;
  if (validationError === undefined) return request.body as NewOrder;
  throw validationError instanceof InputError ? refuseField(validationError) : validationError;
}

function isJsonObject(body: unknown): body is JsonObject {
  return typeof body === "object" && body !== null && !Array.isArray(body);
}

function addRead(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  app.get<{ Params: OrderPath }>(
    "/v1/orders/:id",
    {
      schema: {
        operationId: "getOrder",
        summary: "Read an order, with the card once it is delivered",
        security: WITH_KEY,
        params: OrderPath,
        response: answers({ 200: OrderStatusView }, [...KEY_REFUSALS, "order_not_found"]),
      },
      onRequest: async (request, reply) => limits.countRead(request, reply),
    },
    (request) => readOrder(deps, request, request.params.id),
  );
}

async function readOrder(
  deps: HttpDeps,
  request: FastifyRequest,
  orderId: string,
): Promise<OrderView> {
  return viewOf(deps, await requireOrder(deps, request, orderId));
}

/** The caller's order. Another key's order is not found either. */
export async function requireOrder(
  deps: Pick<HttpDeps, "store">,
  request: FastifyRequest,
  orderId: string,
): Promise<Order> {
  const order = ORDER_ID.test(orderId)
    ? await findOrder(deps, callerOf(request).id, orderId)
    : null;
  if (order === null)
    throw new Refusal("order_not_found", "This API key has no order with this id.");
  return order;
}

function addList(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  app.get<{ Querystring: ListQuery }>(
    "/v1/orders",
    {
      schema: {
        operationId: "listOrders",
        summary: "List the key's orders, newest first",
        security: WITH_KEY,
        querystring: ListQuery,
        response: answers({ 200: OrderList }, [...KEY_REFUSALS, "invalid_request"]),
      },
      onRequest: async (request, reply) => limits.countRead(request, reply),
    },
    (request) => listOrders(deps, filterOf(callerOf(request).id, request.query)),
  );
}

async function listOrders(deps: HttpDeps, filter: OrderFilter): Promise<OrderListItem[]> {
  return (await deps.store.read.orders.list(filter)).map(viewListItem);
}

function filterOf(keyId: string, query: ListQuery): OrderFilter {
  const states = query.status === undefined ? null : statesOfStatus(query.status);
  if (query.status !== undefined && states === null)
    throw new Refusal("invalid_request", "status is not a status that an order can have.");
  return {
    keyId,
    states,
    createdSinceMs: instantOf("since_created_at", query.since_created_at),
    updatedSinceMs: instantOf("since_updated_at", query.since_updated_at),
    limit: Math.min(query.limit ?? DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT),
    offset: query.offset ?? 0,
  };
}

function instantOf(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseInstant(text);
  if (ms === null)
    throw new Refusal(
      "invalid_request",
      `${name} must be an ISO 8601 time like "2026-01-31T12:00:00+02:00".`,
    );
  return ms;
}
