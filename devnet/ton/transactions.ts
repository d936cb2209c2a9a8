import { ApiError } from "./api-error.ts";
import type { Ledger, StoredTransaction } from "./ledger.ts";

export interface Page {
  /** Raw address. */
  readonly account: string;
  /** The newest transaction wanted; null for the account's newest. */
  readonly start: { readonly lt: bigint; readonly hash: Buffer } | null;
  /** Stop before transactions that are as old. */
  readonly toLt: bigint;
  readonly limit: number;
  /** Ask a server that keeps what the others have pruned. */
  readonly isArchival: boolean;
}

/**
 * Transactions of an account, newest first.
 * @throws ApiError 500 with the words of the lite server, for one that is not there or was pruned
 */
export function readPage(ledger: Ledger, page: Page): readonly StoredTransaction[] {
  const all = ledger.transactionsOf(page.account);
  // What the account had is forgotten altogether.
  if (all.length === 0 && ledger.lastOf(page.account) !== null) throw pruned();
  const from = page.start === null ? all.length - 1 : indexOf(all, page.start);
  const isPruned = ({ lt }: StoredTransaction) => !page.isArchival && lt < ledger.prunedBeforeLt();
  const wanted: StoredTransaction[] = [];
  for (let i = from; i >= 0 && wanted.length < page.limit; i -= 1) {
    const stored = all[i];
    if (!stored || stored.lt <= page.toLt) break;
    if (isPruned(stored)) {
      if (wanted.length === 0) throw pruned();
      break;
    }
    wanted.push(stored);
  }
  return wanted;
}

export function pruned(): ApiError {
  return new ApiError(500, "LITE_SERVER_NOTREADY: block is not in db");
}

/** Lists are sorted by lt. */
function indexOf(
  all: readonly StoredTransaction[],
  { lt, hash }: { readonly lt: bigint; readonly hash: Buffer },
): number {
  let low = 0;
  let high = all.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((all[middle]?.lt ?? 0n) < lt) low = middle + 1;
    else high = middle;
  }
  const found = all[low];
  if (found?.lt === lt && found.hash.equals(hash)) return low;
  throw new ApiError(
    500,
    "LITE_SERVER_UNKNOWN: cannot locate transaction in block with specified logical time",
  );
}
