import { BadAnswerError, type Facts } from "./errors.ts";
import type {
  Budget,
  Card,
  CreateOrderResponse,
  OrderListItem,
  OrderPhase,
  OrderStatus,
  OrderView,
  RefundView,
  SorobanPayment,
  UsageView,
} from "./wire.ts";

/**
 * Answers of a shop, checked before anybody acts on them. Unknown members pass; a member of the contract with another
 * type, or without the form that money and ids must have, is a BadAnswerError that names it.
 */

/** How to pay. Cards402-compatible shops of another make leave some members out. */
export interface PaymentOffer extends Omit<SorobanPayment, "network_passphrase" | "xlm"> {
  readonly network_passphrase?: string;
  readonly xlm?: { readonly amount: string; readonly expires_at?: string };
  /** When the payment window closes, ISO 8601. */
  readonly expires_at?: string;
}

/** An order as `GET /v1/orders/:id` and its stream show it. A phase this version does not know means: not final. */
export interface Order extends Omit<OrderView, "payment" | "refund"> {
  readonly payment?: PaymentOffer;
  readonly refund?: Partial<RefundView>;
  readonly approval_request_id?: string;
  readonly expires_at?: string;
}

/** 201: ready to be paid. */
export interface PayableOrder extends Omit<
  CreateOrderResponse,
  "payment" | "expires_at" | "phase" | "budget"
> {
  readonly phase: "awaiting_payment";
  readonly payment: PaymentOffer;
  readonly expires_at?: string;
  readonly budget?: Budget;
}

/** 202: the owner of the key must decide first; payment instructions come with the decision. */
export interface HeldOrder {
  readonly order_id: string;
  readonly phase: "awaiting_approval";
  readonly amount_usdc: string;
  readonly approval_request_id?: string;
  readonly expires_at?: string;
  readonly note?: string;
}

/** 201 of a sandbox key: a test card at once, nothing to pay. */
export interface SandboxOrder {
  readonly order_id: string;
  readonly status: "delivered";
  readonly phase: "ready";
  readonly amount_usdc: string;
  readonly sandbox?: boolean;
  readonly card: Card;
}

/** Tell the three apart by `phase`. */
export type CreatedOrder = PayableOrder | HeldOrder | SandboxOrder;

type Fields = Readonly<Record<string, unknown>>;

const ORDER_ID = /^[A-Za-z0-9_-]{1,64}$/;
const WORD = /^[a-z0-9_]{1,64}$/;
const DECIMAL = /^\d{1,20}(\.\d{1,20})?$/;
const ASSET = /^[A-Za-z0-9]{1,12}:G[A-Z2-7]{55}$/;
const CONTRACT_ID = /^C[A-Z2-7]{55}$/;
const CARD_NUMBER = /^[\d ]{8,32}$/;
const CVV = /^\d{3,4}$/;
const EXPIRY = /^\d{2}\/\d{2,4}$/;
const MAX_TEXT = 4096;
const MAX_ROWS = 1000;

export function isOrderId(text: string): boolean {
  return ORDER_ID.test(text);
}

export function parseCreatedOrder(json: unknown): CreatedOrder {
  const body = fields(json, "order");
  const phase = word(body, "phase");
  const base = {
    ...body,
    order_id: matching(body, "order_id", ORDER_ID),
    amount_usdc: money(body, "amount_usdc"),
  };
  if (phase === "awaiting_approval") {
    texts(body, ["approval_request_id", "expires_at", "note"]);
    return base as unknown as HeldOrder;
  }
  if (phase === "ready")
    return { ...base, card: parseCard(body["card"]) } as unknown as SandboxOrder;
  if (phase !== "awaiting_payment")
    throw new BadAnswerError(`a new order cannot be in phase "${phase}"`);
  texts(body, ["expires_at", "poll_url"]);
  return {
    ...base,
    payment: parsePaymentOffer(body["payment"], base.order_id),
  } as unknown as PayableOrder;
}

/** @param orderId The order that was asked for: an answer about another one is refused. */
export function parseOrder(json: unknown, orderId: string): Order {
  const body = fields(json, "order");
  const phase = word(body, "phase");
  if (matching(body, "order_id", ORDER_ID) !== orderId)
    throw new BadAnswerError("it is about another order", { asked: orderId });
  word(body, "status");
  money(body, "amount_usdc");
  texts(body, [
    "payment_asset",
    "created_at",
    "updated_at",
    "error",
    "note",
    "expires_at",
    "approval_request_id",
  ]);
  if (phase === "ready" || body["card"] !== undefined) parseCard(body["card"]);
  if (body["payment"] !== undefined) parsePaymentOffer(body["payment"], orderId);
  else if (phase === "awaiting_payment")
    throw new BadAnswerError("an unpaid order without payment");
  if (body["refund"] !== undefined && body["refund"] !== null)
    texts(fields(body["refund"], "refund"), ["stellar_txid", "rail", "tx_id", "amount", "asset"]);
  return body as unknown as Order;
}

export function parseOrderList(json: unknown): OrderListItem[] {
  if (!Array.isArray(json)) throw new BadAnswerError("a list of orders is not an array");
  if (json.length > MAX_ROWS)
    throw new BadAnswerError(`a list of more than ${String(MAX_ROWS)} orders`);
  return json.map((row: unknown) => {
    const body = fields(row, "order");
    matching(body, "id", ORDER_ID);
    word(body, "status");
    money(body, "amount_usdc");
    texts(body, ["payment_asset", "created_at", "updated_at"]);
    return body as unknown as OrderListItem;
  });
}

const ORDER_COUNTS = [
  "total",
  "delivered",
  "failed",
  "refunded",
  "expired",
  "rejected",
  "in_progress",
];

export function parseUsage(json: unknown): UsageView {
  const body = fields(json, "usage");
  matching(body, "api_key_id", /^.{1,128}$/);
  budget(body["budget"]);
  const orders = fields(body["orders"], "orders");
  for (const name of ORDER_COUNTS)
    if (!Number.isSafeInteger(orders[name]))
      throw new BadAnswerError(`orders.${name} is not a whole number`);
  return body as unknown as UsageView;
}

function budget(json: unknown): void {
  const body = fields(json, "budget");
  for (const name of ["spent_usdc", "in_flight_usdc", "committed_usdc"]) money(body, name);
  for (const name of ["limit_usdc", "remaining_usdc"])
    if (body[name] !== null && body[name] !== undefined) money(body, name);
}

export function parsePaymentOffer(json: unknown, orderId: string): PaymentOffer {
  const body = fields(json, "payment");
  if (body["type"] !== "soroban_contract")
    throw new BadAnswerError("payment.type is not soroban_contract");
  matching(body, "contract_id", CONTRACT_ID);
  // Paying under another id would pay somebody else's order.
  if (body["order_id"] !== orderId) throw new BadAnswerError("payment.order_id is another order's");
  const usdc = fields(body["usdc"], "payment.usdc");
  money(usdc, "amount");
  matching(usdc, "asset", ASSET);
  if (body["xlm"] !== undefined && body["xlm"] !== null) {
    const xlm = fields(body["xlm"], "payment.xlm");
    money(xlm, "amount");
    texts(xlm, ["expires_at"]);
  }
  texts(body, ["network_passphrase", "xlm_unavailable", "expires_at"]);
  return body as unknown as PaymentOffer;
}

export function parseCard(json: unknown): Card {
  const body = fields(json, "card");
  matching(body, "number", CARD_NUMBER);
  matching(body, "cvv", CVV);
  matching(body, "expiry", EXPIRY);
  texts(body, ["brand"]);
  return body as unknown as Card;
}

function fields(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadAnswerError(`${what} is not a JSON object`);
  return value as Fields;
}

function matching(body: Fields, name: string, pattern: RegExp): string {
  const value = body[name];
  // The value stays out of the text: it may be a card number.
  if (typeof value !== "string" || !pattern.test(value))
    throw new BadAnswerError(`${name} is missing or malformed`);
  return value;
}

function word(body: Fields, name: "phase"): OrderPhase | (string & {});
function word(body: Fields, name: "status"): OrderStatus | (string & {});
function word(body: Fields, name: string): string {
  return matching(body, name, WORD);
}

function money(body: Fields, name: string): string {
  return matching(body, name, DECIMAL);
}

/** Optional texts: absent, null or a string of sane length. */
function texts(body: Fields, names: readonly string[]): void {
  for (const name of names) {
    const value = body[name];
    if (value === undefined || value === null) continue;
    if (typeof value !== "string" || value.length > MAX_TEXT)
      throw new BadAnswerError(`${name} is not a text`);
  }
}

const MAX_SHOWN_TEXT = 500;

/** Text from outside as it may be shown: bounded, and without characters that steer a terminal. */
export function shownText(value: unknown): string | null {
  if (typeof value !== "string" || value === "") return null;
  return value.slice(0, MAX_SHOWN_TEXT).replace(/[\p{Cc}\p{Cf}]+/gu, " ");
}

/** What an error answer says beside its code: plain values only, a dozen at most. */
export function factsOf(body: Fields, known: ReadonlySet<string>): Facts {
  const facts: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(body)) {
    if (known.has(name) || !WORD.test(name) || Object.keys(facts).length === 12) continue;
    if (typeof value === "string") facts[name] = shownText(value);
    else if (typeof value === "number" || typeof value === "boolean" || value === null)
      facts[name] = value;
  }
  return facts;
}
