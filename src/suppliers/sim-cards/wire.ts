import { Type, type Static } from "typebox";

/** Money as the API writes it: "25.00". */
const Money = Type.String({ pattern: String.raw`^(0|[1-9]\d{0,8})\.\d{2}$` });
/** Fit for a path as it is. */
const Id = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" });

export const CardSchema = Type.Object({
  id: Id,
  reference: Type.String({ maxLength: 64 }),
  status: Type.Enum(["issued", "active"]),
  number: Type.String({ pattern: String.raw`^\d{12,19}$` }),
  cvv: Type.String({ pattern: String.raw`^\d{3,4}$` }),
  exp_month: Type.Integer({ minimum: 1, maximum: 12 }),
  exp_year: Type.Integer({ minimum: 2000, maximum: 2099 }),
  currency: Type.String({ maxLength: 8 }),
  face_value: Money,
  cost: Money,
});
export type Card = Static<typeof CardSchema>;

export const FoundSchema = Type.Object({
  cards: Type.Array(CardSchema, { maxItems: 20 }),
  in_progress: Type.Boolean(),
});

export type Found = Static<typeof FoundSchema>;

export const OffersSchema = Type.Object({
  offers: Type.Array(
    Type.Object({
      currency: Type.String({ maxLength: 8 }),
      min_face_value: Money,
      max_face_value: Money,
      cost_percent: Money,
      fee: Money,
      stock: Type.Integer({ minimum: 0 }),
    }),
    { maxItems: 100 },
  ),
});

export type Offers = Static<typeof OffersSchema>;

export const BalanceSchema = Type.Object({
  currency: Type.String({ maxLength: 8 }),
  available: Money,
});

export type Balance = Static<typeof BalanceSchema>;

export const HealthSchema = Type.Object({ status: Type.Literal("ok") });

/** RFC 9457 problem details; only the code is ever looked at. */
export const ProblemSchema = Type.Object({
  code: Type.String({ pattern: "^[a-z][a-z_]{0,39}$" }),
});
