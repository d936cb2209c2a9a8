import type { Clock } from "../clock.ts";
import type { JsonObject } from "../json.ts";
import type { Log } from "../log.ts";
import type { Amount, Asset } from "../money.ts";
import type { Outcome } from "../outcome.ts";

/**
 * What a payer must do, copied verbatim into the order response. `type` names the shape, which is the rail's
 * wire form: "soroban_contract", "x402", "evm_deposit".
 */
export interface Instructions {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** An order as far as a rail needs it to say how it is paid. */
export interface PayableOrder {
  readonly id: string;
  readonly legs: readonly { readonly amount: Amount; readonly expiresAtMs: number }[];
  /** Why an asset of this rail is not offered: `{ symbol: "XLM", reason: "…" }`. */
  readonly missing: readonly { readonly symbol: string; readonly reason: string }[];
}

/** An order that may be paid, as a rail needs it that watches an address of each. */
export interface ExpectedOrder {
  readonly id: string;
  /** A payment after this time is late, but is told all the same. */
  readonly windowClosesAtMs: number;
}

/** One inbound transfer a rail has seen: a fact, perhaps nobody's. (`txId`, `index`) names it for ever. */
export interface Deposit {
  readonly txId: string;
  /** Which transfer of the transaction; an event index, a log index. */
  readonly index: number;
  /** What the payer claims it is for; not trusted. Empty when the transfer names nothing. */
  readonly orderRef: string;
  /** `Authorization.ref` of the signed promise that this transfer carried out. Absent: it was a plain transfer. */
  readonly authorizationRef?: string;
  /** The payer proven on chain. */
  readonly from: string;
  /**
   * False when money sent back to `from` might not reach the payer (a contract, an exchange's wallet). Absent:
   * true.
   */
  readonly isPayerSafe?: boolean;
  readonly amount: Amount;
  /** Ledger or block number, and its close time by the chain's own clock. */
  readonly height: number;
  readonly chainTimeMs: number;
  /** Hash of its block, where blocks can be replaced: the same transfer in another block starts to count anew. */
  readonly blockHash?: string;
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
  /**
   * How far the chain has been read for good: everything at or below this height is in this or an earlier page.
   * Where every order's account counts for itself (`ton-deposit`), only a measure of progress.
   */
  readonly height: number;
  readonly chainTimeMs: number;
  /** The chain's newest block, when it is not final at once: confirmations are counted from here. */
  readonly headHeight?: number;
  /**
   * The page holds every deposit above this height that the chain has now: one that was reported above it
   * before and is not here was taken back. Absent where nothing can be taken back.
   */
  readonly wholeAboveHeight?: number;
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
  /** What `Payouts.freeLane` gave: at most one payout of a lane is alive at a time. */
  readonly lane: string;
}

/** A payout that is signed but perhaps not sent. It is stored before `submit`; only these bytes are ever re-sent. */
export interface SignedPayout {
  readonly txId: string;
  readonly body: string;
  readonly lane: string;
  /** Chain time after which it can never land; null where only another transaction of its lane can prevent it. */
  readonly validUntilMs: number | null;
  /** Chain height when it was signed: history must reach back to here to prove that it is absent. */
  readonly signedAtHeight: number;
}

/** What has become of a signed payout, by the chain's word alone. */
export type PayoutFate =
  | {
      readonly kind: "final";
      readonly height: number;
      readonly chainTimeMs: number;
      /** Absent: the payout's own; else that of an outbid one, which landed instead. */
      readonly txId?: string;
    }
  | { readonly kind: "pending" } // may still land: send the same bytes again
  | { readonly kind: "dead"; readonly reason: string } // proven: it can never land, or landed without paying
  | { readonly kind: "unprovable"; readonly reason: string }; // past its bound, but history does not reach back: alarm

/** The sending half of a rail. */
export interface Payouts {
  /**
   * The sequence that the next payout may be signed on, so that its transaction excludes or does not touch every
   * other one: a channel account on Stellar, the next free nonce on EVM. Unique over all rails; null while every
   * one is busy. `taken`: the lanes of payouts that are alive, or being signed.
   */
  freeLane(taken: ReadonlySet<string>): Promise<Outcome<string | null>>;
  /** What the treasury can send of an asset right now, base units, after reserves and fees. */
  balance(asset: Asset): Promise<Outcome<bigint>>;
  /** `failed` without retry: the payee cannot receive it (no account, no trustline); a person decides. Sends nothing. */
  sign(payout: PayoutRequest): Promise<Outcome<SignedPayout>>;
  /** `done`: accepted, or already there. `failed`: this send was refused; `fate` decides what that means. */
  submit(payout: SignedPayout): Promise<Outcome<null>>;
  fate(payout: SignedPayout): Promise<Outcome<PayoutFate>>;
  /**
   * The same payout with a higher bid, when the one that is out is too cheap to land soon; null: it is not. On
   * the same lane, so that one of the two lands at most; its `body` remembers those before it, and `fate` looks
   * for them all. It is stored before it is sent. Absent: fees never stand in the way.
   */
  outbid?(payout: SignedPayout): Promise<Outcome<SignedPayout | null>>;
}

/** One entry of `accepts` in a 402 answer, in the form of x402 version 2. */
export interface PaymentTerms {
  readonly scheme: string;
  /** CAIP-2: "eip155:137". */
  readonly network: string;
  /** Base units. */
  readonly amount: string;
  readonly asset: string;
  readonly payTo: string;
  readonly maxTimeoutSeconds: number;
  readonly extra: JsonObject;
}

/** A payer's signed promise, which anybody may carry out once until it runs out. Holds no secret of ours. */
export interface Authorization {
  /**
   * Names it for ever: two promises with the same ref can not both be carried out, and `Deposit.authorizationRef`
   * repeats it. "eip155:137|0x<asset>|0x<payer>|<nonce>" in lower case.
   */
  readonly ref: string;
  readonly from: string;
  readonly amount: Amount;
  /** Chain time after which it can no longer be carried out. */
  readonly validUntilMs: number;
  /** Version, terms and payload as they came: what `verify` and `settle` need, as plain data. */
  readonly body: JsonObject;
}

export type AuthorizationRead =
  | { readonly kind: "authorization"; readonly authorization: Authorization }
  /** An x402 reason: "invalid_payload", "invalid_exact_evm_payload_recipient_mismatch". */
  | { readonly kind: "invalid"; readonly reason: string };

export type AuthorizationFate =
  /** It was carried out; the deposit shows in the rail's pages. `txId` is null when that was not looked for. */
  | { readonly kind: "used"; readonly txId: string | null }
  /** It may still be carried out. */
  | { readonly kind: "open" }
  /** Proven by final blocks: it never was and never can be carried out. */
  | { readonly kind: "dead"; readonly reason: string };

/** Paying by a signed promise (x402) instead of a transaction of the payer's own. */
export interface X402Scheme {
  /** What a payer may choose from, best first. Pure; `[]` when none of the order's legs is of this rail. */
  terms(order: PayableOrder): readonly PaymentTerms[];
  /**
   * What a payload from outside promises, held against the terms it must fit. Pure: no signature is checked.
   * @param version 1 or 2: which form `payload` has.
   */
  read(version: 1 | 2, payload: unknown, terms: PaymentTerms): AuthorizationRead;
  /**
   * Whether it would be carried out now. `failed` is final with an x402 reason, whoever asks;
   * "permit2_allowance_required" asks for an allowance first. Otherwise `unknown`: nobody could be asked.
   */
  verify(authorization: Authorization): Promise<Outcome<null>>;
  /**
   * Carries it out. `done` once it was sent, with its transaction if that is known; `failed` when nothing was
   * sent: final with an x402 reason, or worth repeating; `unknown`: ask `fate`. Repeatable, since it can be
   * carried out once.
   */
  settle(authorization: Authorization): Promise<Outcome<{ readonly txId: string | null }>>;
  fate(authorization: Authorization): Promise<Outcome<AuthorizationFate>>;
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
  /** Blocks until a deposit is final, the one that holds it included; null: final at once, or when the chain says so. */
  readonly confirmations: number | null;
  /** True where wallets round the amount, so that a little less than the price is taken as the price. */
  readonly roundsAmounts: boolean;
  readonly payouts: Payouts;
  /** Absent: payers send transactions of their own. */
  readonly x402?: X402Scheme;
  /** Pure: no network. Null when the order has no leg in an asset of this rail. */
  instructions(order: PayableOrder): Instructions | null;
  /**
   * The next page after `cursor`; null is a cold start (the contract's creation or a configured height).
   * @param expected The orders that may be paid now or might yesterday, for rails where each has an address of its
   * own. Asked after the chain's newest block is known, so that no order is missed whose payment that block holds.
   */
  readDeposits(
    cursor: string | null,
    signal: AbortSignal,
    expected?: () => Promise<readonly ExpectedOrder[]>,
  ): Promise<DepositsRead>;
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
