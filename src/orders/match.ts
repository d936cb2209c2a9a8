import type { Order, QuoteLeg } from "./order.ts";

/** A deposit as far as matching looks at it. */
export interface MatchableDeposit {
  readonly assetId: string;
  readonly atomic: bigint;
  /** When the payer paid: by the chain's own clock, or when the promise that it carried out was presented. */
  readonly paidAtMs: number;
  /** How far below the price it may be, USD with 6 decimals; 0n where amounts are exact. */
  readonly toleranceUsdMicro: bigint;
}

export type Match =
  | {
      readonly kind: "accepted";
      /** What the order costs in the deposit's asset: the quoted price, or a little less. */
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
 * | expired                  | after the window                         | paid_late     |
 * | not waiting for payment  |                                          | order_closed  |
 * | waiting for payment      | after the window                         | paid_late     |
 * |                          | in an asset that was not quoted          | wrong_asset   |
 * |                          | after the asset's quote ended            | paid_late     |
 * |                          | less than the price minus the tolerance  | underpaid     |
 * |                          | anything else                            | accepted      |
 *
 * What is accepted below the quoted price is the price from then on: it is what a refund sends back, and the
 * rest is our cost.
 */
export function matchDeposit(order: Order | null, deposit: MatchableDeposit): Match {
  if (order === null) return { kind: "unmatched", reason: "order_unknown" };
  if (order.payment !== null) return { kind: "unmatched", reason: "duplicate" };
  const isLate = deposit.paidAtMs > order.windowClosesAtMs;
  if (order.state !== "awaiting_payment" && order.state !== "confirming") {
    const reason = order.state === "expired" && isLate ? "paid_late" : "order_closed";
    return { kind: "unmatched", reason };
  }
  if (isLate) return { kind: "unmatched", reason: "paid_late" };
  const leg = order.quote.legs.find((candidate) => candidate.assetId === deposit.assetId);
  if (leg === undefined) return { kind: "unmatched", reason: "wrong_asset" };
  if (deposit.paidAtMs > leg.expiresAtMs) return { kind: "unmatched", reason: "paid_late" };
  const quotedAtomic = BigInt(leg.atomic);
  if (deposit.atomic < quotedAtomic - shortfallAllowed(order, leg, deposit.toleranceUsdMicro))
    return { kind: "unmatched", reason: "underpaid" };
  if (deposit.atomic <= quotedAtomic)
    return { kind: "accepted", priceAtomic: deposit.atomic, excessAtomic: 0n };
  const excessAtomic = deposit.atomic - quotedAtomic;
  return { kind: "accepted", priceAtomic: quotedAtomic, excessAtomic };
}

/** A tenth of the price at most, or a cheap order could be paid with next to nothing. */
const MAX_TOLERANCE_SHARE = 10n;

/** The tolerance in the leg's base units, rounded down; 0n when the price is nothing. */
function shortfallAllowed(order: Order, leg: QuoteLeg, toleranceUsdMicro: bigint): bigint {
  const { priceUsdMicro } = order;
  if (priceUsdMicro <= 0n) return 0n;
  const most = priceUsdMicro / MAX_TOLERANCE_SHARE;
  const allowed = toleranceUsdMicro < most ? toleranceUsdMicro : most;
  return (BigInt(leg.atomic) * allowed) / priceUsdMicro;
}
