import type { FastifyReply } from "fastify";
import type { X402Challenge, X402PaymentRequired, X402PaymentResponse } from "#wire/x402";
import type { Order } from "../../orders/order.ts";
import { usdText } from "../../orders/view.ts";
import { x402StatusOf, x402Urls } from "../../orders/view-x402.ts";
import type { HttpSettings } from "../deps.ts";
import {
  DESCRIPTION,
  EXTENSIONS,
  ORDER_PATH,
  OUTPUT_SCHEMA_V1,
  SHOP_NAME,
  TAGS,
} from "./discovery.ts";
import { depositOptions, storedTerms, v1NetworkOf, v1TermsOf } from "./terms.ts";

const JSON_TYPE = "application/json";
/** What a client reads when nothing was wrong with its payment: it has sent none. */
export const UNPAID = "payment_required";

/** How an order asks for its payment. */
export interface Challenge {
  readonly order: Order;
  /** Why; `UNPAID`, or an x402 reason. */
  readonly error: string;
  /** Null: this client may not be told. */
  readonly accessToken: string | null;
}

/**
 * Sends the 402: version 2 in `PAYMENT-REQUIRED`, version 1 in the body, both from what was stored with the
 * order. An order without x402 terms has neither, but still says how it is paid.
 */
export function sendChallenge(
  settings: Pick<HttpSettings, "publicBaseUrl">,
  reply: FastifyReply,
  challenge: Challenge,
): FastifyReply {
  const { order } = challenge;
  showTerms(settings, reply, challenge);
  return reply
    .code(402)
    .headers({ "cache-control": "no-store", location: x402Urls(order.id).status_url })
    .type(`${JSON_TYPE}; charset=utf-8`)
    .send(JSON.stringify(challengeBody(challenge, resourceUrl(settings))));
}

/** Adds the header of version 2, unless there is nothing to choose from, which it cannot say. */
export function showTerms(
  settings: Pick<HttpSettings, "publicBaseUrl">,
  reply: FastifyReply,
  { order, error }: Pick<Challenge, "error" | "order">,
): void {
  const accepts = storedTerms(order);
  if (accepts.length === 0) return;
  const about: Omit<X402PaymentRequired, "extensions"> = {
    x402Version: 2,
    error,
    resource: {
      url: resourceUrl(settings),
      description: DESCRIPTION,
      mimeType: JSON_TYPE,
      serviceName: SHOP_NAME,
      tags: TAGS,
    },
    accepts,
  };
  reply.header("payment-required", withExtensions(JSON.stringify(about)));
}

function resourceUrl({ publicBaseUrl }: Pick<HttpSettings, "publicBaseUrl">): string {
  return `${publicBaseUrl}${ORDER_PATH}`;
}

const BASE64_GROUP = 3;
/** The end of the header is the same for all, and longer than the rest: it is encoded once. */
const EXTENSIONS_BASE64 = Buffer.from(`"extensions":${JSON.stringify(EXTENSIONS)}}`).toString(
  "base64",
);

/** Base64 of the object with the extensions as its last member. Blanks fill the last group before them. */
function withExtensions(json: string): string {
  const open = Buffer.from(`${json.slice(0, -1)},`);
  const blanks = (BASE64_GROUP - (open.length % BASE64_GROUP)) % BASE64_GROUP;
  return Buffer.concat([open, Buffer.alloc(blanks, " ")]).toString("base64") + EXTENSIONS_BASE64;
}

function challengeBody({ order, error, accessToken }: Challenge, resource: string): X402Challenge {
  const about = {
    resource,
    description: DESCRIPTION,
    mimeType: JSON_TYPE,
    outputSchema: OUTPUT_SCHEMA_V1,
  };
  return {
    x402Version: 1,
    error,
    accepts: storedTerms(order).flatMap((terms) => v1TermsOf(terms, about) ?? []),
    order_id: order.id,
    status: x402StatusOf(order),
    ...(accessToken === null ? {} : { access_token: accessToken }),
    ...x402Urls(order.id),
    price: { amount: usdText(order.priceUsdMicro), currency: "USD" },
    expires_at: new Date(order.windowClosesAtMs).toISOString(),
    deposits: depositOptions(order),
  };
}

/** Tells a paying client what became of its payment, in the header of the version that it speaks. */
export function showPaymentResponse(
  reply: FastifyReply,
  version: 1 | 2,
  response: X402PaymentResponse,
): void {
  if (version === 2) reply.header("payment-response", encode(response));
  else {
    const network = v1NetworkOf(response.network) ?? response.network;
    reply.header("x-payment-response", encode({ ...response, network }));
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64");
}
