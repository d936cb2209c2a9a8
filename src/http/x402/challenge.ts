import type { FastifyReply } from "fastify";
import type { X402Challenge, X402PaymentRequired, X402PaymentResponse } from "#wire";
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
  { publicBaseUrl }: Pick<HttpSettings, "publicBaseUrl">,
  reply: FastifyReply,
  challenge: Challenge,
): FastifyReply {
  const { order } = challenge;
  const resource = `${publicBaseUrl}${ORDER_PATH}`;
  showTerms(reply, paymentRequired(challenge, resource));
  return reply
    .code(402)
    .headers({ "cache-control": "no-store", location: x402Urls(order.id).status_url })
    .type(`${JSON_TYPE}; charset=utf-8`)
    .send(JSON.stringify(challengeBody(challenge, resource)));
}

/** Adds the header of version 2, unless there is nothing to choose from, which it cannot say. */
export function showTerms(reply: FastifyReply, required: X402PaymentRequired): void {
  if (required.accepts.length > 0) reply.header("payment-required", encode(required));
}

export function paymentRequired(
  { order, error }: Pick<Challenge, "error" | "order">,
  resource: string,
): X402PaymentRequired {
  return {
    x402Version: 2,
    error,
    resource: {
      url: resource,
      description: DESCRIPTION,
      mimeType: JSON_TYPE,
      serviceName: SHOP_NAME,
      tags: TAGS,
    },
    accepts: storedTerms(order),
    extensions: EXTENSIONS,
  };
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
