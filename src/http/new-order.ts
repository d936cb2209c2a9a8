import { Refusal } from "../errors.ts";
import { newId } from "../ids.ts";
import { canonicalJson, type JsonObject } from "../json.ts";
import type { Order } from "../orders/order.ts";
import { legAmount, quoteOrder, type QuotedAsset } from "../orders/quote.ts";
import { usdText } from "../orders/view.ts";
import type { Product, ProductRequest } from "../products/product.ts";
import type { Availability, HttpDeps } from "./deps.ts";
import { refuseUntil } from "./problem.ts";
import { MAX_METADATA_BYTES, type NewOrder } from "./schemas.ts";
import type { InputError } from "./validate.ts";
import { readWebhookUrl } from "./webhook-url.ts";

/** No card is worth more, whatever suppliers say: 10,000 USD. */
const MAX_PRICE_USD_MICRO = 10_000_000_000n;
/** When no price can be had for any asset; sources are asked again within seconds. */
const NO_PRICE_RETRY_S = 15;

const CODE_BY_FIELD = {
  "/amount_usdc": "invalid_amount",
  "/webhook_url": "invalid_webhook_url",
  "/metadata": "invalid_metadata",
} as const;

/** What the schema found wrong with a body, in the cards API's codes. */
export function refuseField({ path, message }: InputError): Refusal {
  const field = Object.keys(CODE_BY_FIELD).find(
    (name) => path === name || path.startsWith(`${name}/`),
  );
  if (field === undefined) return new Refusal("invalid_request", `${message}.`);
  const code = CODE_BY_FIELD[field as keyof typeof CODE_BY_FIELD];
  const detail =
    code === "invalid_amount"
      ? 'amount_usdc must be a string with a plain decimal of at most two fraction digits, like "10.00".'
      : `${message}.`;
  return new Refusal(code, detail);
}

/** Refuses with 503 before anything else is looked at when nothing can be sold. */
export function requireGoods(availability: Availability): void {
  if (availability.kind !== "unavailable") return;
  throw refuseUntil(
    "service_temporarily_unavailable",
    "No supplier can deliver at the moment, so no order is taken. Nothing was charged.",
    availability.retryAfterS,
  );
}

/** The piece that is asked for. Refuses `invalid_amount` and, with the range, `amount_out_of_range`. */
export function requirePiece(
  piece: ProductRequest | null,
  availability: Availability,
): ProductRequest {
  if (piece === null || piece.priceUsdMicro > MAX_PRICE_USD_MICRO)
    throw new Refusal("invalid_amount", "amount_usdc must be from 0.01 to 10000.");
  if (availability.kind !== "out_of_range") return piece;
  const min = usdText(availability.minUsdMicro);
  const max = usdText(availability.maxUsdMicro);
  throw new Refusal("amount_out_of_range", `Cards from ${min} to ${max} USD can be sold now.`, {
    min,
    max,
  });
}

/** Refuses metadata that is nested deeper than 32 levels or longer than 8 KiB as JSON. */
function readMetadata(metadata: NewOrder["metadata"]): JsonObject | null {
  if (metadata === undefined) return null;
  const plain = metadata as JsonObject;
  const text = canonicalJson(plain);
  if (text === null)
    throw new Refusal("invalid_metadata", "metadata may be nested 32 levels deep at most.");
  if (Buffer.byteLength(text) > MAX_METADATA_BYTES)
    throw new Refusal(
      "invalid_metadata",
      `metadata may have ${MAX_METADATA_BYTES} bytes as JSON at most.`,
    );
  return plain;
}

type OrderDeps = Pick<
  HttpDeps,
  "clock" | "isRailOpen" | "pricing" | "rails" | "random" | "settings"
>;

/** What is ordered, by whom, and what the caller says about it. */
export interface Purchase {
  readonly keyId: string;
  readonly product: Product;
  readonly piece: ProductRequest;
  readonly fields: Pick<NewOrder, "webhook_url" | "metadata">;
  /** Where a refund may go that can not go back to the payer; checked by the caller. */
  readonly refundTo: string | null;
  readonly windowMs: number;
}

/**
 * A complete order, not stored yet: priced in every asset that has a price, with the payer's instructions for
 * every rail that is open. Refuses unusable webhooks and metadata, and `service_temporarily_unavailable` when
 * there is no way to pay.
 */
export function composeOrder(deps: OrderDeps, purchase: Purchase): Order {
  const { settings } = deps;
  const { keyId, product, piece, fields, refundTo, windowMs } = purchase;
  const webhookUrl =
    fields.webhook_url === undefined ? null : readWebhookUrl(fields.webhook_url, settings);
  const metadata = readMetadata(fields.metadata);
  const nowMs = deps.clock.now();
  const rails = deps.rails.filter(({ id }) => deps.isRailOpen(id, nowMs));
  const terms = { ...settings.quoteTerms, windowMs };
  const quote = quoteOrder(piece.priceUsdMicro, assetsOf(deps, rails, nowMs), terms, nowMs);
  if (quote.legs.length === 0)
    throw refuseUntil(
      "service_temporarily_unavailable",
      "There is no trustworthy price for any asset at the moment. Nothing was charged.",
      NO_PRICE_RETRY_S,
    );
  const id = newId("ord", nowMs, deps.random);
  const legs = quote.legs.map((leg) => ({ amount: legAmount(leg), expiresAtMs: leg.expiresAtMs }));
  const payable = { id, legs, missing: quote.missing };
  return {
    id,
    keyId,
    product: product.id,
    request: piece.request,
    state: "awaiting_payment",
    seq: 1,
    priceUsdMicro: piece.priceUsdMicro,
    quote,
    instructions: rails
      .map((rail) => rail.instructions(payable))
      .filter((each) => each !== null) as readonly JsonObject[],
    windowClosesAtMs: nowMs + windowMs,
    fulfilWithinMs: product.deadlineMs,
    deadlineAtMs: null,
    payment: null,
    stage: null,
    error: null,
    metadata,
    webhookUrl,
    refundTo,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
}

/** Each asset once, though several rails may take it. */
function assetsOf(
  { pricing }: OrderDeps,
  rails: OrderDeps["rails"],
  nowMs: number,
): readonly QuotedAsset[] {
  const byId = new Map(rails.flatMap(({ assets }) => assets).map((asset) => [asset.id, asset]));
  return [...byId.values()].map((asset) => ({ asset, pricing: pricing(asset, nowMs) }));
}
