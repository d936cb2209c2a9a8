/**
 * What crosses the wire between a shop and its clients: the one description that server and SDK share.
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

/** `POST /api/v1/x402/order`: a plan of the catalogue, or a card of a face value. */
export interface X402OrderRequest {
  /** From `GET /api/v1/x402/plans`; absent for a card. */
  readonly plan_id?: string;
  readonly product?: "travel-esim" | "prepaid-card";
  /** Face value of a card, "10.00". */
  readonly amount_usdc?: string;
  /** 1: what is wanted twice is ordered twice. */
  readonly quantity?: number;
  /** Only this rail, by its id or network: "eip155:137/x402", "eip155:137". */
  readonly rail?: string;
  /** Only this asset: "USDC". */
  readonly asset?: string;
  /** Where a refund may go that can not go back to the payer. */
  readonly refund_address?: string;
  readonly webhook_url?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Random text of the client's, one per intended purchase, kept across its retries. */
  readonly client_ref?: string;
}

/** One entry of `accepts`, x402 version 2. `extra.orderId` names the order. */
export interface X402Terms {
  readonly scheme: string;
  /** CAIP-2: "eip155:137". */
  readonly network: string;
  /** Base units. */
  readonly amount: string;
  readonly asset: string;
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** One entry of `accepts`, x402 version 1. */
export interface X402TermsV1 {
  readonly scheme: string;
  /** "polygon" */
  readonly network: string;
  readonly maxAmountRequired: string;
  /** URL of what is paid for. */
  readonly resource: string;
  readonly description: string;
  readonly mimeType: string;
  readonly outputSchema: Readonly<Record<string, unknown>> | null;
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  readonly asset: string;
  readonly extra: Readonly<Record<string, unknown>>;
}

/** The `PAYMENT-REQUIRED` header of a 402, base64 of this as JSON. */
export interface X402PaymentRequired {
  readonly x402Version: 2;
  readonly error: string;
  readonly resource: {
    readonly url: string;
    readonly description: string;
    readonly mimeType: string;
    readonly serviceName: string;
    readonly tags: readonly string[];
  };
  readonly accepts: readonly X402Terms[];
  readonly extensions: Readonly<Record<string, unknown>>;
}

/** The `PAYMENT-RESPONSE` header, base64 of this as JSON. */
export interface X402PaymentResponse {
  /** True once the payment was sent to its chain, or is there. */
  readonly success: boolean;
  /** "settlement_pending": it is being carried out; do not pay again. */
  readonly errorReason?: string;
  readonly payer?: string;
  /** Empty while it is not known. */
  readonly transaction: string;
  readonly network: string;
  readonly amount?: string;
}

export interface X402Price {
  readonly amount: string;
  readonly currency: "USD";
}

/** Body of a 402: what x402 version 1 reads, and the order. */
export interface X402Challenge {
  readonly x402Version: 1;
  /** "payment_required", or why the payment that came was not taken: an x402 reason. */
  readonly error: string;
  readonly accepts: readonly X402TermsV1[];
  readonly order_id: string;
  readonly status: X402Status;
  /** Reads the goods. Absent in the repeated answer to a client that is known by its address only. */
  readonly access_token?: string;
  readonly status_url: string;
  readonly pay_url: string;
  readonly price: X402Price;
  readonly expires_at: string;
  /** The other ways to pay, without x402. */
  readonly deposits: readonly PaymentOption[];
}

/** The x402 API's word for an order's state. */
export type X402Status =
  | "NEW"
  | "PENDING_PAYMENT"
  | "PAID"
  | "PROVISIONING"
  | "DELIVERED"
  | "EXPIRED"
  | "REFUNDED";

/** Statuses after which the order does not change any more. */
export const FINAL_X402_STATUSES: readonly X402Status[] = ["DELIVERED", "EXPIRED", "REFUNDED"];

export interface X402PaymentView {
  /** seen: promised or on chain, and not final: wait, do not pay again. */
  readonly state: "none" | "seen" | "final";
  readonly rail: string | null;
  /** "USDC" */
  readonly asset: string | null;
  readonly tx_id: string | null;
  readonly paid: string | null;
  readonly confirmations: number | null;
  /** Null: the chain itself says when it is final. */
  readonly required: number | null;
}

export interface X402RefundView {
  readonly reason: "excess" | "fulfilment_failed" | "late";
  /** held: an operator must say where it goes. */
  readonly state: "due" | "sent" | "final" | "held";
  readonly amount: string;
  readonly asset: string;
  readonly rail: string;
  readonly tx_id: string | null;
}

/** What a delivered travel eSIM is installed with. The activation code works once. */
export interface EsimView {
  readonly iccid: string;
  /** "LPA:1$rsp.example$…" */
  readonly activation_code: string;
  readonly smdp_address: string;
  readonly matching_id: string;
  readonly confirmation_code: string | null;
  readonly qr_svg: string;
  /** "data:image/png;base64,…" */
  readonly qr_png: string;
  readonly ios_install_url: string;
  readonly android_install_url: string;
  readonly apn: string;
  readonly data_bytes: number;
  readonly validity_days: number;
  readonly validity_starts: string;
  readonly install_before: string;
  readonly countries: readonly string[];
}

/** `GET /api/v1/x402/order/{id}`, and the data of every event on its stream. */
export interface X402OrderView {
  readonly order_id: string;
  readonly status: X402Status;
  readonly product: string;
  /** Null for a card. */
  readonly plan_id: string | null;
  readonly price: X402Price;
  readonly payment: X402PaymentView;
  readonly refunds: readonly X402RefundView[];
  /** Only for who may read the goods, once they are there. */
  readonly esim?: EsimView;
  readonly card?: Card;
  readonly error: string | null;
  readonly status_url: string;
  readonly pay_url: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly expires_at: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Answer to a request that paid. */
export interface X402PaidOrder extends X402OrderView {
  readonly access_token?: string;
}

/** One plan of the catalogue. */
export interface PlanView {
  readonly plan_id: string;
  /** ISO 3166-1 alpha-2. */
  readonly countries: readonly string[];
  readonly data_bytes: number;
  readonly validity_days: number;
  readonly validity_starts: "install" | "first_network";
  readonly price: X402Price;
}

export interface PlanList {
  readonly plans: readonly PlanView[];
}

/** `GET /.well-known/x402` */
export interface X402Discovery {
  readonly version: 1;
  readonly x402Version: 2;
  /** "POST https://shop.example/api/v1/x402/order" */
  readonly resources: readonly string[];
  readonly networks: readonly {
    readonly network: string;
    readonly rail: string;
    readonly scheme: string;
    readonly assets: readonly string[];
  }[];
  readonly catalogue: string;
  readonly openapi: string;
  readonly instructions: string;
}
