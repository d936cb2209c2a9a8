/** Something that must not stay silent for longer than the wheel's turn. */
export interface Beating {
  /** Called when the turn is over and nothing was written since. */
  beat(): void;
}

/** A place on the wheel. */
export interface Spoke {
  /** Something was written: the next beat is a whole turn from now. */
  touch(): void;
  remove(): void;
}

/**
 * One timer for the heartbeats of all streams: a wheel of slots, one visited per tick. New members start at
 * evenly spread slots, so that a crowd that arrives together (after a restart, say) is not served together.
 */
export interface HeartbeatWheel {
  add(member: Beating): Spoke;
  stop(): void;
}

const SLOTS = 60;
/** A timer of the runtime is not finer in practice. */
const MIN_TICK_MS = 5;

interface Entry {
  readonly member: Beating;
  slot: number;
  /** The tick of the last write after which the entry was not moved yet; null when there was none. */
  touchedAt: number | null;
}

export function createHeartbeatWheel(turnMs: number): HeartbeatWheel {
  const slotCount = Math.max(1, Math.min(SLOTS, Math.floor(turnMs / MIN_TICK_MS)));
  const slots = Array.from({ length: slotCount }, () => new Set<Entry>());
  let tick = 0;
  let arrivals = 0;

  const put = (entry: Entry, slot: number): void => {
    slots[entry.slot]?.delete(entry);
    entry.slot = slot % slotCount;
    slots[entry.slot]?.add(entry);
  };
  const visit = (entry: Entry): void => {
    const { touchedAt } = entry;
    entry.touchedAt = null;
    // Touched right after the last visit: its turn is over now.
    if (touchedAt === null || touchedAt % slotCount === entry.slot) entry.member.beat();
    else put(entry, touchedAt);
  };
  const turn = (): void => {
    tick += 1;
    // A copy, because beats remove members and moves add some.
    for (const entry of Array.from(slots[tick % slotCount] ?? [])) visit(entry);
  };
  const timer = setInterval(turn, turnMs / slotCount);
  timer.unref();

  return {
    add: (member) => {
      arrivals += 1;
      const entry: Entry = { member, slot: 0, touchedAt: null };
      put(entry, tick + 1 + (arrivals % slotCount));
      return {
        touch: () => {
          entry.touchedAt = tick;
        },
        remove: () => slots[entry.slot]?.delete(entry),
      };
    },
    stop: () => clearInterval(timer),
  };
}
