import type { Json, JsonObject } from "../json.ts";
import type { OrderState } from "../orders/lifecycle.ts";
import type { Payment } from "../orders/order.ts";
import type { PayoutCause } from "../treasury/ledger.ts";

/**
 * The rows of the database, as the handles of `tx.ts` read and write them. Column types are those that SQLite and Postgres share: ids TEXT, amounts TEXT
 * of base units, times INTEGER milliseconds (bigint in Postgres), JSON TEXT, flags 0/1.
 */

export interface ApiKeyRow {
  readonly id: string;
  /** HMAC-SHA-256 of the key with the server's pepper, hex. Unique. */
  readonly hash: string;
  readonly label: string | null;
  /** USD with 6 decimals; null is no limit. */
  readonly limitUsdMicro: bigint | null;
  /** Settled: delivered orders. */
  readonly spentUsdMicro: bigint;
  /** Reserved: orders that may still be delivered. */
  readonly inFlightUsdMicro: bigint;
  /** Orders per hour; null is the server's default. */
  readonly ordersPerHour: number | null;
  readonly isSuspended: boolean;
  readonly expiresAtMs: number | null;
  readonly createdAtMs: number;
}

/** What `advanceOrder` and its callers may change besides state and seq. Absent members stay. */
export interface OrderChanges {
  readonly payment?: Payment | null;
  readonly deadlineAtMs?: number | null;
  readonly stage?: string | null;
  readonly error?: string | null;
  readonly windowClosesAtMs?: number;
}

export interface OrderFilter {
  readonly keyId: string;
  readonly states: readonly OrderState[] | null; // null: all
  readonly createdSinceMs: number | null; // inclusive
  readonly updatedSinceMs: number | null; // inclusive
  readonly limit: number;
  readonly offset: number;
}

/** Why a deposit is no order's payment. */
export type UnmatchedReason =
  | "order_unknown"
  | "paid_late"
  | "underpaid"
  | "wrong_asset"
  | "duplicate"
  | "order_closed";

/**
 * seen: in a block that may still be replaced · final · dropped: taken back by the chain before it was final ·
 * lost: taken back after it had counted as final.
 */
export type DepositState = "seen" | "final" | "dropped" | "lost";

export interface DepositRow {
  /** `railId|txId|index`: unique, so seeing a deposit twice changes nothing. */
  readonly id: string;
  readonly railId: string;
  readonly txId: string;
  readonly index: number;
  readonly orderRef: string;
  /** The order it is the payment of; null while unmatched. */
  readonly orderId: string | null;
  readonly reason: UnmatchedReason | null;
  readonly assetId: string;
  readonly symbol: string;
  readonly atomic: bigint;
  readonly from: string;
  readonly height: number;
  /** Null where blocks are never replaced. */
  readonly blockHash: string | null;
  readonly chainTimeMs: number;
  readonly seenAtMs: number;
  readonly state: DepositState;
  /** The signed promise that it carried out; null for a plain transfer. */
  readonly authorizationRef: string | null;
  /** False: what is sent back to `from` might not reach the payer. */
  readonly isPayerSafe: boolean;
}

/** What may change on a deposit when blocks are replaced, or when it becomes final. */
export type DepositChanges = Partial<Omit<DepositRow, "id" | "railId" | "txId" | "index">>;

/**
 * settling: to be carried out, or sent · settled: the chain has shown it · failed: it will not be carried out
 * (any more).
 */
export type AuthorizationState = "settling" | "settled" | "failed";

/** A payer's signed promise (x402) that was accepted for an order. At most one of an order has not failed. */
export interface AuthorizationRow {
  /** `Authorization.ref` */
  readonly ref: string;
  readonly orderId: string;
  readonly railId: string;
  readonly state: AuthorizationState;
  readonly from: string;
  readonly assetId: string;
  readonly symbol: string;
  readonly decimals: number;
  readonly atomic: bigint;
  readonly validUntilMs: number;
  /** `Authorization.body` */
  readonly body: JsonObject;
  /** The transaction it was last sent in; null before, and when nobody said. */
  readonly txId: string | null;
  /** Why it failed: an x402 reason. */
  readonly reason: string | null;
  /** When it was presented: it counts as paid in time from here, whenever the chain takes it. */
  readonly claimedAtMs: number;
  readonly updatedAtMs: number;
}

/** An event of ours that nobody could read; the alarm stays until an operator closes it. */
export interface DeadLetterRow {
  readonly id: string; // `railId|txId|index`
  readonly railId: string;
  readonly height: number;
  readonly reason: string;
  readonly raw: string;
  readonly seenAtMs: number;
}

export interface CursorRow {
  readonly railId: string;
  readonly cursor: string;
  readonly height: number;
  readonly chainTimeMs: number;
  readonly savedAtMs: number;
}

/**
 * submitting: intent stored, no answer yet · unknown: the answer was lost · accepted: bought, later stages
 * to go · rejected: certainly not bought · delivered: goods are the buyer's · stranded: bought, but the
 * buyer was or will be refunded; the goods are inventory or loss · salvaged: given back to the supplier, so
 * that it cost nothing.
 */
export type AttemptState =
  | "submitting"
  | "unknown"
  | "accepted"
  | "rejected"
  | "delivered"
  | "stranded"
  | "salvaged";

export interface AttemptRow {
  readonly id: string;
  readonly orderId: string;
  readonly supplierId: string;
  readonly state: AttemptState;
  /** Last stage whose result is stored; null before the first. */
  readonly stage: string | null;
  /** That stage's plain output. */
  readonly stageState: JsonObject;
  /** Why this supplier was chosen: the candidates with their reasons. */
  readonly choice: Json;
  readonly costUsdMicro: bigint | null;
  readonly reason: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** Sealed goods; see `vault/seal.ts`. One row per attempt. */
export interface GoodsRow {
  readonly attemptId: string;
  /** Null until delivered: goods become readable by the buyer in the transaction that delivers them. */
  readonly orderId: string | null;
  /** The sealed envelope, text; opens only with the vault and this attempt's id. */
  readonly sealed: string;
  readonly createdAtMs: number;
}

/**
 * due: owed, nothing signed alive · signed: bytes stored, sent or about to be · final: the chain has it ·
 * blocked: the payee cannot receive it; a person decides.
 */
export type PayoutState = "due" | "signed" | "final" | "blocked";

/** A refund. Unique by (deposit, cause): a deposit's money goes back once. */
export interface PayoutRow {
  readonly id: string;
  readonly depositId: string;
  readonly cause: PayoutCause;
  readonly orderId: string | null;
  readonly railId: string;
  readonly assetId: string;
  readonly atomic: bigint;
  readonly to: string;
  readonly state: PayoutState;
  /** The signed transaction that is alive or final; null while due or blocked. */
  readonly txId: string | null;
  readonly lane: string | null;
  readonly body: string | null;
  readonly validUntilMs: number | null;
  readonly signedAtHeight: number | null;
  /** Hashes of earlier signatures that the chain proved dead, oldest first. */
  readonly deadTxIds: readonly string[];
  readonly reason: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export type PayoutChanges = Partial<
  Pick<
    PayoutRow,
    | "atomic"
    | "to"
    | "txId"
    | "lane"
    | "body"
    | "validUntilMs"
    | "signedAtHeight"
    | "deadTxIds"
    | "reason"
  >
>;

/** One line of the double-entry ledger. The postings of one `entryId` and asset sum to zero. */
export interface PostingRow {
  readonly entryId: string;
  readonly account: string;
  readonly assetId: string;
  readonly atomic: bigint;
  readonly atMs: number;
}

/**
 * fulfil, refund, expire: subject is an order · payout: a payout · resolve, salvage: an attempt · settle: an
 * authorization.
 */
export type JobKind = "fulfil" | "refund" | "expire" | "payout" | "resolve" | "salvage" | "settle";

export interface JobRow {
  readonly id: number;
  readonly kind: JobKind;
  readonly subject: string;
  readonly runAtMs: number;
  /** How often it was claimed: the fencing token of the present lease. */
  readonly claims: number;
  readonly lastError: string | null;
}

export interface DeadJobRow extends JobRow {
  readonly diedAtMs: number;
}

export interface IdempotencyRow {
  readonly keyId: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly status: number;
  readonly body: string;
  readonly createdAtMs: number;
}

export interface BreakerRow {
  readonly supplierId: string;
  readonly state: "closed" | "open" | "half_open";
  readonly consecutiveFaults: number;
  readonly openedAtMs: number | null;
}
