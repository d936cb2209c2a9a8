import { createHash } from "node:crypto";
import { xdr } from "@stellar/stellar-sdk";
import type { EntryChange, StoredEntry } from "../ledger/state.ts";

const Change = xdr.LedgerEntryChange;

/** Entry changes as transaction meta tells them: the state before, then what became of it. */
export function ledgerEntryChanges(changes: readonly EntryChange[]): xdr.LedgerEntryChange[] {
  return changes.flatMap(({ key, before, after }) => [
    ...(before?.base64 === after?.base64 ? [] : entryChange(key, before, after)),
    ...ttlChange(key, before, after),
  ]);
}

function entryChange(
  key: string,
  before: StoredEntry | null,
  after: StoredEntry | null,
): xdr.LedgerEntryChange[] {
  if (!before) return after ? [Change.ledgerEntryCreated(after.entry)] : [];
  const state = Change.ledgerEntryState(before.entry);
  if (after) return [state, Change.ledgerEntryUpdated(after.entry)];
  return [state, Change.ledgerEntryRemoved(xdr.LedgerKey.fromXdr(key, "base64"))];
}

/** The life of contract data and code is an entry of its own on the network. */
function ttlChange(
  key: string,
  before: StoredEntry | null,
  after: StoredEntry | null,
): xdr.LedgerEntryChange[] {
  if (before?.liveUntilLedger === after?.liveUntilLedger) return [];
  const keyHash = createHash("sha256").update(Buffer.from(key, "base64")).digest();
  const old = before && ttlEntry(keyHash, before);
  const now = after && ttlEntry(keyHash, after);
  if (!old) return now ? [Change.ledgerEntryCreated(now)] : [];
  if (now) return [Change.ledgerEntryState(old), Change.ledgerEntryUpdated(now)];
  const removed = xdr.LedgerKey.ttl(new xdr.LedgerKeyTtl({ keyHash }));
  return [Change.ledgerEntryState(old), Change.ledgerEntryRemoved(removed)];
}

/** Null for an entry that lives for ever. */
function ttlEntry(
  keyHash: Uint8Array,
  { base64, liveUntilLedger }: StoredEntry,
): xdr.LedgerEntry | null {
  if (liveUntilLedger === null) return null;
  const liveUntilLedgerSeq = liveUntilLedger;
  return new xdr.LedgerEntry({
    lastModifiedLedgerSeq: Buffer.from(base64.slice(0, 8), "base64").readUInt32BE(0),
    data: xdr.LedgerEntryData.ttl(new xdr.TtlEntry({ keyHash, liveUntilLedgerSeq })),
    ext: xdr.LedgerEntryExt.v0(),
  });
}
