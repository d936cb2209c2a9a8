import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Amount, Asset } from "../money.ts";
import type { Outcome } from "../outcome.ts";

/** What a payer must do, copied verbatim into the order response; the shape belongs to the rail's wire form. */
export type Instructions = Readonly<Record<string, unknown>>;

/** An order as far as a rail needs it to say how it is paid. */
export interface PayableOrder {
  readonly id: string;
  readonly legs: readonly { readonly amount: Amount; readonly expiresAtMs: number }[];
  /** Why an asset of this rail is not offered: `{ symbol: "XLM", reason: "…" }`. */
  readonly missing: readonly { readonly symbol: string; readonly reason: string }[];
}

/** One inbound transfer a rail has seen: a fact, perhaps nobody's. (`txId`, `index`) names it for ever. */
export interface Deposit {
  readonly txId: string;
  /** Which transfer of the transaction; an event index, a log index. */
  readonly index: number;
  /** What the payer claims it is for; not trusted. */
  readonly orderRef: string;
  /** The payer proven on chain: where a refund goes. */
  readonly from: string;
  readonly amount: Amount;
  /** Ledger or block number, and its close time by the chain's own clock. */
  readonly height: number;
  readonly chainTimeMs: number;
  /** True when the rail says that it cannot be undone (at once on Stellar). */
  readonly isFinal: boolean;
}

/** An event of ours that could not be read as a deposit: stored and alarmed, never dropped. */
export interface Unreadable {
  readonly txId: string;
  readonly index: number;
  readonly height: number;
  readonly reason: string;
  /** As it came, for a person; bounded in size by the rail. */
  readonly raw: string;
}

/** What lies between two cursors. Empty pages move the cursor too. */
export interface DepositPage {
  /** In chain order. The same deposit may come again on a later page. */
  readonly deposits: readonly Deposit[];
  readonly unreadable: readonly Unreadable[];
  readonly cursor: string;
  /** How far the chain has been read: everything at or below this height is in this or an earlier page. */
  readonly height: number;
  readonly chainTimeMs: number;
  /** False: read the next page at once. */
  readonly isCaughtUp: boolean;
}

/** History that the source no longer has: nothing is skipped, the watcher stops here until a person acts. */
export interface HistoryGap {
  readonly kind: "gap";
  readonly reason: string;
  readonly firstMissingHeight: number;
  readonly oldestAvailableHeight: number;
}

export type DepositsRead = Outcome<DepositPage> | HistoryGap;

/** What a payout sends. `id` is ours and appears on no chain. */
export interface PayoutRequest {
  readonly id: string;
  readonly to: string;
  readonly amount: Amount;
  /** One of `Payouts.lanes`: at most one payout of a lane is alive at a time. */
  readonly lane: string;
}

/** A payout that is signed but perhaps not sent. It is stored before `submit`; only these bytes are ever re-sent. */
export interface SignedPayout {
  readonly txId: string;
  readonly body: string;
  readonly lane: string;
  /** Chain time after which it can never land. */
  readonly validUntilMs: number;
  /** Chain height when it was signed: history must reach back to here to prove that it is absent. */
  readonly signedAtHeight: number;
}

/** What has become of a signed payout, by the chain's word alone. */
export type PayoutFate =
  | { readonly kind: "final"; readonly height: number; readonly chainTimeMs: number }
  | { readonly kind: "pending" } // may still land: send the same bytes again
  | { readonly kind: "dead"; readonly reason: string } // proven: it can never land, or landed without paying
  | { readonly kind: "unprovable"; readonly reason: string }; // past its bound, but history does not reach back: alarm

/** The sending half of a rail. */
export interface Payouts {
  /** Independent sequences that payouts are signed on (Stellar: channel accounts). At least one. */
  readonly lanes: readonly string[];
  /** What the treasury can send of an asset right now, base units, after reserves and fees. */
  balance(asset: Asset): Promise<Outcome<bigint>>;
  /** `failed` without retry: the payee cannot receive it (no account, no trustline); a person decides. Sends nothing. */
  sign(payout: PayoutRequest): Promise<Outcome<SignedPayout>>;
  /** `done`: accepted, or already there. `failed`: this send was refused; `fate` decides what that means. */
  submit(payout: SignedPayout): Promise<Outcome<null>>;
  fate(payout: SignedPayout): Promise<Outcome<PayoutFate>>;
}

/** One thing that is wrong with a rail's surroundings, found at start-up or by `doctor`. */
export interface RailProblem {
  readonly severity: "fatal" | "warning";
  readonly what: string;
  /** What a person can do about it. */
  readonly fix: string;
}

/** One way of being paid on one network. It reports facts and sends payouts; it never decides about an order. */
export interface Rail {
  /** CAIP-2 and the scheme: "stellar:testnet/contract". */
  readonly id: string;
  /** The folder under `rails/`: "stellar-contract". */
  readonly kind: string;
  readonly assets: readonly Asset[];
  readonly payouts: Payouts;
  /** Pure: no network. */
  instructions(order: PayableOrder): Instructions;
  /** The next page after `cursor`; null is a cold start (the contract's creation or a configured height). */
  readDeposits(cursor: string | null, signal: AbortSignal): Promise<DepositsRead>;
  /** Resolves when there may be news: aligned to the ledger close, never busier than the rail allows. */
  waitForNews(signal: AbortSignal): Promise<void>;
  /**
   * Moves what was received to the treasury; resolves with a line for the log, null when there was nothing.
   * "worthwhile" (the default) leaves amounts that are not worth a fee, "everything" does not: for a treasury
   * that is short.
   */
  sweep(signal: AbortSignal, extent?: "worthwhile" | "everything"): Promise<Outcome<string | null>>;
  /**
   * Start-up checks. An empty list means ready. `cursor`: the stored one, if any, so that a gap in the
   * chain's history is found before anything is read.
   */
  check(cursor?: string | null): Promise<readonly RailProblem[]>;
}

/** What a rail is given besides its own configuration. */
export interface RailContext {
  readonly clock: Clock;
  readonly log: Log;
}
