import type { LedgerState } from "./state.ts";

/** Removes temporary entries whose time is over; persistent ones stay, archived. */
export function evictExpired(state: LedgerState, ledgerSequence: number): void {
  const expired = [...state.entries()].filter(
    ({ liveUntilLedger }) => liveUntilLedger !== null && liveUntilLedger < ledgerSequence,
  );
  for (const { key, entry } of expired) {
    const { data } = entry;
    if (data.type === "contractData" && data.contractData.durability.name === "temporary") {
      state.remove(key);
    }
  }
}
