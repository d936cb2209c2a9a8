import { createHmac, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { Refusal } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { answers } from "../openapi.ts";
import { HookAnswer, SupplierPath } from "../schemas-x402.ts";

/**
 * Calls to us from outside. None is believed: the most that one does is to make a look happen now that would
 * have happened anyway.
 */
export function addHookRoutes(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  app.post<{ Params: SupplierPath; Body: Json }>(
    "/api/v1/hooks/suppliers/:id",
    {
      schema: {
        operationId: "hintFromSupplier",
        summary: "A supplier says that an order has changed; it is looked up, whatever is said",
        params: SupplierPath,
        response: answers({ 200: HookAnswer }, ["invalid_request", "too_many_requests"]),
      },
      onRequest: async (request, reply) => limits.countHook(request, reply),
    },
    (request) => takeHint(deps, request.params.id, request.body),
  );
  if (deps.facilitatorSecret !== null)
    void app.register(async (scope) =>
      addFacilitatorHook(scope, deps, limits, deps.facilitatorSecret ?? ""),
    );
}

/** The same answer for all, so that nobody learns which attempts there are. */
const HEARD = { ok: true } as const;

async function takeHint(
  { clock, readSupplierHint, store }: HttpDeps,
  supplierId: string,
  body: Json,
): Promise<typeof HEARD> {
  const hint = readSupplierHint(supplierId, body);
  if (hint !== null)
    await store.transact("hastenAttempt", { ...hint, supplierId, nowMs: clock.now() });
  return HEARD;
}

const TIMESTAMP = /^\d{13}$/;
const SIGNATURE = /^sha256=([0-9a-f]{64})$/;
/** A call that was signed longer ago, or in the future, is a replay or a wrong clock. */
const WINDOW_MS = 5 * 60_000;

const Settled = Compile(Type.Object({ order_id: Type.String({ maxLength: 64 }) }));

/**
 * `X-Facilitator-Timestamp` (milliseconds) and `X-Facilitator-Signature: sha256=<hex>`, the HMAC-SHA-256 of
 * timestamp, "." and body.
 */
function addFacilitatorHook(
  app: FastifyInstance,
  deps: HttpDeps,
  limits: Limits,
  secret: string,
): void {
  // The signature is over the bytes as they came.
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  app.post(
    "/api/v1/hooks/facilitator",
    {
      schema: {
        operationId: "hintFromFacilitator",
        summary: "A facilitator says that a payment has moved: `{ order_id }`, signed",
        response: answers({ 200: HookAnswer }, [
          "invalid_request",
          "invalid_signature",
          "too_many_requests",
        ]),
      },
      onRequest: async (request, reply) => limits.countHook(request, reply),
    },
    (request) => takeWord(deps, secret, request),
  );
}

async function takeWord(
  { clock, store }: HttpDeps,
  secret: string,
  { headers, body }: Pick<FastifyRequest, "body" | "headers">,
): Promise<typeof HEARD> {
  const nowMs = clock.now();
  const timestamp = String(headers["x-facilitator-timestamp"] ?? "");
  const signature = String(headers["x-facilitator-signature"] ?? "");
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  if (!isSigned(secret, { timestamp, signature, bytes }) || isOld(timestamp, nowMs))
    throw new Refusal(
      "invalid_signature",
      "The call is not signed with the shop's secret, or was signed more than five minutes ago.",
    );
  const said = parse(bytes);
  if (!Settled.Check(said))
    throw new Refusal("invalid_request", "The body must name the order: { order_id }.");
  await store.transact("hastenSettlement", { orderId: said.order_id, nowMs });
  return HEARD;
}

function isSigned(
  secret: string,
  call: { readonly timestamp: string; readonly signature: string; readonly bytes: Buffer },
): boolean {
  const given = SIGNATURE.exec(call.signature)?.[1];
  if (given === undefined || !TIMESTAMP.test(call.timestamp)) return false;
  const wanted = createHmac("sha256", secret)
    .update(`${call.timestamp}.`)
    .update(call.bytes)
    .digest();
  return timingSafeEqual(wanted, Buffer.from(given, "hex"));
}

function isOld(timestamp: string, nowMs: number): boolean {
  return Math.abs(nowMs - Number(timestamp)) > WINDOW_MS;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return null; // answered as a body that names nothing
  }
}
