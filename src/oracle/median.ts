import type { PriceReading } from "./oracle.ts";

export interface SourceReading extends PriceReading {
  readonly sourceId: string;
}

export interface PriceRules {
  /** An older reading counts for nothing. */
  readonly maxAgeMs: number;
  /** How many fresh readings must agree; at least 1. */
  readonly minSources: number;
  /** How far a reading may lie from the median, parts per 10,000; a reading farther out is left aside. */
  readonly maxDeviationBps: number;
}

/** A price to quote by, or the reason why there is none, for people and for the wire. */
export type Price =
  | {
      readonly kind: "price";
      readonly usdMicroPerUnit: bigint;
      /** Time of the oldest reading in it. */
      readonly atMs: number;
      readonly sourceIds: readonly string[];
    }
  | { readonly kind: "none"; readonly reason: string };

/** Clocks differ; a reading from farther in the future is a broken source. */
const MAX_AHEAD_MS = 60_000;
const BPS = 10_000n;

/**
 * The median of the fresh readings that agree. Those far from the median are left aside, but if they are not the
 * smaller part nobody knows who is right, and there is no price: a wrong one costs more than a missing one.
 */
export function medianPrice(
  readings: readonly SourceReading[],
  rules: PriceRules,
  nowMs: number,
): Price {
  if (readings.length === 0) return { kind: "none", reason: "no price source has answered yet" };
  const fresh = readings
    .filter((reading) => isFresh(reading, rules, nowMs))
    .toSorted((a, b) => compare(a.usdMicroPerUnit, b.usdMicroPerUnit));
  if (fresh.length < rules.minSources || fresh.length === 0) {
    const reason = `${fresh.length} of ${readings.length} price sources are fresh, ${rules.minSources} needed`;
    return { kind: "none", reason };
  }
  const middle = medianOf(fresh);
  const agreeing = fresh.filter((reading) => isNear(reading.usdMicroPerUnit, middle, rules));
  const isMajority = agreeing.length * 2 > fresh.length;
  if (!isMajority || agreeing.length < rules.minSources) {
    const reason = `the price sources disagree: ${agreeing.length} of ${fresh.length} lie together`;
    return { kind: "none", reason };
  }
  return {
    kind: "price",
    usdMicroPerUnit: medianOf(agreeing),
    atMs: Math.min(...agreeing.map(({ atMs }) => atMs)),
    sourceIds: agreeing.map(({ sourceId }) => sourceId),
  };
}

function isFresh(reading: SourceReading, { maxAgeMs }: PriceRules, nowMs: number): boolean {
  const ageMs = nowMs - reading.atMs;
  return reading.usdMicroPerUnit > 0n && ageMs <= maxAgeMs && ageMs >= -MAX_AHEAD_MS;
}

function isNear(value: bigint, middle: bigint, { maxDeviationBps }: PriceRules): boolean {
  const distance = value > middle ? value - middle : middle - value;
  return distance * BPS <= middle * BigInt(maxDeviationBps);
}

/** Of sorted readings, at least one; between two middle ones, rounded down. */
function medianOf(sorted: readonly SourceReading[]): bigint {
  const upper = sorted[Math.floor(sorted.length / 2)]?.usdMicroPerUnit ?? 0n;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)]?.usdMicroPerUnit ?? 0n;
  return (upper + lower) / 2n;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
