import type { JsonObject } from "../json.ts";

/** The secret result of a fulfilment by field name; every field is sealed at rest. */
export type Goods = Readonly<Record<string, string>>;

/** What a buyer asked for, as the product understood it. */
export interface ProductRequest {
  /** Stored with the order and given to suppliers: `{ "faceUsdMicro": "10000000" }` for a card. */
  readonly request: JsonObject;
  /** USD with 6 decimals. */
  readonly priceUsdMicro: bigint;
}

/** A kind of digital goods: what a buyer asks for, what it costs, what comes back. Pure; no I/O. */
export interface Product {
  readonly id: string;
  /** Reads the wire's own fields (`{ amount_usdc: "10.00" }`); null when they do not name a piece of this product. */
  read(fields: Readonly<Record<string, unknown>>): ProductRequest | null;
  /** From final payment to delivery; after it the buyer is refunded. */
  readonly deadlineMs: number;
  /** Names of the goods' fields, all required; the product contract suite compares with the wire shape. */
  readonly goodsFields: readonly string[];
}
