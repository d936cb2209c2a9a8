/**
 * Payers whose promises came to nothing after the relay had paid for them: who moves the tokens away, or signs
 * something else, while our message is on its way keeps the gas that it brought.
 */
export interface LostRelays {
  /** The relay has paid for this promise. Repeated, it changes nothing. */
  noteRelayed(ref: string, payer: string, nowMs: number): void;
  /** It has come to its end; `isPaid`: by paying. Nothing happens for promises that were not relayed here. */
  noteEnd(ref: string, isPaid: boolean, nowMs: number): void;
  /** Nothing more is relayed for this payer today. */
  isBarred(payer: string, nowMs: number): boolean;
}

/** An honest wallet that is used from two places may lose one now and then. */
const LOSSES_ALLOWED = 3;
const REMEMBERED_MS = 24 * 3_600_000;
/** Of each kind, so that strangers cannot fill the memory. */
const MAX_KEPT = 10_000;

interface Relayed {
  readonly payer: string;
  readonly atMs: number;
}

/** Kept in memory only: a restart forgives. */
export function rememberLostRelays(): LostRelays {
  const relayed = new Map<string, Relayed>();
  const losses = new Map<string, readonly number[]>();

  const recent = (payer: string, nowMs: number): readonly number[] =>
    (losses.get(payer) ?? []).filter((atMs) => atMs > nowMs - REMEMBERED_MS);

  return {
    noteRelayed(ref, payer, nowMs) {
      relayed.set(ref, { payer, atMs: nowMs });
      dropOldest(relayed);
    },
    noteEnd(ref, isPaid, nowMs) {
      const found = relayed.get(ref);
      if (found === undefined) return;
      relayed.delete(ref);
      if (isPaid) return;
      const { payer } = found;
      const known = recent(payer, nowMs);
      losses.delete(payer);
      losses.set(payer, [...known, nowMs]);
      dropOldest(losses);
    },
    isBarred: (payer, nowMs) => recent(payer, nowMs).length >= LOSSES_ALLOWED,
  };
}

function dropOldest<Value>(map: Map<string, Value>): void {
  for (const key of map.keys()) {
    if (map.size <= MAX_KEPT) return;
    map.delete(key);
  }
}
