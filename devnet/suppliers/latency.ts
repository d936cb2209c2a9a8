import { standardNormal, type Labels } from "./random.ts";

/** A log-normal delay: half of all calls are faster than the median, a few take several times it. */
export interface LatencyProfile {
  readonly medianMs: number;
  /** Deviation of the logarithm; 0.45 puts the 99th percentile at 2.8 times the median. */
  readonly sigma: number;
}

/**
 * Delays of a real prepaid card supplier. With one 5 s ledger they add up to the 33 s that a
 * purchase takes at the median: 17 s until the card exists, 10 s until it is active.
 */
export const realLatency = {
  issue: { medianMs: 17_000, sigma: 0.45 },
  activate: { medianMs: 10_000, sigma: 0.35 },
  read: { medianMs: 60, sigma: 0.4 },
} as const satisfies Record<string, LatencyProfile>;

/** One delay in milliseconds of real time, before any speed-up. */
export function drawLatencyMs(profile: LatencyProfile, ...labels: Labels): number {
  return profile.medianMs * Math.exp(profile.sigma * standardNormal(...labels));
}
