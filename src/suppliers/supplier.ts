import type { JsonObject } from "../json.ts";
import type { Outcome } from "../outcome.ts";
import type { PlanFacts } from "../products/plan.ts";
import type { Goods } from "../products/product.ts";

/**
 * What a supplier does with a repeated reference, which decides what we may do after a lost answer:
 * `dedupes`: the same reference is the same purchase, so sending it again is safe ·
 * `lookup`: find it first, send again only when it certainly does not exist ·
 * `blind`: neither; hold until a person or the supplier's list decides.
 */
export type Placement = "dedupes" | "lookup" | "blind";

/** What a supplier can sell now. Money is USD with 6 decimals. */
export type Offer = FaceOffer | PlanOffer;

interface OfferTerms {
  readonly product: string;
  /** Pieces; null when the supplier does not say. */
  readonly stock: number | null;
  readonly balanceUsdMicro: bigint | null;
}

/** Any face value of a range. */
export interface FaceOffer extends OfferTerms {
  readonly kind: "face";
  readonly minFaceUsdMicro: bigint;
  readonly maxFaceUsdMicro: bigint;
  /** Cost of one piece: fixed part plus parts per 10,000 of the face value. */
  readonly feeUsdMicro: bigint;
  readonly costBps: bigint;
}

/** One plan at a fixed cost. */
export interface PlanOffer extends OfferTerms {
  readonly kind: "plan";
  /** `planIdOf(facts)` */
  readonly planId: string;
  readonly facts: PlanFacts;
  readonly costUsdMicro: bigint;
}

export interface StageInput {
  /** The idempotency key sent to the supplier: the same attempt is the same purchase. */
  readonly attemptId: string;
  readonly product: string;
  /** As the product validated it. */
  readonly request: JsonObject;
  /** `state` of the stage before; empty for the first. Plain data, no secrets. */
  readonly previous: JsonObject;
  /** The most that the purchase may cost; USD with 6 decimals. A supplier that takes a limit is given it. */
  readonly maxCostUsdMicro: bigint;
  /** When the attempt was stored, which is before anything was sent; milliseconds since 1970 UTC. */
  readonly startedAtMs: number;
  readonly signal: AbortSignal;
}

/** `goods` is sealed by the caller at once; `state` is stored plain, for the next stage and the operator. */
export interface StageOutput {
  readonly goods: Goods | null;
  readonly state: JsonObject;
  /** What the purchase cost, once known; USD with 6 decimals. */
  readonly costUsdMicro: bigint | null;
}

/**
 * One step of a purchase; its result is stored before the next runs. The first stage buys. Every later
 * stage is repeatable: it reads first and acts only if needed.
 */
export interface Stage {
  readonly name: string;
  readonly timeoutMs: number;
  /**
   * Pauses before each further try after a retryable failure (later stages: after `unknown` too); as many as
   * there are, and none past the buyer's deadline.
   */
  readonly retryPausesMs: readonly number[];
  run(input: StageInput): Promise<Outcome<StageOutput>>;
}

export interface SupplierHint {
  readonly attemptId: string;
}

/** A wholesaler we buy goods from. It runs stages; it never sees payments, refunds or the database. */
export interface Supplier {
  readonly id: string;
  readonly products: readonly string[];
  readonly placement: Placement;
  /** After this long, "not found" means that the purchase does not exist and never will. */
  readonly lookupWindowMs: number;
  readonly stages: readonly [Stage, ...Stage[]];
  /**
   * What became of the buying stage of an attempt whose answer was lost: its output, `failed` when the
   * supplier refused it, done(null) when the supplier never saw it.
   */
  find(input: StageInput): Promise<Outcome<StageOutput | null>>;
  /**
   * Gives back what was bought and will not be delivered, as far as the supplier still allows: done says that
   * it costs nothing any more, `failed` for good that it is ours to keep. Absent: never.
   * @param state What the last stage stored.
   */
  cancel?(state: JsonObject, signal: AbortSignal): Promise<Outcome<null>>;
  /**
   * The attempt that a call of the supplier to us is about; null when it is about none. Anybody may send one,
   * so it is a reason to look now and nothing else.
   */
  readHint?(body: unknown): SupplierHint | null;
  /** Read-only: what can be bought now. Also the probe that half-opens a breaker. */
  offers(signal: AbortSignal): Promise<Outcome<readonly Offer[]>>;
}
