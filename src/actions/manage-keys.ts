import type { ApiKeyRow } from "../store/rows.ts";
import type { Tx } from "../store/tx.ts";

export async function createKey(tx: Tx, row: ApiKeyRow): Promise<null> {
  await tx.keys.insert(row);
  return null;
}

/** False: there is no such key. */
export async function suspendKey(
  tx: Tx,
  input: { readonly keyId: string; readonly isSuspended: boolean },
): Promise<boolean> {
  return tx.keys.setSuspended(input.keyId, input.isSuspended);
}

/** The key that orders of callers without a key belong to. */
export const WALK_IN_KEY_ID = "key_walk_in";

/** Stores the key of callers without a key, once. No key hashes to what it is stored under, so nobody can present it. */
export async function requireWalkIn(tx: Tx, nowMs: number): Promise<void> {
  if ((await tx.keys.byId(WALK_IN_KEY_ID)) !== null) return;
  await tx.keys.insert({
    id: WALK_IN_KEY_ID,
    hash: "none",
    label: "callers without a key",
    limitUsdMicro: null,
    spentUsdMicro: 0n,
    inFlightUsdMicro: 0n,
    ordersPerHour: null,
    isSuspended: false,
    expiresAtMs: null,
    createdAtMs: nowMs,
  });
}
