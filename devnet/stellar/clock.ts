/** The only source of time. Ledger close times, pauses and timeouts all come from here. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
