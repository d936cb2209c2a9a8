import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const LIMIT_MS = 120_000;

test.each(["intake", "stream", "watch", "overhead", "replay", "store", "x402", "ton"])(
  "the benchmark %s runs to its end and says what it measured as JSON",
  async (name) => {
    const main = path.join(import.meta.dirname, "main.ts");
    const { stdout } = await run(process.execPath, [main, name, "--small", "--json"]);
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row["bench"]).toBe(name);
      expect(row["metric"]).toEqual(expect.any(String));
      expect(row["value"]).toEqual(expect.any(Number));
      expect(Object.keys(row)).toEqual(
        expect.arrayContaining(["baseline", "baseline_value", "ratio", "p50_ms", "p99_ms"]),
      );
    }
  },
  LIMIT_MS,
);
