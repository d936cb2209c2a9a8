import type { Reader } from "../store/tx.ts";

/** Why money that came before a restored copy was opened is left to a person. */
export const REASON_RESTORED =
  "the books were restored from a copy: whether this was paid already, only the chain and the suppliers know";

/** Whether the books may have missed what became of money that the chain had at this time. */
export async function isHeld(
  { restores }: Pick<Reader, "restores">,
  chainTimeMs: number,
): Promise<boolean> {
  const heldBeforeMs = await restores.heldBeforeMs();
  return heldBeforeMs !== null && chainTimeMs < heldBeforeMs;
}
