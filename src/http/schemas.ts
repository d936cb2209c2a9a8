import { Type, type Static, type TSchema } from "typebox";
import { FINAL_PHASES, type ErrorCode } from "#wire";
import { REFUSALS } from "../errors.ts";

/** What the API takes and gives. One description validates requests, types handlers and becomes the OpenAPI document. */

const MAX_WEBHOOK_URL_CHARACTERS = 2048;
export const MAX_METADATA_BYTES = 8192;
export const DEFAULT_LIST_LIMIT = 20;
export const MAX_LIST_LIMIT = 200;

const Instant = Type.String({
  description: "ISO 8601 UTC with milliseconds",
  examples: ["2026-01-31T12:00:00.000Z"],
});
const Decimal = (description: string) =>
  Type.String({ description, pattern: "^\\d+(\\.\\d+)?$", examples: ["10.00"] });
const Plain = Type.Record(Type.String(), Type.Unknown());

const Status = Type.Enum(
  [
    "awaiting_approval",
    "pending_payment",
    "ordering",
    "stage1_done",
    "delivered",
    "refund_pending",
    "refunded",
    "rejected",
    "expired",
  ],
  { description: "The order's state in the cards API's words" },
);
const Phase = Type.Enum(
  [
    "awaiting_approval",
    "awaiting_payment",
    "processing",
    "ready",
    "failed",
    "refunded",
    "rejected",
    "expired",
  ],
  { description: `What to act on. Nothing changes any more after ${FINAL_PHASES.join(", ")}` },
);
const PaymentAsset = Type.Enum(["usdc", "xlm", "usdc_soroban", "xlm_soroban"], {
  description: "The `_soroban` forms once a payment is known",
});

const SorobanPayment = Type.Object(
  {
    type: Type.Literal("soroban_contract"),
    contract_id: Type.String(),
    order_id: Type.String({
      description: "Argument of the contract call, as the UTF-8 bytes of this text",
    }),
    usdc: Type.Object({ amount: Decimal("Exactly this much"), asset: Type.String() }),
    xlm: Type.Optional(Type.Object({ amount: Decimal("Exactly this much"), expires_at: Instant })),
    xlm_unavailable: Type.Optional(
      Type.String({ description: "Why XLM is not offered for this order" }),
    ),
    network_passphrase: Type.String(),
  },
  { description: "Call `pay_usdc` or `pay_xlm` of the contract: from, amount, order_id" },
);

const PaymentOptions = Type.Array(
  Type.Object(
    { type: Type.String({ description: "Names the form of the other members" }) },
    { additionalProperties: Type.Unknown() },
  ),
  { description: "Every way to pay; any one of them pays the order" },
);

const Budget = Type.Object({
  spent_usdc: Decimal("Delivered orders"),
  in_flight_usdc: Decimal("Orders that may still be delivered"),
  committed_usdc: Decimal("Both"),
  limit_usdc: Type.Union([Decimal("The key's limit"), Type.Null()]),
  remaining_usdc: Type.Union([Decimal("Never below zero; null without a limit"), Type.Null()]),
});

export const NewOrder = Type.Object(
  {
    amount_usdc: Type.String({
      description: "Face value of the card: a plain decimal with at most two fraction digits",
      pattern: "^\\d{1,12}(\\.\\d{1,2})?$",
      examples: ["10.00"],
    }),
    webhook_url: Type.Optional(
      Type.String({
        description: "Where the outcome is posted: https and a public address",
        maxLength: MAX_WEBHOOK_URL_CHARACTERS,
      }),
    ),
    metadata: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: `Given back with the order; at most ${MAX_METADATA_BYTES} bytes as JSON`,
      }),
    ),
    note: Type.Optional(Type.String({ description: "For the owner, when approval is needed" })),
  },
  { description: "Unknown members are ignored" },
);
export type NewOrder = Static<typeof NewOrder>;

export const CreatedOrder = Type.Object({
  order_id: Type.String(),
  status: Status,
  phase: Phase,
  amount_usdc: Decimal("Face value"),
  payment: SorobanPayment,
  payment_options: PaymentOptions,
  poll_url: Type.String(),
  expires_at: Instant,
  budget: Budget,
});

const Card = Type.Object({
  number: Type.String(),
  cvv: Type.String(),
  expiry: Type.String({ description: "MM/YY" }),
  brand: Type.String(),
});

const Refund = Type.Object({
  stellar_txid: Type.String(),
  rail: Type.String(),
  tx_id: Type.String(),
  amount: Decimal("In the asset that was paid"),
  asset: Type.String(),
});

export const OrderStatusView = Type.Object({
  order_id: Type.String(),
  status: Status,
  phase: Phase,
  amount_usdc: Decimal("Face value"),
  payment_asset: PaymentAsset,
  created_at: Instant,
  updated_at: Instant,
  payment: Type.Optional(SorobanPayment),
  payment_options: Type.Optional(PaymentOptions),
  expires_at: Type.Optional(Instant),
  card: Type.Optional(Card),
  error: Type.Optional(Type.String()),
  note: Type.Optional(Type.String()),
  refund: Type.Optional(Refund),
  metadata: Type.Optional(Plain),
});

export const OrderPath = Type.Object({ id: Type.String({ description: "The order's id" }) });
export type OrderPath = Static<typeof OrderPath>;

/** Ids are checked against this before the database is asked. */
export const ORDER_ID = /^[A-Za-z0-9_-]{1,64}$/;

const Since = (what: string) =>
  Type.String({ description: `${what} at or after this ISO 8601 instant, any offset` });

export const ListQuery = Type.Object({
  status: Type.Optional(Type.String({ description: "Only orders with this status" })),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: DEFAULT_LIST_LIMIT,
      description: `How many; more than ${MAX_LIST_LIMIT} gives ${MAX_LIST_LIMIT}`,
    }),
  ),
  offset: Type.Optional(Type.Integer({ minimum: 0, default: 0, description: "How many to skip" })),
  since_created_at: Type.Optional(Since("Created")),
  since_updated_at: Type.Optional(Since("Changed")),
});
export type ListQuery = Static<typeof ListQuery>;

export const OrderList = Type.Array(
  Type.Object({
    id: Type.String(),
    status: Status,
    amount_usdc: Decimal("Face value"),
    payment_asset: PaymentAsset,
    created_at: Instant,
    updated_at: Instant,
  }),
  { description: "Newest first" },
);

const Tally = Type.Integer({ minimum: 0 });

export const Usage = Type.Object({
  api_key_id: Type.String(),
  label: Type.Union([Type.String(), Type.Null()]),
  budget: Budget,
  orders: Type.Object({
    total: Tally,
    delivered: Tally,
    failed: Tally,
    refunded: Tally,
    expired: Tally,
    rejected: Tally,
    in_progress: Tally,
  }),
});

const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

const watcher = {
  last_ledger: OrNull(Tally),
  last_ledger_at: OrNull(Instant),
  age_seconds: OrNull(
    Type.Integer({ minimum: 0, description: "Since the last successful poll, payments or not" }),
  ),
  stalled: Type.Boolean(),
  max_age_seconds: Tally,
};

export const ShopStatus = Type.Object({
  ok: Type.Boolean(),
  frozen: Type.Boolean({ description: "New orders get 503" }),
  consecutive_failures: Tally,
  orders: Type.Object({ pending_payment: Tally, in_progress: Tally, refund_pending: Tally }),
  last_24h: Type.Object({
    total: Tally,
    delivered: Tally,
    failed: Tally,
    refunded: Tally,
    expired: Tally,
    success_rate: OrNull(Type.Number({ minimum: 0, maximum: 1 })),
  }),
  stellar_watcher: OrNull(Type.Object({ ...watcher, dead_letter_24h: Tally })),
  webhooks: Type.Object({ failed_permanent_24h: Tally }),
  sse: Type.Object({ total: Tally, unique_keys: Tally }),
  process: Type.Object({ uptime_seconds: Tally, started_at: Instant }),
  rails: Type.Array(
    Type.Object({
      id: Type.String(),
      kind: Type.String(),
      ...watcher,
      gap: OrNull(Type.String({ description: "Why the watcher cannot go on" })),
    }),
  ),
  suppliers: Type.Array(
    Type.Object({
      id: Type.String(),
      breaker: Type.Enum(["closed", "open", "half_open"]),
      consecutive_failures: Tally,
      available: Type.Boolean(),
    }),
  ),
  jobs: Type.Object({ waiting: Tally, dead: Tally }),
  generated_at: Instant,
});
export type ShopStatus = Static<typeof ShopStatus>;

export const Alive = Type.Object({ ok: Type.Boolean() });
export const Readiness = Type.Object({
  ok: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: "What is missing; empty when ready" }),
});
export const Version = Type.Object({
  service: Type.String(),
  version: Type.String(),
  hmac_protocol: Type.String(),
  features: Type.Array(Type.String()),
});

export const ErrorAnswer = Type.Object(
  {
    error: Type.Enum(Object.keys(REFUSALS) as ErrorCode[], { description: "Branch on this" }),
    message: Type.String({ description: "For people" }),
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String(),
    retryable: Type.Boolean({ description: "The same request may succeed later, unchanged" }),
    retry_after_s: Type.Optional(Type.Integer({ minimum: 0 })),
    request_id: Type.String(),
    docs: Type.String(),
  },
  {
    description: "Problem details (RFC 9457) that also carry the v1 members `error` and `message`",
  },
);
