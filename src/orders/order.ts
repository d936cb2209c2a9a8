import type { JsonObject } from "../json.ts";
import type { OrderEvent, OrderState } from "./lifecycle.ts";

/** One way to pay the whole price: this asset, exactly this much, until then. */
export interface QuoteLeg {
  readonly assetId: string;
  readonly symbol: string;
  readonly decimals: number;
  /** Base units, as text because quotes are stored as JSON. */
  readonly atomic: string;
  /** Milliseconds; a volatile asset's leg ends before the order's window does. */
  readonly expiresAtMs: number;
  /** USD per whole unit with 6 decimals, before the spread; null for assets that count as dollars. */
  readonly rateUsdMicro: string | null;
}

/** The price of an order in each asset, and why an asset is missing. */
export interface Quote {
  readonly legs: readonly QuoteLeg[];
  readonly missing: readonly { readonly symbol: string; readonly reason: string }[];
}

/** The accepted deposit of an order. */
export interface Payment {
  readonly depositId: string;
  readonly railId: string;
  readonly assetId: string;
  readonly symbol: string;
  /** What arrived, base units. */
  readonly atomic: bigint;
  /** The quoted price in the same asset, base units; the difference is excess. */
  readonly priceAtomic: bigint;
  /** The payer proven on chain: where a refund goes. */
  readonly from: string;
}

/** One request for one product by one buyer. All times are milliseconds since 1970 UTC. */
export interface Order {
  readonly id: string;
  readonly keyId: string;
  readonly product: string;
  /** As the product validated it: `{ "faceUsdMicro": "10000000" }` for a card. */
  readonly request: JsonObject;
  readonly state: OrderState;
  /** Number of the order's last event; the first is 1. */
  readonly seq: number;
  readonly priceUsdMicro: bigint;
  readonly quote: Quote;
  /** What the payer was told, verbatim, as the wire has it: one entry per rail, each with its `type`. */
  readonly instructions: readonly JsonObject[];
  /** A deposit whose chain time is later is `paid_late`. */
  readonly windowClosesAtMs: number;
  /** How long fulfilment may take once the payment is final; fixed when the order is made. */
  readonly fulfilWithinMs: number;
  /** Until when the goods must be delivered, else the buyer is refunded; null before payment. */
  readonly deadlineAtMs: number | null;
  readonly payment: Payment | null;
  /** Last finished stage of the current attempt; null before the first. */
  readonly stage: string | null;
  /** Why the order failed, for the buyer: a sentence of ours, never supplier text. */
  readonly error: string | null;
  readonly metadata: JsonObject | null;
  readonly webhookUrl: string | null;
  /** Where the buyer wants a refund that can not safely go back to the payer; null: an operator decides. */
  readonly refundTo: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** One line of an order's history; `seq` counts from 1 without gaps. */
export interface OrderEventRow {
  readonly orderId: string;
  readonly seq: number;
  readonly event: OrderEvent;
  readonly state: OrderState;
  /** Public facts of the event (hashes, ledgers, stage names); never goods, never secrets. */
  readonly facts: JsonObject;
  readonly atMs: number;
}
