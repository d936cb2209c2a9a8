import { timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { WALK_IN_KEY_ID } from "../../actions/manage-keys.ts";
import type { Order } from "../../orders/order.ts";
import { callerOrNull } from "../caller.ts";
import type { HttpDeps } from "../deps.ts";

/**
 * Whether the reader may know of the order. Its id is a secret of 128 bits where the buyer came without a key; an
 * order that belongs to a key is that key's affair, and its id may stand on a chain for all to see.
 */
export function mayKnow(
  deps: Pick<HttpDeps, "accessTokenOf">,
  request: FastifyRequest,
  order: Pick<Order, "id" | "keyId">,
): boolean {
  return order.keyId === WALK_IN_KEY_ID || isOwner(deps, request, order);
}

const BEARER = /^Bearer +([A-Za-z0-9_-]{1,128})$/i;

/**
 * Whether the order is the reader's own, so that it may see the goods: the key that the order belongs to, or the order's access token, as
 * `Authorization: Bearer …` or `X-Access-Token`. Never in the URL, which proxies and histories keep.
 */
export function isOwner(
  { accessTokenOf }: Pick<HttpDeps, "accessTokenOf">,
  request: FastifyRequest,
  order: Pick<Order, "id" | "keyId">,
): boolean {
  if (callerOrNull(request)?.id === order.keyId) return true;
  const given = tokenOf(request);
  return given !== null && isSame(given, accessTokenOf(order.id));
}

function tokenOf({ headers }: FastifyRequest): string | null {
  const own = headers["x-access-token"];
  if (typeof own === "string") return own;
  return BEARER.exec(headers.authorization ?? "")?.[1] ?? null;
}

/** In constant time, so that the time of an answer tells nothing about the token. */
function isSame(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}
