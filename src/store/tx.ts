import type { Json, JsonObject } from "../json.ts";
import type { OrderState } from "../orders/lifecycle.ts";
import type { Order, OrderEventRow, Payment } from "../orders/order.ts";
import type { PayoutCause } from "../treasury/ledger.ts";

/**
 * The rows of the database and the handles that read and write them. Every method may be called many
 * times in one transaction. Column types are those that SQLite and Postgres share: ids TEXT, amounts TEXT
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

/** Reading half. Outside a transaction each call sees the last commit. */
export interface Reader {
  readonly keys: {
    byHash(hash: string): Promise<ApiKeyRow | null>;
    byId(id: string): Promise<ApiKeyRow | null>;
    all(): Promise<readonly ApiKeyRow[]>;
  };
  readonly orders: {
    byId(id: string): Promise<Order | null>;
    list(filter: OrderFilter): Promise<readonly Order[]>; // newest first
    countByState(keyId: string | null): Promise<Readonly<Partial<Record<OrderState, number>>>>; // null: all keys
    /** Those whose payment window ends at or after the instant, the first to end first. */
    payableSince(sinceMs: number): Promise<readonly Pick<Order, "id" | "windowClosesAtMs">[]>;
    /** Orders by state among those created at or after the instant. */
    countCreatedSince(sinceMs: number): Promise<Readonly<Partial<Record<OrderState, number>>>>;
  };
  readonly events: {
    /** In order, seq > afterSeq. */
    after(orderId: string, afterSeq: number): Promise<readonly OrderEventRow[]>;
  };
  readonly deposits: {
    byId(id: string): Promise<DepositRow | null>;
    ofOrder(orderRef: string): Promise<readonly DepositRow[]>;
    unmatched(limit: number): Promise<readonly DepositRow[]>; // newest first
    /** Those of a rail above the height whose block may be replaced (`blockHash` is known), in chain order. */
    above(railId: string, height: number): Promise<readonly DepositRow[]>;
    /** Those that no operator has closed, seen at or after the instant; oldest first. */
    deadLetters(sinceMs: number): Promise<readonly DeadLetterRow[]>;
  };
  readonly authorizations: {
    byRef(ref: string): Promise<AuthorizationRow | null>;
    ofOrder(orderId: string): Promise<readonly AuthorizationRow[]>; // oldest first
  };
  readonly cursors: {
    byRail(railId: string): Promise<CursorRow | null>;
    all(): Promise<readonly CursorRow[]>;
  };
  readonly attempts: {
    byId(id: string): Promise<AttemptRow | null>;
    ofOrder(orderId: string): Promise<readonly AttemptRow[]>; // oldest first
  };
  readonly goods: {
    ofAttempt(attemptId: string): Promise<GoodsRow | null>;
    /** The delivered goods of an order; null before delivery. */
    ofOrder(orderId: string): Promise<GoodsRow | null>;
  };
  readonly payouts: {
    byId(id: string): Promise<PayoutRow | null>;
    ofOrder(orderId: string): Promise<readonly PayoutRow[]>;
    ofDeposit(depositId: string): Promise<readonly PayoutRow[]>;
    list(states: readonly PayoutState[], limit: number): Promise<readonly PayoutRow[]>; // oldest first
  };
  readonly ledger: {
    /** Sum per account and asset. */
    balances(): Promise<readonly { account: string; assetId: string; atomic: bigint }[]>;
  };
  readonly jobs: {
    dead(limit: number): Promise<readonly DeadJobRow[]>;
    /** When the next unleased job of these kinds is due; null when there is none. */
    nextRunAtMs(kinds: readonly JobKind[]): Promise<number | null>;
    count(): Promise<number>;
  };
  readonly idempotency: {
    find(keyId: string, key: string): Promise<IdempotencyRow | null>;
  };
  readonly breakers: {
    bySupplier(supplierId: string): Promise<BreakerRow | null>;
    all(): Promise<readonly BreakerRow[]>;
  };
  readonly restores: {
    /** When a copy was last opened in the place of these books; null: never. */
    heldBeforeMs(): Promise<number | null>;
  };
}

/** One database transaction: the only handle that writes. */
export interface Tx extends Reader {
  readonly keys: Reader["keys"] & {
    insert(row: ApiKeyRow): Promise<void>;
    setBudget(id: string, spentUsdMicro: bigint, inFlightUsdMicro: bigint): Promise<void>;
    setSuspended(id: string, isSuspended: boolean): Promise<boolean>; // false: no such key
  };
  readonly orders: Reader["orders"] & {
    insert(order: Order): Promise<void>;
    /** Compare-and-set on state *and* seq; false means that another transaction moved it first. */
    move(
      order: Pick<Order, "id" | "state" | "seq">,
      to: OrderState,
      changes: OrderChanges,
      nowMs: number,
    ): Promise<boolean>;
  };
  readonly events: Reader["events"] & {
    /** Also announces the order to the feed once the transaction has committed. */
    insert(row: OrderEventRow): Promise<void>;
  };
  readonly deposits: Reader["deposits"] & {
    /** False when the id is already there: the deposit has been seen before. */
    insert(row: DepositRow): Promise<boolean>;
    update(id: string, changes: DepositChanges): Promise<void>;
    insertDeadLetter(row: DeadLetterRow): Promise<boolean>;
    /** An operator has dealt with it; false when it is unknown or closed. Seen again, it stays closed. */
    closeDeadLetter(id: string, nowMs: number): Promise<boolean>;
  };
  readonly authorizations: Reader["authorizations"] & {
    /** False when the ref is already there, or another one of the order has not failed. */
    insert(row: AuthorizationRow): Promise<boolean>;
    /** False when it is not in one of the states `from`, or another one of the order has not failed. */
    update(
      ref: string,
      from: readonly AuthorizationState[],
      changes: Partial<
        Pick<
          AuthorizationRow,
          "state" | "body" | "txId" | "reason" | "claimedAtMs" | "validUntilMs"
        >
      >,
      nowMs: number,
    ): Promise<boolean>;
  };
  readonly cursors: Reader["cursors"] & {
    /** Compare-and-set on the stored cursor (null: none yet); false means that another watcher moved it. */
    save(row: CursorRow, before: string | null): Promise<boolean>;
  };
  readonly attempts: Reader["attempts"] & {
    /** False when another attempt of the order is in flight (unique index over the open states). */
    insert(row: AttemptRow): Promise<boolean>;
    update(
      id: string,
      from: readonly AttemptState[],
      changes: Partial<
        Pick<AttemptRow, "state" | "stage" | "stageState" | "costUsdMicro" | "reason">
      >,
      nowMs: number,
    ): Promise<boolean>; // false: not in one of the states `from`
  };
  readonly goods: Reader["goods"] & {
    /** False when the attempt's goods are already there. */
    insert(row: GoodsRow): Promise<boolean>;
    deliver(attemptId: string, orderId: string): Promise<boolean>;
  };
  readonly payouts: Reader["payouts"] & {
    /** False when this deposit has a payout of this cause already. */
    insert(row: PayoutRow): Promise<boolean>;
    /** Compare-and-set on state; false also when the lane has another signed payout (unique index). */
    move(
      id: string,
      from: PayoutState,
      to: PayoutState,
      changes: PayoutChanges,
      nowMs: number,
    ): Promise<boolean>;
  };
  readonly ledger: Reader["ledger"] & {
    /** Refuses (assertion) postings that do not sum to zero per asset. Repeated entryId: nothing, false. */
    post(rows: readonly PostingRow[]): Promise<boolean>;
  };
  readonly jobs: Reader["jobs"] & {
    /**
     * Unique by (kind, subject): false when that job already waits or runs. One that runs is due once more
     * after its present run, which may have looked too early to see what it is asked for now.
     */
    insert(kind: JobKind, subject: string, runAtMs: number): Promise<boolean>;
    /** Due jobs whose lease is free, oldest first; leased to the caller until the given time. */
    claim(
      kinds: readonly JobKind[],
      limit: number,
      nowMs: number,
      leaseUntilMs: number,
    ): Promise<readonly JobRow[]>;
    /** Fenced by `claims`: false means that the lease was lost. Deletes the job, unless it is due once more. */
    finish(job: Pick<JobRow, "id" | "claims">): Promise<boolean>;
    retry(job: Pick<JobRow, "id" | "claims">, runAtMs: number, error: string): Promise<boolean>;
    bury(job: Pick<JobRow, "id" | "claims">, nowMs: number, error: string): Promise<boolean>;
    /** Makes a waiting job due now; no effect on a leased one. */
    hasten(kind: JobKind, subject: string, runAtMs: number): Promise<void>;
    /** Frees every lease. Only for a process that is the database's sole owner, at start. */
    releaseAll(): Promise<number>;
  };
  readonly idempotency: Reader["idempotency"] & {
    insert(row: IdempotencyRow): Promise<void>;
    remove(keyId: string, key: string): Promise<void>;
    /** Removes rows older than the instant, 5,000 at most; returns how many. Call again until it is 0. */
    prune(beforeMs: number): Promise<number>;
  };
  readonly breakers: Reader["breakers"] & {
    save(row: BreakerRow): Promise<void>;
  };
  readonly restores: Reader["restores"] & {
    /** Says that these books are a copy that was made then. */
    mark(copiedAtMs: number): Promise<void>;
    /** False: they are no copy, or one that was opened before. */
    open(nowMs: number): Promise<boolean>;
  };
}

/** What a commit tells the rest of the process: wake-ups, never the truth. */
export interface CommitNotice {
  /** Orders that got an event. */
  readonly orderIds: readonly string[];
  /** Kinds of jobs that were inserted or hastened. */
  readonly jobKinds: readonly JobKind[];
}

/** One unit of work: everything it writes commits or nothing. Input and result cross a thread: plain data and bigint. */
export type Action<Input, Result> = (tx: Tx, input: Input) => Promise<Result>;

/** A name for each action: `{ createOrder, applyDeposits, … }`. */
export type Actions = Readonly<Record<string, Action<never, unknown>>>;

type InputOf<A> = A extends Action<infer Input, unknown> ? Input : never;
type ResultOf<A> = A extends (...args: never[]) => Promise<infer Result> ? Result : never;

/** The database: SQLite or Postgres, with the actions that run in it. */
export interface Store<Known extends Actions> {
  /**
   * Runs one action in a transaction and resolves after it is durable. A `Refusal` thrown by the action
   * rolls its writes back and rejects here as a `Refusal`; anything else is a bug and rejects as one.
   * Refuses `service_temporarily_unavailable` itself, without running the action, when too many calls wait.
   */
  transact<Name extends keyof Known & string>(
    name: Name,
    input: InputOf<Known[Name]>,
  ): Promise<ResultOf<Known[Name]>>;
  readonly read: Reader;
  /** Called after each commit that changed something, in commit order. Returns the unsubscriber. */
  onCommit(listener: (notice: CommitNotice) => void): () => void;
  /** Copies the database, consistent and complete, to a new file. */
  backup(file: string, nowMs: number): Promise<void>;
  /** Finishes what is queued, then closes. */
  close(): Promise<void>;
}
