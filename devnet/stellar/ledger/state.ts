import { xdr } from "@stellar/stellar-sdk";
import type { HostEntry } from "../soroban-host.ts";
import type { EntryKey } from "./entry-key.ts";

/** A ledger entry in its two forms; each is made from the other when first asked for. */
export interface StoredEntry {
  readonly key: EntryKey;
  readonly entry: xdr.LedgerEntry;
  readonly base64: string;
  /** Last ledger in which contract data or code is alive; null for classic entries. */
  readonly liveUntilLedger: number | null;
}

export interface EntryChange {
  readonly key: EntryKey;
  readonly before: StoredEntry | null;
  readonly after: StoredEntry | null;
}

/**
 * The authoritative ledger entries, with an undo log: `mark` before a transaction or an operation,
 * `rollback` to it when it fails. Entries are immutable values; a change stores a new one.
 */
export interface LedgerState {
  readonly size: number;
  get(key: EntryKey): StoredEntry | null;
  put(key: EntryKey, data: xdr.LedgerEntryData, lastModifiedLedger: number): void;
  store(entry: StoredEntry): void;
  remove(key: EntryKey): void;
  mark(): number;
  rollback(mark: number): void;
  /** Net changes since the mark, in the order of first touch. */
  changesSince(mark: number): EntryChange[];
  /** Forgets how to undo; called when a ledger is closed. */
  settle(): void;
  entries(): Iterable<StoredEntry>;
  /** Entries that differ from what the last call returned: what a reader's copy lacks. */
  takeUnread(): HostEntry[];
  /** The next `takeUnread` returns every entry. */
  markAllUnread(): void;
}

/** From a value of our own making. */
function storedFromEntry(
  key: EntryKey,
  entry: xdr.LedgerEntry,
  liveUntilLedger: number | null,
): StoredEntry {
  let base64: string | null = null;
  return {
    key,
    entry,
    liveUntilLedger,
    get base64() {
      return (base64 ??= entry.toXdr("base64"));
    },
  };
}

/** From bytes of the host or the journal; decoded only if somebody looks inside. */
export function storedFromBase64(
  key: EntryKey,
  base64: string,
  liveUntilLedger: number | null,
): StoredEntry {
  let entry: xdr.LedgerEntry | null = null;
  return {
    key,
    base64,
    liveUntilLedger,
    get entry() {
      return (entry ??= xdr.LedgerEntry.fromXdr(base64, "base64"));
    },
  };
}

/** LedgerEntry begins with lastModifiedLedgerSeq, so it can be set without decoding the rest. */
export function withLastModified(base64: string, ledger: number): string {
  const bytes = Buffer.from(base64, "base64");
  bytes.writeUInt32BE(ledger, 0);
  return bytes.toString("base64");
}

/** Are two entries the same, whenever they were last modified? */
export function sameContent(a: string, b: string): boolean {
  // Eight characters hold the ledger number and the first two bytes of the type, which follow it.
  return a.length === b.length && a.slice(8) === b.slice(8);
}

export function createLedgerState(): LedgerState {
  const current = new Map<EntryKey, StoredEntry>();
  let undo: { key: EntryKey; before: StoredEntry | null }[] = [];
  let unread = new Set<EntryKey>();

  function set(key: EntryKey, after: StoredEntry | null): void {
    undo.push({ key, before: current.get(key) ?? null });
    unread.add(key);
    if (after) current.set(key, after);
    else current.delete(key);
  }

  return {
    get size() {
      return current.size;
    },
    get: (key) => current.get(key) ?? null,
    store: (entry) => set(entry.key, entry),
    remove: (key) => set(key, null),
    put(key, data, lastModifiedLedger) {
      const ext = current.get(key)?.entry.ext ?? xdr.LedgerEntryExt.v0();
      const entry = new xdr.LedgerEntry({ lastModifiedLedgerSeq: lastModifiedLedger, data, ext });
      set(key, storedFromEntry(key, entry, null));
    },
    mark: () => undo.length,
    rollback(mark) {
      for (const { key, before } of undo.splice(mark).toReversed()) {
        unread.add(key);
        if (before) current.set(key, before);
        else current.delete(key);
      }
    },
    changesSince(mark) {
      const first = new Map<EntryKey, StoredEntry | null>();
      for (const { key, before } of undo.slice(mark)) if (!first.has(key)) first.set(key, before);
      return [...first]
        .map(([key, before]) => ({ key, before, after: current.get(key) ?? null }))
        .filter((change) => change.before !== change.after);
    },
    settle() {
      undo = [];
    },
    entries: () => current.values(),
    takeUnread() {
      const keys = unread;
      unread = new Set();
      return [...keys].map((key) => {
        const stored = current.get(key);
        return {
          key,
          entry: stored?.base64 ?? null,
          liveUntilLedger: stored?.liveUntilLedger ?? null,
        };
      });
    },
    markAllUnread() {
      for (const key of current.keys()) unread.add(key);
    },
  };
}
