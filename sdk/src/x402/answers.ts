import { BadAnswerError } from "../errors.ts";
import { isOrderId, parseCard } from "../answers.ts";
import type { PaymentOption } from "../wire.ts";
import type {
  EsimView,
  PlanView,
  X402OrderView,
  X402PaymentRequired,
  X402PaymentResponse,
  X402Terms,
} from "./wire.ts";

/** An order as the x402 API shows it. A status this version does not know means: not over. */
export interface X402Order extends X402OrderView {
  readonly esim?: EsimView;
}

/** How an order may be paid. */
export interface PaymentTerms {
  /** x402, version 2; empty when the shop offers none. */
  readonly accepts: readonly X402Terms[];
  /** The whole of what the shop asked, for what a payer echoes. Null without x402. */
  readonly required: X402PaymentRequired | null;
  /** The other ways: `type` names the form. */
  readonly deposits: readonly PaymentOption[];
}

/** An order that waits for its payment, as a 402 describes it. */
export interface X402Asked {
  readonly orderId: string;
  /** Null: this shop does not tell it to who asks so. */
  readonly accessToken: string | null;
  /** "6.21" dollars */
  readonly priceUsd: string;
  /** ISO 8601: it takes no payment later. */
  readonly expiresAt: string;
  readonly terms: PaymentTerms;
}

type Fields = Readonly<Record<string, unknown>>;

const DECIMAL = /^\d{1,20}(\.\d{1,20})?$/;
const NETWORK = /^[a-z0-9-]{3,16}:[A-Za-z0-9_-]{1,40}$/;
const ATOMIC = /^\d{1,60}$/;
const ADDRESS = /^[A-Za-z0-9:_-]{8,80}$/;
const TOKEN = /^[\x21-\x7e]{1,512}$/;
const STATUS = /^[A-Z_]{1,32}$/;
const MAX_TERMS = 64;
const MAX_PLANS = 20_000;
const LONGEST_TIMEOUT_S = 86_400;

/** @param header `PAYMENT-REQUIRED` of the same answer; null when there was none */
export function parseAsked(json: unknown, header: string | null): X402Asked {
  const body = fields(json, "payment request");
  const orderId = text(body, "order_id");
  if (!isOrderId(orderId)) throw new BadAnswerError("order_id is malformed");
  const { access_token: token } = body;
  const price = fields(body["price"], "price");
  const deposits = list(body["deposits"] ?? [], "deposits", MAX_TERMS);
  return {
    orderId,
    accessToken:
      token === undefined || token === null ? null : matching(body, "access_token", TOKEN),
    priceUsd: matching(price, "amount", DECIMAL),
    expiresAt: instant(body, "expires_at"),
    terms: { ...parseRequired(header, orderId), deposits: deposits.map(depositOf) },
  };
}

function depositOf(value: unknown): PaymentOption {
  const deposit = fields(value, "deposit");
  text(deposit, "type");
  return deposit as unknown as PaymentOption;
}

function parseRequired(
  header: string | null,
  orderId: string,
): Pick<PaymentTerms, "accepts" | "required"> {
  if (header === null) return { accepts: [], required: null };
  const required = fields(fromBase64(header, "PAYMENT-REQUIRED"), "PAYMENT-REQUIRED");
  if (required["x402Version"] !== 2) throw new BadAnswerError("PAYMENT-REQUIRED is not version 2");
  const accepts = list(required["accepts"], "accepts", MAX_TERMS).map((entry) =>
    termsOf(entry, orderId),
  );
  return { accepts, required: required as unknown as X402PaymentRequired };
}

function termsOf(value: unknown, orderId: string): X402Terms {
  const terms = fields(value, "accepts");
  text(terms, "scheme");
  matching(terms, "network", NETWORK);
  matching(terms, "amount", ATOMIC);
  matching(terms, "asset", ADDRESS);
  matching(terms, "payTo", ADDRESS);
  const { maxTimeoutSeconds } = terms;
  if (!Number.isSafeInteger(maxTimeoutSeconds) || Number(maxTimeoutSeconds) > LONGEST_TIMEOUT_S)
    throw new BadAnswerError("maxTimeoutSeconds is not a number of seconds");
  const extra = fields(terms["extra"] ?? {}, "extra");
  // Paying under another id would pay somebody else's order.
  if (extra["orderId"] !== undefined && extra["orderId"] !== orderId)
    throw new BadAnswerError("accepts is about another order", { asked: orderId });
  return { ...terms, extra } as unknown as X402Terms;
}

/** What became of a payment; null when the answer does not say. */
export function parsePaymentResponse(header: string | null): X402PaymentResponse | null {
  if (header === null) return null;
  const response = fields(fromBase64(header, "PAYMENT-RESPONSE"), "PAYMENT-RESPONSE");
  if (typeof response["success"] !== "boolean")
    throw new BadAnswerError("PAYMENT-RESPONSE does not say whether it succeeded");
  for (const name of ["transaction", "errorReason"] as const)
    if (response[name] !== undefined) text(response, name);
  return response as unknown as X402PaymentResponse;
}

/** @param orderId The order that was asked for; null: whatever order the shop found. */
export function parseX402Order(json: unknown, orderId: string | null): X402Order {
  const body = fields(json, "order");
  const id = text(body, "order_id");
  if (!isOrderId(id) || (orderId !== null && id !== orderId))
    throw new BadAnswerError("it is about another order", { asked: orderId });
  matching(body, "status", STATUS);
  matching(fields(body["price"], "price"), "amount", DECIMAL);
  const payment = fields(body["payment"], "payment");
  text(payment, "state");
  for (const refund of list(body["refunds"], "refunds", MAX_TERMS)) {
    const each = fields(refund, "refund");
    for (const name of ["reason", "state", "asset"]) text(each, name);
    matching(each, "amount", DECIMAL);
  }
  for (const name of ["created_at", "updated_at", "expires_at"]) instant(body, name);
  if (body["esim"] !== undefined) esim(body["esim"]);
  if (body["card"] !== undefined) parseCard(body["card"]);
  return body as unknown as X402Order;
}

/** The access token that an answer about a paid order carries; null when it has none. */
export function accessTokenIn(json: unknown): string | null {
  const body = fields(json, "order");
  return body["access_token"] === undefined ? null : matching(body, "access_token", TOKEN);
}

export function parsePlans(json: unknown): readonly PlanView[] {
  return list(fields(json, "catalogue")["plans"], "plans", MAX_PLANS).map((value) => {
    const plan = fields(value, "plan");
    text(plan, "plan_id");
    for (const country of list(plan["countries"], "countries", 500))
      if (typeof country !== "string") throw new BadAnswerError("countries is not a list of codes");
    for (const name of ["data_bytes", "validity_days"])
      if (!Number.isSafeInteger(plan[name]))
        throw new BadAnswerError(`${name} is not a whole number`);
    matching(fields(plan["price"], "price"), "amount", DECIMAL);
    return plan as unknown as PlanView;
  });
}

function esim(json: unknown): void {
  const body = fields(json, "esim");
  matching(body, "iccid", /^\d{18,22}$/);
  matching(body, "activation_code", /^[\x20-\x7e]{8,512}$/);
  for (const name of ["smdp_address", "matching_id", "qr_svg", "qr_png", "apn"])
    if (typeof body[name] !== "string") throw new BadAnswerError(`esim.${name} is not a text`);
}

function fromBase64(header: string, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(header, "base64").toString("utf8"));
  } catch (cause) {
    throw new BadAnswerError(`${name} is not base64 of JSON`, undefined, cause);
  }
}

function fields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadAnswerError(`${what} is not a JSON object`);
  return value as Fields;
}

function list(value: unknown, what: string, longest: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > longest)
    throw new BadAnswerError(`${what} is not a list of at most ${String(longest)}`);
  return value;
}

function text(body: Fields, name: string): string {
  return matching(body, name, /^[^\p{Cc}]{0,512}$/u);
}

function matching(body: Fields, name: string, pattern: RegExp): string {
  const value = body[name];
  // The value stays out of the text: it may be an activation code.
  if (typeof value !== "string" || !pattern.test(value))
    throw new BadAnswerError(`${name} is missing or malformed`);
  return value;
}

function instant(body: Fields, name: string): string {
  const value = matching(body, name, /^.{10,40}$/);
  if (Number.isNaN(Date.parse(value))) throw new BadAnswerError(`${name} is not an instant`);
  return value;
}
