import { createHash, randomBytes } from "node:crypto";
import { isOrderId } from "../answers.ts";
import { checkAmount, type Shop } from "../client.ts";
import { BadAnswerError, IdempotencyConflictError, InvalidOptionError } from "../errors.ts";
import type { PaymentJournal } from "../journal.ts";
import { JournalError } from "../pay/errors.ts";
import type { PlanView, X402OrderRequest } from "./wire.ts";
import {
  accessTokenIn,
  parseAsked,
  parsePlans,
  parseX402Order,
  type X402Asked,
  type X402Order,
} from "./answers.ts";
import { ask, x402OrderPath } from "./shop.ts";

/** What an order is for: a plan of the catalogue, or a card of a face value. */
export type Wanted =
  | { readonly planId: string; readonly amountUsdc?: undefined }
  | { readonly amountUsdc: string; readonly planId?: undefined };

export interface OrderDetails {
  /** Where a refund may go that cannot go back to the payer, such as an exchange. */
  readonly refundAddress?: string | undefined;
  readonly webhookUrl?: string | undefined;
  /** Comes back with the order; at most 8 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** @throws InvalidOptionError */
export function requestOf(wanted: Wanted, details: OrderDetails): X402OrderRequest {
  const { refundAddress, webhookUrl, metadata } = details;
  return {
    ...goodsOf(wanted),
    ...(refundAddress === undefined ? {} : { refund_address: refundAddress }),
    ...(webhookUrl === undefined ? {} : { webhook_url: webhookUrl }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function goodsOf({ planId, amountUsdc }: Wanted): X402OrderRequest {
  if (amountUsdc !== undefined) {
    checkAmount(amountUsdc);
    return { product: "prepaid-card", amount_usdc: amountUsdc };
  }
  if (typeof planId === "string" && planId !== "" && planId.length <= 128)
    return { plan_id: planId };
  throw new InvalidOptionError("planId is missing.", "pass the plan_id of one of listPlans().");
}

/** An order as its creation is answered, or as it is found again. */
export type Found =
  /** It waits for its payment. */
  | { readonly kind: "asked"; readonly asked: X402Asked }
  /** It is paid or being paid, or over: there is nothing to pay. */
  | { readonly kind: "order"; readonly order: X402Order; readonly accessToken: string | null };

/**
 * What the journal knows of orders. The shop remembers an idempotency key for 24 hours, the journal for as long as it
 * exists. What the shop gets as the key is random text that stands for the caller's: a key like "trip-42" that two buyers
 * choose must not lead one to the other's order, and only an unguessable one lets the shop tell the access token again.
 */
export interface OrderBook {
  /** The order of the caller's key, or null. @throws IdempotencyConflictError when the key bought something else */
  orderOf(idempotencyKey: string, request: X402OrderRequest): Promise<string | null>;
  /** Creates the order of the key, or finds it. @throws ApiError */
  create(order: NewOrder): Promise<Found>;
  accessTokenOf(orderId: string): Promise<string | null>;
  keepAccessToken(orderId: string, accessToken: string | null): Promise<void>;
}

export interface NewOrder {
  readonly idempotencyKey: string;
  readonly request: X402OrderRequest;
  readonly signal?: AbortSignal | undefined;
}

export function createOrderBook(shop: Shop, journal: PaymentJournal): OrderBook {
  const keyOf = (kind: string, what: string) => {
    // The same key of another API key is another purchase; only a digest of it is written down.
    const text = JSON.stringify([shop.baseUrl, shop.headers["X-Api-Key"] ?? null, what]);
    return `x402-${kind}-${createHash("sha256").update(text).digest("hex").slice(0, 48)}`;
  };
  const keepAccessToken: OrderBook["keepAccessToken"] = async (orderId, accessToken) => {
    if (accessToken !== null) await journal.add(keyOf("access", orderId), accessToken);
  };
  return {
    keepAccessToken,
    accessTokenOf: (orderId) => journal.read(keyOf("access", orderId)),
    async orderOf(idempotencyKey, request) {
      const text = await journal.read(keyOf("intent", idempotencyKey));
      if (text !== null) checkSame(parseIntent(text), request);
      const orderId = await journal.read(keyOf("order", idempotencyKey));
      if (orderId !== null && !isOrderId(orderId)) throw damaged();
      return orderId;
    },
    async create({ idempotencyKey, request, signal }) {
      const intent = { version: 1, ref: randomBytes(24).toString("base64url"), request };
      const entry = await journal.add(keyOf("intent", idempotencyKey), JSON.stringify(intent));
      const kept = parseIntent(entry);
      checkSame(kept, request);
      const found = await postOrder(shop, kept, signal);
      const { orderId, accessToken } = namesOf(found);
      // The token first: an entry that names the order must not be followed without it.
      await keepAccessToken(orderId, accessToken);
      const first = await journal.add(keyOf("order", idempotencyKey), orderId);
      if (first === orderId) return found;
      // The shop has forgotten the key since: the order of the first time is the one that may be paid.
      return findOrder(shop, first, signal);
    },
  };
}

export function namesOf(found: Found): {
  readonly orderId: string;
  readonly accessToken: string | null;
} {
  if (found.kind === "asked") return found.asked;
  return { orderId: found.order.order_id, accessToken: found.accessToken };
}

interface Intent {
  readonly ref: string;
  readonly request: X402OrderRequest;
}

function parseIntent(text: string): Intent {
  try {
    const { ref, request } = JSON.parse(text) as Partial<Intent>;
    if (typeof ref === "string" && ref.length >= 21 && typeof request === "object")
      return { ref, request };
  } catch {
    // Said below, together with entries of another form.
  }
  throw damaged();
}

function damaged(): JournalError {
  return new JournalError("The journal's entry for this idempotency key cannot be read.", {
    advice: "look at the wallet's recent payments; if none is for this purchase, use a new key.",
  });
}

function checkSame({ request: bought }: Intent, asked: X402OrderRequest): void {
  if (JSON.stringify(bought) === JSON.stringify(asked)) return;
  throw new IdempotencyConflictError({
    status: 409,
    code: "idempotency_conflict",
    message: "This idempotency key already bought something else.",
    retryable: false,
    retryAfterS: null,
    requestId: null,
    docs: null,
    facts: {
      bought: bought.plan_id ?? bought.amount_usdc ?? null,
      asked: asked.plan_id ?? asked.amount_usdc ?? null,
    },
  });
}

async function postOrder(
  shop: Shop,
  { ref, request }: Intent,
  signal?: AbortSignal,
): Promise<Found> {
  const call = {
    path: "/order",
    body: JSON.stringify(request),
    headers: { "Idempotency-Key": ref },
    signal,
  };
  return foundIn(await ask(shop, call, [200, 202, 402]), null);
}

/** The order as its way to be paid is answered now. @throws ApiError 410 when its window is over */
export async function findOrder(shop: Shop, orderId: string, signal?: AbortSignal): Promise<Found> {
  const path = `${x402OrderPath(orderId)}/pay`;
  return foundIn(await ask(shop, { path, signal }, [200, 202, 402]), orderId);
}

function foundIn(
  { status, headers, json }: Awaited<ReturnType<typeof ask>>,
  orderId: string | null,
): Found {
  if (status !== 402)
    return {
      kind: "order",
      order: parseX402Order(json, orderId),
      accessToken: accessTokenIn(json),
    };
  const asked = parseAsked(json, headers.get("payment-required"));
  if (orderId !== null && asked.orderId !== orderId)
    throw new BadAnswerError("it is about another order", { asked: orderId });
  return { kind: "asked", asked };
}

export interface PlanFilter {
  /** ISO 3166-1 alpha-2: only plans that work there. */
  readonly country?: string | undefined;
  /** Only plans with at least so many MiB. */
  readonly minDataMb?: number | undefined;
}

/** The catalogue, cheapest first. */
export async function fetchPlans(
  shop: Shop,
  { country, minDataMb }: PlanFilter,
  signal?: AbortSignal,
): Promise<readonly PlanView[]> {
  const query = new URLSearchParams();
  if (country !== undefined) query.set("country", country);
  if (minDataMb !== undefined) query.set("min_data_mb", String(minDataMb));
  const path = query.size === 0 ? "/plans" : `/plans?${query.toString()}`;
  return parsePlans((await ask(shop, { path, signal }, [200])).json);
}
