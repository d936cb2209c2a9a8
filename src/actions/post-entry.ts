import type { Tx } from "../store/tx.ts";
import type { Entry } from "../treasury/ledger.ts";

/** Writes one entry of the ledger; an entry that is already there, or has no postings, changes nothing. */
export async function postEntry(tx: Tx, entry: Entry, nowMs: number): Promise<void> {
  if (entry.postings.length === 0) return;
  await tx.ledger.post(
    entry.postings.map((posting) => ({ ...posting, entryId: entry.id, atMs: nowMs })),
  );
}
