import type { Card } from "#wire";
import type {
  EsimView,
  X402OrderView,
  X402PaymentView,
  X402RefundView,
  X402Status,
} from "#wire/x402";
import { formatDecimal } from "../money.ts";
import { readPlanRequest } from "../products/plan.ts";
import type { OrderState } from "./lifecycle.ts";
import type { Order } from "./order.ts";
import { usdText } from "./view.ts";

/**
 * The x402 API's word for each state. A refund under way shows in `refunds`, not in a word of its own, so
 * that strict readers hold. NEW is inside the first request only.
 */
// oxfmt-ignore
const STATUS: Readonly<Record<OrderState, X402Status>> = {
  awaiting_approval: "NEW",
  awaiting_payment:  "PENDING_PAYMENT",
  confirming:        "PENDING_PAYMENT", // `payment.state` is "seen": a client must wait, not pay
  paid:              "PAID",
  fulfilling:        "PROVISIONING",
  in_review:         "PROVISIONING",
  refund_due:        "PROVISIONING",
  refunding:         "PROVISIONING",
  delivered:         "DELIVERED",
  refunded:          "REFUNDED",
  rejected:          "EXPIRED",
  expired:           "EXPIRED",
};

export function x402StatusOf({ state }: Pick<Order, "state">): X402Status {
  return STATUS[state];
}

/** Where an order is read and paid; no host, since clients know it. */
export function x402Urls(orderId: string): Pick<X402OrderView, "status_url" | "pay_url"> {
  const url = `/api/v1/x402/order/${orderId}`;
  return { status_url: url, pay_url: `${url}/pay` };
}

/** The payment as far as it is known beside the order. */
export interface PaymentFacts {
  readonly railId: string | null;
  readonly symbol: string | null;
  /** Of the deposit, or of the transaction that a promise was sent in; null before. */
  readonly txId: string | null;
  /** The deposit is final. */
  readonly isFinal: boolean;
  /** Null: the chain counts none for this payment. */
  readonly confirmations: number | null;
  readonly required: number | null;
}

export const NO_PAYMENT: PaymentFacts = {
  railId: null,
  symbol: null,
  txId: null,
  isFinal: false,
  confirmations: null,
  required: null,
};

/** Confirmations of a block: itself and those on top of it, counted up to what is required. */
export function confirmationsAt(
  height: number,
  headHeight: number | null,
  required: number | null,
): number | null {
  if (headHeight === null) return null;
  const count = Math.max(0, headHeight - height + 1);
  return required === null ? count : Math.min(count, required);
}

/** What only the caller can look up. */
export interface X402Extras {
  readonly payment: PaymentFacts;
  readonly refunds: readonly X402RefundView[];
  /** The reader made the order, or has its token: shows what the client attached to it. */
  readonly isOwn: boolean;
  /** Opened for this reader; null: not there, or not this reader's. */
  readonly goods: { readonly esim: EsimView } | { readonly card: Card } | null;
}

export function viewX402Order(order: Order, extras: X402Extras): X402OrderView {
  const { goods, isOwn, payment, refunds } = extras;
  return {
    order_id: order.id,
    status: x402StatusOf(order),
    product: order.product,
    plan_id: readPlanRequest(order.request)?.planId ?? null,
    price: { amount: usdText(order.priceUsdMicro), currency: "USD" },
    payment: viewPayment(order, payment),
    refunds,
    ...(order.state === "delivered" ? goods : {}),
    error: order.error,
    ...x402Urls(order.id),
    created_at: new Date(order.createdAtMs).toISOString(),
    updated_at: new Date(order.updatedAtMs).toISOString(),
    expires_at: new Date(order.windowClosesAtMs).toISOString(),
    ...(isOwn && order.metadata !== null ? { metadata: order.metadata } : {}),
  };
}

function viewPayment(order: Order, facts: PaymentFacts): X402PaymentView {
  const { payment } = order;
  const state = paymentState(order, facts);
  if (state === "none")
    return {
      state,
      rail: null,
      asset: null,
      tx_id: null,
      paid: null,
      confirmations: null,
      required: null,
    };
  const leg = order.quote.legs.find(({ assetId }) => assetId === payment?.assetId);
  const paid =
    payment === null || leg === undefined ? null : formatDecimal(payment.atomic, leg.decimals, 2);
  return {
    state,
    rail: payment?.railId ?? facts.railId,
    asset: payment?.symbol ?? facts.symbol,
    tx_id: facts.txId,
    paid,
    confirmations: facts.confirmations,
    required: facts.required,
  };
}

function paymentState(order: Order, { isFinal }: PaymentFacts): X402PaymentView["state"] {
  if (order.payment !== null) return isFinal ? "final" : "seen";
  return order.state === "confirming" ? "seen" : "none";
}

/**
 * The strong entity tag: everything that a reader sees changes it. Refunds of excess and late payments move
 * without an event of the order, hence their part; its owner sees more than others do.
 */
export function x402Tag(
  order: Pick<Order, "seq">,
  extras: Pick<X402Extras, "payment" | "refunds">,
  isOwn: boolean,
): string {
  const refunds = extras.refunds.map(({ state }) => state.charAt(0)).join("");
  const { confirmations, isFinal } = extras.payment;
  const depth = isFinal ? "f" : String(confirmations ?? 0);
  return `"${order.seq}-${depth}${refunds === "" ? "" : `-${refunds}`}${isOwn ? "-o" : ""}"`;
}
