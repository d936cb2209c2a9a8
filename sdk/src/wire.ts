/**
 * What crosses the wire between a shop and its clients: the one description that server and SDK share. Here errors and
 * the cards API; `x402/wire.ts` has the x402 API.
 * No dependencies. Times are ISO 8601 UTC with milliseconds; money is a decimal string.
 */

/** Every code an error answer can carry. A code is never reused or renamed. */
export type ErrorCode =
  | "invalid_request"
  | "invalid_amount"
  | "amount_out_of_range"
  | "invalid_idempotency_key"
  | "invalid_webhook_url"
  | "invalid_metadata"
  | "missing_api_key"
  | "invalid_api_key"
  | "api_key_expired"
  | "api_key_suspended"
  | "forbidden"
  | "not_found"
  | "method_not_allowed"
  | "order_not_found"
  | "plan_unknown"
  | "order_closed"
  | "quote_expired"
  | "permit2_allowance_required"
  | "facilitator_unavailable"
  | "invalid_signature"
  | "idempotency_conflict"
  | "body_too_large"
  | "unsupported_media_type"
  | "https_required"
  | "spend_limit_exceeded"
  | "rate_limit_exceeded"
  | "too_many_requests"
  | "too_many_failed_auth_attempts"
  | "too_many_streams"
  | "service_temporarily_unavailable"
  | "internal_error";

/** Body of every error answer. `error` and `message` are what v1 clients read; the rest is RFC 9457 and ours. */
export interface ErrorBody {
  readonly error: ErrorCode;
  readonly message: string;
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retry_after_s?: number;
  readonly request_id: string;
  readonly docs: string;
  readonly [fact: string]: unknown;
}

/** The cards API's word for an order's state. */
export type OrderStatus =
  | "awaiting_approval"
  | "pending_payment"
  | "ordering"
  | "stage1_done"
  | "delivered"
  | "refund_pending"
  | "refunded"
  | "rejected"
  | "expired";

/** What a buyer acts on. `ready` never appears without the card. */
export type OrderPhase =
  | "awaiting_approval"
  | "awaiting_payment"
  | "processing"
  | "ready"
  | "failed"
  | "refunded"
  | "rejected"
  | "expired";

/** Phases after which nothing changes any more. `failed` is not one: its refund is still to come. */
export const FINAL_PHASES: readonly OrderPhase[] = ["ready", "refunded", "rejected", "expired"];

/** How to pay on Stellar: call `pay_usdc` or `pay_xlm` of the contract with exactly this amount. */
export interface SorobanPayment {
  readonly type: "soroban_contract";
  readonly contract_id: string;
  /** Passed to the contract as the UTF-8 bytes of this text. */
  readonly order_id: string;
  readonly usdc: { readonly amount: string; readonly asset: string };
  /** Absent when there is no fresh price; `xlm_unavailable` then says why. */
  readonly xlm?: { readonly amount: string; readonly expires_at: string };
  readonly xlm_unavailable?: string;
  readonly network_passphrase: string;
}

/** One way to pay an order. `type` names the form: "soroban_contract" is `SorobanPayment`. */
export interface PaymentOption {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface Budget {
  readonly spent_usdc: string;
  readonly in_flight_usdc: string;
  readonly committed_usdc: string;
  readonly limit_usdc: string | null;
  readonly remaining_usdc: string | null;
}

export interface CreateOrderRequest {
  /** Face value: plain decimal with at most two fraction digits, "10.00". */
  readonly amount_usdc: string;
  readonly webhook_url?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly note?: string;
}

export interface CreateOrderResponse {
  readonly order_id: string;
  readonly status: OrderStatus;
  readonly phase: OrderPhase;
  readonly amount_usdc: string;
  readonly payment: SorobanPayment;
  /** Every way to pay; any one of them pays the order. */
  readonly payment_options: readonly PaymentOption[];
  readonly poll_url: string;
  readonly expires_at: string;
  readonly budget: Budget;
}

export interface Card {
  readonly number: string;
  readonly cvv: string;
  /** "MM/YY" */
  readonly expiry: string;
  readonly brand: string;
}

export interface RefundView {
  readonly stellar_txid: string;
  readonly rail: string;
  readonly tx_id: string;
  readonly amount: string;
  readonly asset: string;
}

/** `GET /v1/orders/:id`, and the data of every event on its stream. */
export interface OrderView {
  readonly order_id: string;
  readonly status: OrderStatus;
  readonly phase: OrderPhase;
  readonly amount_usdc: string;
  readonly payment_asset: "usdc" | "xlm" | "usdc_soroban" | "xlm_soroban";
  readonly created_at: string;
  readonly updated_at: string;
  /** While the order can be paid. */
  readonly payment?: SorobanPayment;
  /** While the order can be paid: every way to. */
  readonly payment_options?: readonly PaymentOption[];
  /** While it can be paid: the order takes no payment in a later ledger. */
  readonly expires_at?: string;
  readonly card?: Card;
  readonly error?: string;
  readonly note?: string;
  readonly refund?: RefundView;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** One row of `GET /v1/orders`, newest first. */
export interface OrderListItem {
  readonly id: string;
  readonly status: OrderStatus;
  readonly amount_usdc: string;
  readonly payment_asset: OrderView["payment_asset"];
  readonly created_at: string;
  readonly updated_at: string;
}

export interface UsageView {
  readonly api_key_id: string;
  readonly label: string | null;
  readonly budget: Budget;
  readonly orders: {
    readonly total: number;
    readonly delivered: number;
    readonly failed: number;
    readonly refunded: number;
    readonly expired: number;
    readonly rejected: number;
    readonly in_progress: number;
  };
}
