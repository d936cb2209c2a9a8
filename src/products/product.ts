import { assert } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import { readPlanRequest, type PlanFacts, type Plans } from "./plan.ts";

/** The secret result of a fulfilment by field name; every field is sealed at rest. */
export type Goods = Readonly<Record<string, string>>;

/** What the owner of an order reads: the goods, and what is made of them. Null: there is none. */
export type GoodsView = Readonly<Record<string, string | null>>;

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
  /**
   * Reads the wire's own fields (`{ amount_usdc: "10.00" }`); null when they do not name a piece of this
   * product that can be ordered. `plans`: what is on sale by name now; `NO_PLANS` where nothing is.
   */
  read(fields: Readonly<Record<string, unknown>>, plans: Plans): ProductRequest | null;
  /** From final payment to delivery; after it the buyer is refunded. */
  readonly deadlineMs: number;
  /** Names of the goods' fields, all required and none empty: what a supplier brings and the vault seals. */
  readonly goodsFields: readonly string[];
  /** Names of the fields that `view` answers with. */
  readonly viewFields: readonly string[];
  /** The goods as their owner reads them. Made anew at every read, so that only `goods` is ever stored. */
  view(goods: Goods): Promise<GoodsView>;
}

/** One piece of a product, as suppliers compare their offers with it. */
export type Piece =
  | { readonly kind: "face"; readonly faceUsdMicro: bigint }
  | { readonly kind: "plan"; readonly planId: string; readonly facts: PlanFacts };

/** The piece that a stored request names. */
export function pieceOf(request: JsonObject): Piece {
  const plan = readPlanRequest(request);
  if (plan !== null) return { kind: "plan", ...plan };
  const face = request["faceUsdMicro"];
  assert(typeof face === "string", "a stored request names neither a plan nor a face value");
  return { kind: "face", faceUsdMicro: BigInt(face) };
}
