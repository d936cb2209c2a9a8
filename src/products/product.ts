import type { JsonObject } from "../json.ts";

/** The secret result of a fulfilment by field name; every field is sealed at rest. */
export type Goods = Readonly<Record<string, string>>;

/** A kind of digital goods: what a buyer asks for, what it costs, what comes back. Pure; no I/O. */
export interface Product {
  readonly id: string;
  /** USD with 6 decimals; null when the request is not one this product can serve. */
  priceUsdMicro(request: JsonObject): bigint | null;
  /** From final payment to delivery; after it the buyer is refunded. */
  readonly deadlineMs: number;
  /** Names of the goods' fields, all required; the product contract suite compares with the wire shape. */
  readonly goodsFields: readonly string[];
}
