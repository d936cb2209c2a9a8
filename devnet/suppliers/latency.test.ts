import { expect, test } from "vitest";
import { startCardSupplier } from "./index.ts";
import { drawLatencyMs, realLatency } from "./latency.ts";
import { openClient } from "./test-client.ts";

function quantiles(draw: (index: number) => number): { median: number; p99: number } {
  const drawn = Array.from({ length: 4000 }, (_, index) => draw(index)).toSorted((a, b) => a - b);
  return { median: drawn[2000] ?? 0, p99: drawn[3960] ?? 0 };
}

test("the delays have the median and the long tail of the real supplier", () => {
  const issue = quantiles((index) => drawLatencyMs(realLatency.issue, "seed", index));
  expect(issue.median).toBeGreaterThan(16_400);
  expect(issue.median).toBeLessThan(17_600);
  expect(issue.p99).toBeGreaterThan(42_000);
  expect(issue.p99).toBeLessThan(55_000);
  const activate = quantiles((index) => drawLatencyMs(realLatency.activate, "seed", index));
  expect(activate.median).toBeGreaterThan(9_700);
  expect(activate.median).toBeLessThan(10_300);
});

/** The delays of one purchase, as the supplier asked its clock for them. */
async function waits(speed: number, seed: string): Promise<number[]> {
  const slept: number[] = [];
  const clock = {
    now: () => 1_800_000_000_000,
    sleep: async (ms: number) => {
      slept.push(ms);
    },
  };
  const supplier = await startCardSupplier({ speed, seed, clock });
  const client = openClient(supplier);
  const { body } = await client.issue("order-1");
  await client.post(`/v1/cards/${String(body["id"])}/activate`);
  await client.get("/v1/balance");
  await supplier.close();
  return slept;
}

test("the speed divides every delay, and the same seed waits the same", async () => {
  const real = await waits(1, "a");
  expect(real).toHaveLength(3);
  expect(real[0]).toBeGreaterThan(3_000);
  expect(await waits(1, "a")).toEqual(real);
  expect(await waits(100, "a")).toEqual(real.map((ms) => ms / 100));
  expect(await waits(1, "b")).not.toEqual(real);
});

test.each([
  [{ speed: 0 }, "speed: 0 is not a number above 0"],
  [{ speed: Number.NaN }, "speed: NaN is not a number above 0"],
  [{ stock: -1 }, "stock: -1 is not a whole number from 0"],
  [{ discountBps: 10_000 }, "discountBps: 10000 is not a whole number from 0 to 9999"],
  [{ balance: "lots" }, "balance: lots is not a decimal text"],
])("the options %j are refused with their reason", async (options, reason) => {
  await expect(startCardSupplier({ speed: 1, seed: "a", ...options })).rejects.toThrow(reason);
});
