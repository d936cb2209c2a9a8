import type { LedgerRecord, TransactionRecord } from "./records.ts";

/** What is kept: the oldest ledgers go first when either limit is passed. */
export interface HistoryLimits {
  /** @default 120,960: seven days of 5 s ledgers, as public RPC servers keep */
  readonly ledgers: number;
  /** Approximate size of what is remembered. @default 256 MiB */
  readonly bytes: number;
}

export const DEFAULT_HISTORY: HistoryLimits = { ledgers: 120_960, bytes: 256 * 1024 * 1024 };

/** A window of closed ledgers without gaps, newest last. */
export interface History {
  readonly oldest: LedgerRecord;
  readonly latest: LedgerRecord;
  readonly bytes: number;
  append(ledger: LedgerRecord): void;
  /** Oldest first. */
  ledgers(): Iterable<LedgerRecord>;
  /** Null outside the window. */
  ledger(sequence: number): LedgerRecord | null;
  /** By either hash of a fee bump; null if it was not applied within the window. */
  transaction(hash: string): TransactionRecord | null;
  /** Forgets everything before the ledger, though never the latest one. */
  cutBefore(sequence: number): void;
}

export function createHistory(first: LedgerRecord, limits: HistoryLimits): History {
  // Ledgers before `start` are forgotten; the array is shortened when they are the greater part.
  let ledgers = [first];
  let start = 0;
  let latest = first;
  let bytes = sizeOf(first);
  const transactions = new Map<string, TransactionRecord>();

  function oldest(): LedgerRecord {
    return ledgers[start] ?? latest;
  }

  function dropOldest(): void {
    const dropped = oldest();
    bytes -= sizeOf(dropped);
    for (const transaction of dropped.transactions) {
      transactions.delete(transaction.hash);
      if (transaction.innerHash) transactions.delete(transaction.innerHash);
    }
    start += 1;
    if (start > 1024 && start > ledgers.length / 2) {
      ledgers = ledgers.slice(start);
      start = 0;
    }
  }

  return {
    get oldest() {
      return oldest();
    },
    get latest() {
      return latest;
    },
    get bytes() {
      return bytes;
    },
    ledgers: () => ledgers.slice(start),
    append(ledger) {
      ledgers.push(ledger);
      latest = ledger;
      bytes += sizeOf(ledger);
      for (const transaction of ledger.transactions) {
        transactions.set(transaction.hash, transaction);
        if (transaction.innerHash) transactions.set(transaction.innerHash, transaction);
      }
      const isOver = () => bytes > limits.bytes || ledgers.length - start > limits.ledgers;
      while (isOver() && oldest() !== latest) dropOldest();
    },
    ledger: (sequence) =>
      sequence < oldest().sequence ? null : (ledgers[start + sequence - oldest().sequence] ?? null),
    transaction: (hash) => transactions.get(hash) ?? null,
    cutBefore(sequence) {
      while (oldest().sequence < sequence && oldest() !== latest) dropOldest();
    },
  };
}

/** Text is one byte per character; the rest is an estimate of V8's objects. */
function sizeOf(ledger: LedgerRecord): number {
  let bytes = 250;
  for (const one of ledger.transactions) {
    bytes += 600 + one.envelope.length + one.result.length + one.meta.length;
    bytes += lengthOf(one.diagnosticEvents) + lengthOf(one.transactionEvents);
    for (const events of one.operationEvents) bytes += lengthOf(events);
  }
  for (const event of ledger.events) bytes += 350 + lengthOf(event.topics) + event.value.length;
  return bytes;
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length + 16, 0);
}
