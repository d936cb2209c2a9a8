import { unreachable } from "../errors.ts";
import { mulDivCeil } from "../money.ts";
import type { Piece } from "../products/product.ts";
import { mayBuy, type Breaker } from "./breaker.ts";
import type { Offer } from "./supplier.ts";

/** What is known of one supplier when an order needs one. */
export interface Candidate {
  readonly supplierId: string;
  /** From the last read; null when there is none to trust. */
  readonly offers: readonly Offer[] | null;
  readonly breaker: Breaker;
}

/** What is to be bought. Money is USD with 6 decimals. */
export interface Wish {
  readonly product: string;
  readonly piece: Piece;
  /** The most that a piece may cost, fees included. */
  readonly maxCostUsdMicro: bigint;
  /** Suppliers that have refused this order already. */
  readonly rejectedBy: readonly string[];
}

/** Why a supplier was taken or passed over; of several obstacles the first in this order. */
export type Verdict =
  | "chosen"
  | "ranked_lower" // could serve; another is cheaper, or as cheap and steadier
  | "offers_unknown"
  | "product_not_offered"
  | "face_out_of_range"
  | "plan_not_offered"
  | "out_of_stock"
  | "cost_above_ceiling"
  | "balance_too_low"
  | "breaker_open"
  | "already_rejected";

/** One line of a choice: plain JSON, so that it is stored with the attempt as it is. */
export type Judged = {
  readonly supplier: string;
  readonly verdict: Verdict;
  /** USD with 6 decimals; null when there is no offer for the wish. */
  readonly costUsdMicro: string | null;
};

export interface Choice {
  /** Null when nobody can serve the wish now. */
  readonly supplierId: string | null;
  /** Every candidate, in the order given. */
  readonly candidates: readonly Judged[];
}

/**
 * Picks the supplier to buy from: the cheapest that can serve the wish, among equals the one with fewer
 * faults in a row, then the one listed first. A half-open supplier competes like any other: the order that
 * finds it cheapest is its trial.
 */
export function chooseSupplier(wish: Wish, candidates: readonly Candidate[]): Choice {
  const judged = candidates.map((candidate) => judge(wish, candidate));
  const best = judged
    .filter((line) => line.verdict === null)
    .toSorted((a, b) => compare(a.costUsdMicro ?? 0n, b.costUsdMicro ?? 0n) || a.faults - b.faults)
    .at(0);
  return {
    supplierId: best?.supplierId ?? null,
    candidates: judged.map((line) => ({
      supplier: line.supplierId,
      verdict: line.verdict ?? (line === best ? "chosen" : "ranked_lower"),
      costUsdMicro: line.costUsdMicro?.toString() ?? null,
    })),
  };
}

/** Cost of the piece at an offer, rounded up, USD with 6 decimals; null when the offer does not cover it. */
export function offerCostUsdMicro(offer: Offer, piece: Piece): bigint | null {
  switch (offer.kind) {
    case "face": {
      if (piece.kind !== "face") return null;
      const { faceUsdMicro: face } = piece;
      if (face < offer.minFaceUsdMicro || offer.maxFaceUsdMicro < face) return null;
      return offer.feeUsdMicro + mulDivCeil(face, offer.costBps, 10_000n);
    }
    case "plan":
      return piece.kind === "plan" && piece.planId === offer.planId ? offer.costUsdMicro : null;
    default:
      return unreachable(offer);
  }
}

interface JudgedCandidate {
  readonly supplierId: string;
  /** Null: it can serve the wish. */
  readonly verdict: Verdict | null;
  readonly costUsdMicro: bigint | null;
  readonly faults: number;
}

function judge(wish: Wish, candidate: Candidate): JudgedCandidate {
  const { supplierId, offers, breaker } = candidate;
  const line = { supplierId, costUsdMicro: null, faults: breaker.consecutiveFaults };
  if (offers === null) return { ...line, verdict: "offers_unknown" };
  const ofProduct = offers.filter((offer) => offer.product === wish.product);
  if (ofProduct.length === 0) return { ...line, verdict: "product_not_offered" };
  const best = ofProduct
    .flatMap((offer) => priced(offer, wish.piece))
    .toSorted(comparePriced)
    .at(0);
  if (best === undefined) {
    return {
      ...line,
      verdict: wish.piece.kind === "face" ? "face_out_of_range" : "plan_not_offered",
    };
  }
  const verdict = obstacle(wish, best) ?? blocked(wish, candidate);
  return { ...line, costUsdMicro: best.costUsdMicro, verdict };
}

/** An offer with what the wished piece costs there. */
interface Priced {
  readonly offer: Offer;
  readonly costUsdMicro: bigint;
}

/** None when the offer does not cover the piece. */
function priced(offer: Offer, piece: Piece): readonly Priced[] {
  const costUsdMicro = offerCostUsdMicro(offer, piece);
  return costUsdMicro === null ? [] : [{ offer, costUsdMicro }];
}

/** Offers with stock first, then the cheaper. */
function comparePriced(a: Priced, b: Priced): number {
  return (
    Number(isOutOfStock(a.offer)) - Number(isOutOfStock(b.offer)) ||
    compare(a.costUsdMicro, b.costUsdMicro)
  );
}

function obstacle(wish: Wish, { offer, costUsdMicro }: Priced): Verdict | null {
  if (isOutOfStock(offer)) return "out_of_stock";
  if (costUsdMicro > wish.maxCostUsdMicro) return "cost_above_ceiling";
  if (offer.balanceUsdMicro !== null && offer.balanceUsdMicro < costUsdMicro) {
    return "balance_too_low";
  }
  return null;
}

function blocked(wish: Wish, candidate: Candidate): Verdict | null {
  if (!mayBuy(candidate.breaker)) return "breaker_open";
  return wish.rejectedBy.includes(candidate.supplierId) ? "already_rejected" : null;
}

function isOutOfStock(offer: Offer): boolean {
  return offer.stock !== null && offer.stock < 1;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
