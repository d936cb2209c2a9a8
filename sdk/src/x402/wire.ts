/** What crosses the wire of the x402 API, beside `../wire.ts`; the same rules hold. */
import type { Card, PaymentOption } from "../wire.ts";

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
