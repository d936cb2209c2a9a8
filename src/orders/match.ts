import type { Order } from "./order.ts";

/** A deposit as far as matching looks at it. */
export interface MatchableDeposit {
  readonly assetId: string;
  readonly atomic: bigint;
  /** By the chain's own clock. */
  readonly chainTimeMs: number;
}

export type Match =
  | {
      readonly kind: "accepted";
      /** The quoted price in the deposit's asset. */
      readonly priceAtomic: bigint;
      /** What was paid over the price; 0n when exact. */
      readonly excessAtomic: bigint;
    }
  | {
      readonly kind: "unmatched";
      readonly reason:
        | "order_unknown"
        | "paid_late"
        | "underpaid"
        | "wrong_asset"
        | "duplicate"
        | "order_closed";
    };

/**
 * Whether a deposit pays an order. The first rule that applies wins:
 *
 * | order                    | deposit                                  | answer        |
 * |--------------------------|------------------------------------------|---------------|
 * | none                     |                                          | order_unknown |
 * | has a payment            |                                          | duplicate     |
 * | expired                  | after the window, by chain time          | paid_late     |
 * | not awaiting payment     |                                          | order_closed  |
 * | awaiting payment         | after the window, by chain time          | paid_late     |
 * |                          | in an asset that was not quoted          | wrong_asset   |
 * |                          | after the asset's quote ended            | paid_late     |
 * |                          | less than the quoted price               | underpaid     |
 * |                          | the quoted price or more                 | accepted      |
 *
 * Amounts on a contract rail are exact, so there is no tolerance here.
 */
export function matchDeposit(order: Order | null, deposit: MatchableDeposit): Match {
  if (order === null) return { kind: "unmatched", reason: "order_unknown" };
  if (order.payment !== null) return { kind: "unmatched", reason: "duplicate" };
  const isLate = deposit.chainTimeMs > order.windowClosesAtMs;
  if (order.state !== "awaiting_payment") {
    const reason = order.state === "expired" && isLate ? "paid_late" : "order_closed";
    return { kind: "unmatched", reason };
  }
  if (isLate) return { kind: "unmatched", reason: "paid_late" };
  const leg = order.quote.legs.find((candidate) => candidate.assetId === deposit.assetId);
  if (leg === undefined) return { kind: "unmatched", reason: "wrong_asset" };
  if (deposit.chainTimeMs > leg.expiresAtMs) return { kind: "unmatched", reason: "paid_late" };
  const priceAtomic = BigInt(leg.atomic);
  if (deposit.atomic < priceAtomic) return { kind: "unmatched", reason: "underpaid" };
  return { kind: "accepted", priceAtomic, excessAtomic: deposit.atomic - priceAtomic };
}
