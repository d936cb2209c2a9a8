import { Type, type Static, type TSchema } from "typebox";
import { MAX_METADATA_BYTES } from "./schemas.ts";

/** What the x402 API takes and gives; see `schemas.ts`. */

const MAX_WEBHOOK_URL_CHARACTERS = 2048;
const MAX_TEXT = 256;

const Instant = Type.String({ description: "ISO 8601 UTC with milliseconds" });
const OrNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);
const Plain = Type.Record(Type.String(), Type.Unknown());
const Text = (description: string) => Type.String({ description, maxLength: MAX_TEXT });

export const X402NewOrder = Type.Object(
  {
    plan_id: Type.Optional(Text("A plan of `GET /api/v1/x402/plans`")),
    product: Type.Optional(
      Type.Enum(["travel-esim", "prepaid-card"], {
        description:
          "`travel-esim` with `plan_id` (the default), or `prepaid-card` with `amount_usdc`",
      }),
    ),
    amount_usdc: Type.Optional(
      Type.String({
        description: "Face value of a card: a plain decimal with at most two fraction digits",
        pattern: "^\\d{1,12}(\\.\\d{1,2})?$",
        examples: ["10.00"],
      }),
    ),
    quantity: Type.Optional(
      Type.Literal(1, {
        description: "One piece per order: what is wanted twice is ordered twice",
      }),
    ),
    rail: Type.Optional(Text("Only this rail or network: `eip155:137/x402`, `eip155:137`")),
    asset: Type.Optional(Text("Only this asset: `USDC`")),
    refund_address: Type.Optional(
      Text(
        "Where a refund may go that can not go back to the payer; on the network that is paid on",
      ),
    ),
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
    client_ref: Type.Optional(
      Text("Random text, made once per intended purchase and kept across its retries"),
    ),
  },
  { description: "Unknown members are ignored" },
);
export type X402NewOrder = Static<typeof X402NewOrder>;

const Price = Type.Object({ amount: Type.String(), currency: Type.Literal("USD") });

const Status = Type.Enum(
  ["NEW", "PENDING_PAYMENT", "PAID", "PROVISIONING", "DELIVERED", "EXPIRED", "REFUNDED"],
  { description: "Nothing changes any more after DELIVERED, EXPIRED, REFUNDED" },
);

const Deposits = Type.Array(
  Type.Object({ type: Type.String({ description: "Names the form of the other members" }) }),
  { description: "The ways to pay without x402; any one of them pays the order" },
);

const TermsV1 = Type.Object({
  scheme: Type.String(),
  network: Type.String(),
  maxAmountRequired: Type.String(),
  resource: Type.String(),
  description: Type.String(),
  mimeType: Type.String(),
  outputSchema: OrNull(Plain),
  payTo: Type.String(),
  maxTimeoutSeconds: Type.Integer(),
  asset: Type.String(),
  extra: Plain,
});

export const X402ChallengeBody = Type.Object(
  {
    x402Version: Type.Literal(1),
    error: Type.String({ description: "`payment_required`, or why a payment was not taken" }),
    accepts: Type.Array(TermsV1, { description: "Version 1; version 2 is in `PAYMENT-REQUIRED`" }),
    order_id: Type.String(),
    status: Status,
    access_token: Type.Optional(Type.String({ description: "Reads the goods; keep it" })),
    status_url: Type.String(),
    pay_url: Type.String(),
    price: Price,
    expires_at: Instant,
    deposits: Deposits,
  },
  { description: "The order is stored; it waits for its payment" },
);

const Payment = Type.Object({
  state: Type.Enum(["none", "seen", "final"], {
    description: "`seen`: promised or on chain and not final; wait, do not pay again",
  }),
  rail: OrNull(Type.String()),
  asset: OrNull(Type.String()),
  tx_id: OrNull(Type.String()),
  paid: OrNull(Type.String()),
  confirmations: OrNull(Type.Integer({ minimum: 0 })),
  required: OrNull(
    Type.Integer({ minimum: 1, description: "Null: the chain itself says when it is final" }),
  ),
});

const Refund = Type.Object({
  reason: Type.Enum(["excess", "fulfilment_failed", "late"]),
  state: Type.Enum(["due", "sent", "final", "held"]),
  amount: Type.String(),
  asset: Type.String(),
  rail: Type.String(),
  tx_id: OrNull(Type.String()),
});

const Esim = Type.Object({
  iccid: Type.String(),
  activation_code: Type.String({ description: "Works once; whoever has it can install the eSIM" }),
  smdp_address: Type.String(),
  matching_id: Type.String(),
  confirmation_code: OrNull(Type.String()),
  qr_svg: Type.String(),
  qr_png: Type.String({ description: "A data URL" }),
  ios_install_url: Type.String(),
  android_install_url: Type.String(),
  apn: Type.String(),
  data_bytes: Type.Integer(),
  validity_days: Type.Integer(),
  validity_starts: Type.String(),
  install_before: Type.String(),
  countries: Type.Array(Type.String()),
});

const Card = Type.Object({
  number: Type.String(),
  cvv: Type.String(),
  expiry: Type.String(),
  brand: Type.String(),
});

const order = {
  order_id: Type.String(),
  status: Status,
  product: Type.String(),
  plan_id: OrNull(Type.String()),
  price: Price,
  payment: Payment,
  refunds: Type.Array(Refund),
  esim: Type.Optional(Esim),
  card: Type.Optional(Card),
  error: OrNull(Type.String()),
  status_url: Type.String(),
  pay_url: Type.String(),
  created_at: Instant,
  updated_at: Instant,
  expires_at: Instant,
  metadata: Type.Optional(Plain),
};

export const X402Order = Type.Object(order, {
  description: "Goods are shown to the owner alone: by the order's access token, or its API key",
});
export const X402PaidBody = Type.Object(
  { ...order, access_token: Type.Optional(Type.String()) },
  { description: "The order is paid, or being paid: do not pay again" },
);

export const PlanQuery = Type.Object({
  country: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z]{2}$",
      description: "ISO 3166-1 alpha-2: only plans that work there",
    }),
  ),
  min_data_mb: Type.Optional(
    Type.Integer({ minimum: 1, description: "Only plans with at least so many MiB" }),
  ),
});
export type PlanQuery = Static<typeof PlanQuery>;

export const Plans = Type.Object({
  plans: Type.Array(
    Type.Object({
      plan_id: Type.String(),
      countries: Type.Array(Type.String()),
      data_bytes: Type.Integer(),
      validity_days: Type.Integer(),
      validity_starts: Type.Enum(["install", "first_network"]),
      price: Price,
    }),
    { description: "The cheapest first" },
  ),
});

export const Discovery = Type.Object({
  version: Type.Literal(1),
  x402Version: Type.Literal(2),
  resources: Type.Array(Type.String()),
  networks: Type.Array(
    Type.Object({
      network: Type.String(),
      rail: Type.String(),
      scheme: Type.String(),
      assets: Type.Array(Type.String()),
    }),
  ),
  catalogue: Type.String(),
  openapi: Type.String(),
  instructions: Type.String(),
});

export const HookAnswer = Type.Object({ ok: Type.Literal(true) });
export const SupplierPath = Type.Object({ id: Type.String({ maxLength: 64 }) });
export type SupplierPath = Static<typeof SupplierPath>;
