import { Type, type Static, type TSchema } from "typebox";

/** Money is an integer: 10000 is 1.00 USD. */
const Price = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Reference = Type.String({ minLength: 1, maxLength: 64 });

/** HTTP is 200 for business errors too. The documentation calls `success` a text; it is seen as a boolean. */
export const EnvelopeSchema = Type.Object({
  success: Type.Union([Type.Boolean(), Type.Enum(["true", "false"])]),
  errorCode: Type.Optional(Type.Union([Type.Null(), Type.String({ pattern: "^[0-9]{1,6}$" })])),
  obj: Type.Optional(Type.Unknown()),
});

/** Packages are checked one by one: a strange one must not hide the others. */
export const PackageListSchema = Type.Object({
  packageList: Type.Array(Type.Unknown(), { maxItems: 20_000 }),
});

export const PackageSchema = Type.Object({
  packageCode: Type.String({ pattern: String.raw`^[\w.-]{1,64}$` }),
  price: Price,
  currencyCode: Type.String({ maxLength: 8 }),
  volume: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  duration: Type.Integer({ minimum: 1, maximum: 3_660 }),
  durationUnit: Type.String({ maxLength: 16 }),
  location: Type.String({ pattern: "^[A-Z]{2}(?:, ?[A-Z]{2})*$", maxLength: 2_000 }),
  activeType: Type.Integer(),
  dataType: Type.Integer(),
});
export type Package = Static<typeof PackageSchema>;

export const BalanceSchema = Type.Object({ balance: Type.Integer() });

export const OrderedSchema = Type.Object({ orderNo: Reference, transactionId: Reference });
export type Ordered = Static<typeof OrderedSchema>;

const Missing = Type.Union([Type.Null(), Type.String({ maxLength: 500 })]);

/** While it is being allocated a profile may lack whatever is optional here. */
const ProfileSchema = Type.Object({
  esimTranNo: Reference,
  orderNo: Reference,
  transactionId: Type.String({ maxLength: 64 }),
  esimStatus: Type.String({ maxLength: 32 }),
  smdpStatus: Type.Optional(Missing),
  iccid: Type.Optional(Missing),
  ac: Type.Optional(Missing),
  apn: Type.Optional(Missing),
  /** "2024-05-29T18:34:17+0000" */
  expiredTime: Type.Optional(Missing),
  totalVolume: Type.Optional(Type.Union([Type.Null(), Type.Integer()])),
  totalDuration: Type.Optional(Type.Union([Type.Null(), Type.Integer()])),
});
export type Profile = Static<typeof ProfileSchema>;

export const ProfilesSchema = Type.Object({
  esimList: Type.Array(ProfileSchema, { maxItems: 500 }),
  pager: Type.Object({ total: Type.Integer({ minimum: 0 }) }),
});
export type Profiles = Static<typeof ProfilesSchema>;

export const NothingSchema: TSchema = Type.Unknown();
