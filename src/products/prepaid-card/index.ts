import { parseDecimal, USD } from "../../money.ts";
import type { Product } from "../product.ts";

/** Cents: a face value with a finer fraction is not a card. */
const CENT_USD_MICRO = 10_000n;

const FIELDS = ["number", "cvv", "expiry", "brand"] as const;

/** A virtual prepaid card of a face value in US dollars; its price is its face value. */
export const prepaidCard = {
  id: "prepaid-card",
  // Stage 1 and 2 together take 27 s in the median and below 75 s in 99 of 100 purchases.
  deadlineMs: 90_000,
  goodsFields: FIELDS,
  viewFields: FIELDS,
  read: ({ amount_usdc: amount }) => {
    const face = typeof amount === "string" ? parseDecimal(amount, USD.decimals) : null;
    if (face === null || face <= 0n || face % CENT_USD_MICRO !== 0n) return null;
    return { request: { faceUsdMicro: face.toString() }, priceUsdMicro: face };
  },
  view: (goods) => Promise.resolve(goods),
} satisfies Product;
