import { availableBalance, loadAccount } from "../ledger/accounts.ts";
import { accountKey, type EntryKey, sameAccount } from "../ledger/entry-key.ts";
import { feeUnits, inclusionFee, type SubmittedTransaction } from "./envelope.ts";
import type { TransactionEnd } from "./results.ts";
import { type EnvelopeFault, envelopeFault, type ValidationContext } from "./validate.ts";

/** As core answers a submission. `fault` goes with ERROR. */
export type QueueAnswer =
  | { readonly status: "PENDING" | "DUPLICATE" | "TRY_AGAIN_LATER" }
  | { readonly status: "ERROR"; readonly fault: EnvelopeFault };

/** A transaction that did not fit into this many ledgers is dropped. */
const MAX_AGE_LEDGERS = 4;
/** Ledgers during which an applied or dropped transaction is answered with TRY_AGAIN_LATER. */
const BAN_LEDGERS = 10;
/** A fee bump replaces a waiting transaction if it pays this many times the fee. */
const REPLACE_FACTOR = 10n;

/**
 * Transactions that wait for the next ledger, at most one per source account (stellar-core's
 * TransactionQueue).
 */
export interface TransactionQueue {
  readonly size: number;
  add(context: ValidationContext, submitted: SubmittedTransaction): QueueAnswer;
  /** What the next ledger applies, in order of arrival; the invalid ones are dropped for good. */
  take(context: ValidationContext, limit: number): SubmittedTransaction[];
  /** Removes a waiting transaction without a trace; false if it was not waiting. */
  lose(hash: string): boolean;
  /** To be told of every closed ledger and what it applied. */
  closed(sequence: number, applied: readonly SubmittedTransaction[]): void;
}

interface Waiting {
  readonly submitted: SubmittedTransaction;
  age: number;
}

export function createTransactionQueue(): TransactionQueue {
  const bySource = new Map<EntryKey, Waiting>();
  const bannedUntil = new Map<string, number>();
  let latest = 0;

  function ban({ hash }: SubmittedTransaction): void {
    bannedUntil.set(hash, latest + BAN_LEDGERS);
  }

  return {
    get size() {
      return bySource.size;
    },
    add(context, submitted) {
      if (bannedUntil.has(submitted.hash)) return { status: "TRY_AGAIN_LATER" };
      const source = accountKey(submitted.source);
      const waiting = bySource.get(source);
      if (waiting?.submitted.hash === submitted.hash) return { status: "DUPLICATE" };
      if (waiting) {
        const answer = replacement(waiting.submitted, submitted);
        if (answer) return answer;
      }
      const fault = envelopeFault(context, submitted);
      if (fault) return { status: "ERROR", fault };
      const others = [...bySource.values()].filter((one) => one !== waiting);
      if (isOverdrawn(context, submitted, others)) return envelopeError("txInsufficientBalance");
      // A replacement keeps no place: it is inserted anew at the end.
      bySource.delete(source);
      bySource.set(source, { submitted, age: 0 });
      return { status: "PENDING" };
    },
    take(context, limit) {
      const taken: SubmittedTransaction[] = [];
      for (const [source, { submitted }] of bySource) {
        if (envelopeFault(context, submitted)) {
          bySource.delete(source);
          ban(submitted);
        } else if (taken.length < limit) {
          bySource.delete(source);
          taken.push(submitted);
        }
      }
      for (const [source, waiting] of bySource) {
        waiting.age += 1;
        if (waiting.age < MAX_AGE_LEDGERS) continue;
        bySource.delete(source);
        ban(waiting.submitted);
      }
      return taken;
    },
    lose(hash) {
      for (const [source, { submitted }] of bySource) {
        if (submitted.hash === hash) return bySource.delete(source);
      }
      return false;
    },
    closed(sequence, applied) {
      latest = sequence;
      for (const [hash, until] of bannedUntil) if (until <= sequence) bannedUntil.delete(hash);
      for (const submitted of applied) ban(submitted);
    },
  };
}

/** Has the payer promised more in fees than it can spend, with those that wait already? */
function isOverdrawn(
  { state, ledger }: ValidationContext,
  submitted: SubmittedTransaction,
  others: readonly Waiting[],
): boolean {
  const payer = loadAccount(state, submitted.feeSource);
  const same = others.filter((one) => sameAccount(one.submitted.feeSource, submitted.feeSource));
  if (!payer || same.length === 0) return false;
  const promised = same.reduce((sum, one) => sum + one.submitted.maxFeeStroops, 0n);
  return availableBalance(payer, ledger) < promised + submitted.maxFeeStroops;
}

/** May the newcomer take the place of what waits for the same account? Null if it may. */
function replacement(
  waiting: SubmittedTransaction,
  newcomer: SubmittedTransaction,
): QueueAnswer | null {
  const sameSequence = waiting.tx.seqNum === newcomer.tx.seqNum;
  if (!newcomer.feeBump || !sameSequence) return { status: "TRY_AGAIN_LATER" };
  const offered = inclusionFee(newcomer) * feeUnits(waiting);
  const needed = inclusionFee(waiting) * feeUnits(newcomer) * REPLACE_FACTOR;
  return offered < needed ? envelopeError("txInsufficientFee") : null;
}

function envelopeError(code: "txInsufficientFee" | "txInsufficientBalance"): QueueAnswer {
  const end: TransactionEnd = { code };
  return { status: "ERROR", fault: { end, of: "envelope" } };
}
