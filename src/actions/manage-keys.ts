import type { ApiKeyRow, Tx } from "../store/tx.ts";

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
