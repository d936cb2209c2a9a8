import type { OrderState } from "../orders/lifecycle.ts";
import type { Order, OrderEventRow } from "../orders/order.ts";
import type {
  ApiKeyRow,
  AttemptRow,
  AttemptState,
  AuthorizationRow,
  AuthorizationState,
  BreakerRow,
  CursorRow,
  DeadJobRow,
  DeadLetterRow,
  DepositChanges,
  DepositRow,
  GoodsRow,
  IdempotencyRow,
  JobKind,
  JobRow,
  OrderChanges,
  OrderFilter,
  PayoutChanges,
  PayoutRow,
  PayoutState,
  PostingRow,
} from "./rows.ts";

/**
 * Reading half of the handle on the rows. Outside a transaction each call sees the last commit; inside, every method
 * may be called many times.
 */
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
