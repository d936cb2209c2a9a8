import type { Clock } from "../clock.ts";

/** Gives the same answer for `forMs`, and one run to all who ask while it is being found. Errors are not kept. */
export function keepRecent<Value>(
  clock: Pick<Clock, "now">,
  forMs: number,
  find: () => Promise<Value>,
): () => Promise<Value> {
  let kept: { readonly value: Promise<Value>; readonly atMs: number } | null = null;
  return () => {
    const nowMs = clock.now();
    if (kept !== null && nowMs - kept.atMs < forMs) return kept.value;
    const value = find();
    const own = { value, atMs: nowMs };
    kept = own;
    value.catch(() => {
      if (kept === own) kept = null;
    });
    return value;
  };
}
