import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { findNamed, findRecent } from "../../actions/create-x402-order.ts";
import { WALK_IN_KEY_ID } from "../../actions/manage-keys.ts";
import { Refusal } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import type { Order } from "../../orders/order.ts";
import { callerOrNull } from "../caller.ts";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { refuseField } from "../new-order.ts";
import { answers, OPEN_REFUSALS } from "../openapi.ts";
import { ORDER_ID, OrderPath } from "../schemas.ts";
import { X402ChallengeBody, X402NewOrder, X402PaidBody } from "../schemas-x402.ts";
import { InputError } from "../validate.ts";
import { isOwner, mayKnow } from "../x402/access.ts";
import { nameRequest, type RequestNames } from "../x402/client.ts";
import type { Desk, Found } from "../x402/desk.ts";
import { ORDER_PATH } from "../x402/discovery.ts";
import { composeX402Order } from "../x402/new-x402-order.ts";
import { readPayment, type SentPayment } from "../x402/payment.ts";

/** The same client and body within this are one request; what is wanted twice comes later or by two keys. */
const RECENT_MS = 60_000;
/** A payment that cannot be read is answered with the terms again. */
const UNREADABLE = "invalid_payload";
/** One that names no order that is known here. */
const NOT_OURS = "no_matching_payment_requirements";

const PAY_REFUSALS = [
  "order_closed",
  "quote_expired",
  "permit2_allowance_required",
  "facilitator_unavailable",
] as const;

/** Stock clients repeat whatever method they began with. */
const PAY_ROUTES = [
  ["POST", "payX402Order"],
  ["GET", "payX402OrderByGet"],
] as const;

/** Ordering and paying by x402: one route does both, and each order has a route of its own for paying. */
export function addX402OrderRoutes(
  app: FastifyInstance,
  deps: HttpDeps,
  limits: Limits,
  desk: Desk,
): void {
  app.post<{ Body: unknown }>(
    ORDER_PATH,
    {
      schema: {
        operationId: "orderByX402",
        summary: "Order a travel eSIM or a card, and pay for it by x402",
        description:
          "Without a payment: the order is stored and answered with 402 and its terms, version 2 in `PAYMENT-REQUIRED` and version 1 in the body. With one (`PAYMENT-SIGNATURE`, or `X-PAYMENT`): 202 with the order, or 200 when it is over. After a 202 nothing must be signed again. An API key is welcome and not needed.",
        security: [{}, { apiKey: [] }],
        body: X402NewOrder,
        response: answers({ 200: X402PaidBody, 202: X402PaidBody, 402: X402ChallengeBody }, [
          ...OPEN_REFUSALS,
          "invalid_request",
          "invalid_amount",
          "amount_out_of_range",
          "invalid_idempotency_key",
          "invalid_webhook_url",
          "invalid_metadata",
          "spend_limit_exceeded",
          "plan_unknown",
          "idempotency_conflict",
          ...PAY_REFUSALS,
          "body_too_large",
          "unsupported_media_type",
          "service_temporarily_unavailable",
        ]),
      },
      // The handler reports what is wrong with the body, after payments and repetitions.
      attachValidation: true,
      onRequest: async (request, reply) => limits.countOpenRead(request, reply),
    },
    (request, reply) => answerOrder({ deps, limits, desk }, request, reply),
  );

  for (const [method, operationId] of PAY_ROUTES)
    app.route<{ Params: OrderPath }>({
      method,
      url: `${ORDER_PATH}/:id/pay`,
      exposeHeadRoute: false,
      schema: {
        operationId,
        summary: "Pay an order by x402",
        description:
          "The unambiguous way to pay: the order is named by the path. Without a payment: 402 with the order's terms.",
        security: [{}, { apiKey: [] }, { accessToken: [] }],
        params: OrderPath,
        response: answers({ 200: X402PaidBody, 202: X402PaidBody, 402: X402ChallengeBody }, [
          ...OPEN_REFUSALS,
          "order_not_found",
          ...PAY_REFUSALS,
        ]),
      },
      onRequest: async (request, reply) => limits.countOpenRead(request, reply),
      handler: (request, reply) => answerPay({ deps, limits, desk }, request, reply),
    });
}

interface Counter {
  readonly deps: HttpDeps;
  readonly limits: Limits;
  readonly desk: Desk;
}

/** The order of the checks: payment, repetition, then everything that a new order needs. */
async function answerOrder(
  counter: Counter,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { deps, limits, desk } = counter;
  const { body } = request;
  if (!isJsonObject(body)) throw new Refusal("invalid_request", "The body must be a JSON object.");
  const sent = readPayment(request.raw);
  const names = namesOf(request, body, sent === "unreadable" ? null : sent);
  if (sent === null || sent === "unreadable") {
    const found = await findOrMake(counter, request, reply, names);
    return desk.answerUnpaid(reply, found, sent === null ? undefined : UNREADABLE);
  }
  limits.countPayment(request, reply);
  const order = await findPaid(deps, names, sent);
  if (order === null) {
    const found = await findOrMake(counter, request, reply, names);
    return desk.answerUnpaid(reply, found, NOT_OURS);
  }
  const isOwn = isOwner(deps, request, order) || (await isNamed(deps, names, order));
  return desk.answerPayment(reply, { order, isOwn, name: names.explicit }, sent);
}

function namesOf(
  request: FastifyRequest,
  body: JsonObject,
  sent: SentPayment | null,
): RequestNames {
  const { raw, ip } = request;
  const identifier = sent?.identifier ?? null;
  return nameRequest({ raw, ip, caller: callerOrNull(request), body, identifier });
}

/** The order that this request made before, else a new one. */
async function findOrMake(
  { deps, limits }: Counter,
  request: FastifyRequest,
  reply: FastifyReply,
  names: RequestNames,
): Promise<Found> {
  const { explicit, implicit, isOwn } = names;
  const { read } = deps.store;
  const known =
    explicit === null
      ? await findRecent(read, implicit, deps.clock.now() - RECENT_MS)
      : await findNamed(read, explicit);
  if (known !== null && known.state !== "expired" && known.state !== "rejected")
    return { order: known, isOwn, name: explicit };
  const keyId = callerOrNull(request)?.id ?? WALK_IN_KEY_ID;
  const composed = composeX402Order(deps, keyId, requireFields(request));
  limits.countOpenOrder(request, reply);
  const { known: earlier } = await deps.store.transact("createX402Order", {
    order: composed,
    explicit,
    implicit,
    recentMs: RECENT_MS,
  });
  return { order: earlier ?? composed, isOwn: isOwn || earlier === null, name: explicit };
}

/**
 * The order that a payment is for: by the name that the request gave itself, else by the entry that the client
 * echoes, else (version 1 echoes nothing) the last that the same client asked for with the same body.
 */
async function findPaid(
  { store }: HttpDeps,
  { explicit, implicit }: RequestNames,
  sent: SentPayment,
): Promise<Order | null> {
  const named = explicit === null ? null : await findNamed(store.read, explicit);
  if (named !== null && named.state !== "expired" && named.state !== "rejected") return named;
  if (sent.orderId !== null)
    return ORDER_ID.test(sent.orderId) ? store.read.orders.byId(sent.orderId) : null;
  return findRecentAny(store, implicit);
}

/** Paid or not, and however long ago: what was signed can only be for it. */
async function findRecentAny(
  { read }: HttpDeps["store"],
  { keyId, key }: RequestNames["implicit"],
): Promise<Order | null> {
  const row = await read.idempotency.find(keyId, key);
  return row === null ? null : read.orders.byId(row.body);
}

/** The order was made under a name that only its client can give. */
async function isNamed(
  { store }: HttpDeps,
  { explicit, implicit, isOwn }: RequestNames,
  order: Order,
): Promise<boolean> {
  if (!isOwn) return false;
  const { keyId, key } = explicit ?? implicit;
  return (await store.read.idempotency.find(keyId, key))?.body === order.id;
}

/** The body, which the schema has been held against before the handler ran. */
function requireFields(request: FastifyRequest): X402NewOrder {
  const { validationError } = request;
  if (validationError === undefined) return request.body as X402NewOrder;
  throw validationError instanceof InputError ? refuseField(validationError) : validationError;
}

function isJsonObject(body: unknown): body is JsonObject {
  return typeof body === "object" && body !== null && !Array.isArray(body);
}

async function answerPay(
  { deps, limits, desk }: Counter,
  request: FastifyRequest<{ Params: OrderPath }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const order = await requireX402Order(deps, request, request.params.id);
  const found = { order, isOwn: isOwner(deps, request, order), name: null };
  const sent = readPayment(request.raw);
  if (sent === null) return desk.answerUnpaid(reply, found);
  if (sent === "unreadable") return desk.answerUnpaid(reply, found, UNREADABLE);
  limits.countPayment(request, reply);
  return desk.answerPayment(reply, found, sent);
}

/** The order, if the reader may know of it; one that it may not is not found either. */
export async function requireX402Order(
  deps: Pick<HttpDeps, "accessTokenOf" | "store">,
  request: FastifyRequest,
  orderId: string,
): Promise<Order> {
  const order = ORDER_ID.test(orderId) ? await deps.store.read.orders.byId(orderId) : null;
  if (order === null || !mayKnow(deps, request, order))
    throw new Refusal("order_not_found", "There is no order with this id.");
  return order;
}
