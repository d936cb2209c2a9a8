import type {
  Budget,
  Card,
  OrderListItem,
  OrderPhase,
  OrderStatus,
  OrderView,
  PaymentOption,
  RefundView,
  SorobanPayment,
} from "#wire";
import { formatDecimal, USD } from "../money.ts";
import type { OrderState } from "./lifecycle.ts";
import type { Order } from "./order.ts";

/** The cards API's two words for each state. The only place that decides what a caller sees. */
// oxfmt-ignore
const WORDS: Readonly<Record<OrderState, readonly [status: OrderStatus, phase: OrderPhase]>> = {
  awaiting_approval: ["awaiting_approval", "awaiting_approval"],
  awaiting_payment:  ["pending_payment",   "awaiting_payment"],
  confirming:        ["ordering",          "processing"], // never awaiting_payment: a resuming client would pay again
  paid:              ["ordering",          "processing"],
  fulfilling:        ["ordering",          "processing"],
  in_review:         ["ordering",          "processing"],
  delivered:         ["delivered",         "ready"],
  refund_due:        ["refund_pending",    "failed"],
  refunding:         ["refund_pending",    "failed"],
  refunded:          ["refunded",          "refunded"],
  rejected:          ["rejected",          "rejected"],
  expired:           ["expired",           "expired"],
};

/** States that a `status` filter of the list means; older status words are still understood. */
export function statesOfStatus(status: string): readonly OrderState[] | null {
  if (status === "payment_confirmed" || status === "claim_received") return ["paid", "fulfilling"];
  if (status === "stage1_done") return ["fulfilling"];
  if (status === "failed") return ["refund_due", "refunding"];
  const states = (Object.keys(WORDS) as OrderState[]).filter((state) => WORDS[state][0] === status);
  return states.length === 0 ? null : states;
}

/** The state's words; a fulfilment past its first stage shows as `stage1_done`. */
export function wordsOf(order: Pick<Order, "state" | "stage">): readonly [OrderStatus, OrderPhase] {
  const [status, phase] = WORDS[order.state];
  return order.state === "fulfilling" && order.stage !== null
    ? ["stage1_done", phase]
    : [status, phase];
}

/** "10.00": dollars with at least two decimals. */
export function usdText(usdMicro: bigint): string {
  return formatDecimal(usdMicro, USD.decimals, 2);
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** `usdc` or `xlm` while unpaid (the first that is quoted); the `_soroban` form once a deposit is known. */
function paymentAsset(order: Order): OrderView["payment_asset"] {
  if (order.payment !== null)
    return order.payment.symbol === "XLM" ? "xlm_soroban" : "usdc_soroban";
  return order.quote.legs[0]?.symbol === "XLM" ? "xlm" : "usdc";
}

/** How the order is paid through the Stellar contract; null where the shop is not paid there. */
export function sorobanPayment(order: Order): SorobanPayment | null {
  const found = order.instructions.find(({ type }) => type === "soroban_contract");
  return found === undefined ? null : (found as unknown as SorobanPayment);
}

/** Every way to pay an order. */
export function paymentOptions(order: Order): readonly PaymentOption[] {
  return order.instructions as unknown as readonly PaymentOption[];
}

/** The ways to pay an open order: the one that v1 clients know, and all of them. */
function paymentOf(order: Order): Pick<OrderView, "payment" | "payment_options"> {
  const payment = sorobanPayment(order);
  return {
    ...(payment === null ? {} : { payment }),
    payment_options: paymentOptions(order),
  };
}

/** What only the caller can look up: goods it opened, refunds it read. */
export interface ViewExtras {
  readonly card: Card | null;
  readonly refund: RefundView | null;
}

const NOTE_EXPIRED = "The payment window closed and nothing was charged. Create a new order.";
const NOTE_REVIEW = "An operator is looking at this order.";

/** `GET /v1/orders/:id` and the data of every event on the stream. */
export function viewOrder(order: Order, extras: ViewExtras): OrderView {
  const [status, phase] = wordsOf(order);
  const hasFailed = phase === "failed" || phase === "refunded" || phase === "rejected";
  const note = noteOf(order);
  return {
    order_id: order.id,
    status,
    phase,
    amount_usdc: usdText(order.priceUsdMicro),
    payment_asset: paymentAsset(order),
    created_at: timeText(order.createdAtMs),
    updated_at: timeText(order.updatedAtMs),
    ...(order.state === "awaiting_payment"
      ? {
          ...paymentOf(order),
          expires_at: timeText(order.windowClosesAtMs),
        }
      : {}),
    ...(phase === "ready" && extras.card !== null ? { card: extras.card } : {}),
    ...(hasFailed ? { error: order.error ?? "The order could not be fulfilled." } : {}),
    ...(note === null ? {} : { note }),
    ...(phase === "refunded" && extras.refund !== null ? { refund: extras.refund } : {}),
    ...(order.metadata === null ? {} : { metadata: order.metadata }),
  };
}

function noteOf(order: Order): string | null {
  if (order.state === "expired") return NOTE_EXPIRED;
  return order.state === "in_review" ? NOTE_REVIEW : null;
}

/** One row of `GET /v1/orders`. */
export function viewListItem(order: Order): OrderListItem {
  return {
    id: order.id,
    status: wordsOf(order)[0],
    amount_usdc: usdText(order.priceUsdMicro),
    payment_asset: paymentAsset(order),
    created_at: timeText(order.createdAtMs),
    updated_at: timeText(order.updatedAtMs),
  };
}

/** A key's money: settled, reserved, both, and what is left of its limit (null without one). */
export function viewBudget(key: {
  readonly spentUsdMicro: bigint;
  readonly inFlightUsdMicro: bigint;
  readonly limitUsdMicro: bigint | null;
}): Budget {
  const committed = key.spentUsdMicro + key.inFlightUsdMicro;
  const left = key.limitUsdMicro === null ? null : key.limitUsdMicro - committed;
  return {
    spent_usdc: usdText(key.spentUsdMicro),
    in_flight_usdc: usdText(key.inFlightUsdMicro),
    committed_usdc: usdText(committed),
    limit_usdc: key.limitUsdMicro === null ? null : usdText(key.limitUsdMicro),
    remaining_usdc: left === null ? null : usdText(left > 0n ? left : 0n),
  };
}
