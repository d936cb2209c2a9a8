import type { ExpectedOrder } from "../rail.ts";
import type { Cursor } from "./cursor.ts";
import type { Arrival } from "./look.ts";
import { createRounds, type Rounds, type Watched } from "./rounds.ts";

/** What was found since the cursor that was written last; nothing of it is lost with it. */
export interface Memory {
  /** As it was written; null before the first. */
  readonly cursor: string | null;
  /** `Cursor.told`, brought up to date. */
  readonly told: Map<string, bigint>;
  /** Those of them whose addresses were seen empty since. */
  readonly emptied: Set<string>;
  readonly rounds: Rounds;
}

/** Addresses that have received something are written with every cursor. More than are paid between two sweeps. */
const REMEMBERED_ORDERS = 500;

export function remember(text: string | null, cursor: Cursor, pollMs: number): Memory {
  const told = new Map(cursor.told);
  const toldLt = (orderId: string): bigint => told.get(orderId) ?? 0n;
  return { cursor: text, told, emptied: new Set(), rounds: createRounds({ pollMs, toldLt }) };
}

/** What was read at an address and not told yet. */
export interface Untold {
  readonly watched: Watched;
  readonly arrival: Arrival;
}

/** Oldest first, over all addresses. */
export function untoldOf({ rounds }: Memory): readonly Untold[] {
  const all = [...rounds.all()].flatMap((watched) =>
    watched.untold.map((arrival) => ({ watched, arrival })),
  );
  return all.toSorted((a, b) => (a.arrival.lt < b.arrival.lt ? -1 : 1));
}

/** It is in the page that is being made. */
export function noteTold({ told, emptied }: Memory, { watched, arrival }: Untold): void {
  const { orderId, isExpected } = watched;
  watched.untold = watched.untold.filter((one) => one !== arrival);
  emptied.delete(orderId);
  told.delete(orderId);
  // Anybody can make addresses for orders that nobody has made, and sweep them: they are the first to be forgotten.
  const before = isExpected ? [] : [...told];
  if (!isExpected) told.clear();
  for (const [id, lt] of [[orderId, arrival.lt] as const, ...before]) told.set(id, lt);
  for (const first of told.keys()) {
    if (told.size <= REMEMBERED_ORDERS) break;
    told.delete(first);
  }
}

/** Nothing more is expected at an address that was emptied after its time. */
export function forgetEmptied({ told, emptied }: Memory, orders: readonly ExpectedOrder[]): void {
  const expected = new Set(orders.map(({ id }) => id));
  for (const orderId of emptied)
    if (!expected.has(orderId)) {
      told.delete(orderId);
      emptied.delete(orderId);
    }
}
