/** What a benchmark says, for people and as data. */

export interface Row {
  readonly bench: string;
  readonly metric: string;
  readonly value: number;
  /** What it is compared with in the same run; null where there is nothing to compare with. */
  readonly baseline: string | null;
  readonly baselineValue: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** What was measured, in a sentence. */
  readonly note: string;
}

/** One JSON object on one line. */
export function jsonLine(row: Row): string {
  return JSON.stringify({
    bench: row.bench,
    metric: row.metric,
    value: rounded(row.value),
    baseline: row.baseline,
    baseline_value: row.baselineValue === null ? null : rounded(row.baselineValue),
    ratio: ratioOf(row),
    p50_ms: row.p50Ms === null ? null : rounded(row.p50Ms),
    p99_ms: row.p99Ms === null ? null : rounded(row.p99Ms),
    note: row.note,
  });
}

export function tableLines(row: Row): readonly string[] {
  const ratio = ratioOf(row);
  const times =
    row.p50Ms === null ? "" : `  p50 ${rounded(row.p50Ms)} ms  p99 ${rounded(row.p99Ms ?? 0)} ms`;
  return [
    `${row.bench.padEnd(9)} ${row.metric.padEnd(28)} ${String(rounded(row.value)).padStart(10)}${times}`,
    ...(row.baseline === null || row.baselineValue === null
      ? []
      : [`          ${ratio ?? "?"} × ${row.baseline} (${rounded(row.baselineValue)})`]),
    `          ${row.note}`,
  ];
}

function ratioOf({ value, baselineValue }: Row): number | null {
  return baselineValue === null || baselineValue === 0 ? null : rounded(value / baselineValue);
}

/** Three significant digits after the point are more than a shared machine can promise. */
function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}

/** The value below which `share` of the samples lie; 0 without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 0.5);
}
