import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { present, type RailBench } from "../../../tests/contracts/rail-bench.ts";
import { depositPromises } from "../../../tests/contracts/rail-deposits.ts";
import { payoutPromises } from "../../../tests/contracts/rail-payouts.ts";
import { openTonBench } from "../../../tests/fixtures/ton-bench.ts";

describe("the rail ton-jetton", () => {
  let bench: RailBench;
  beforeAll(async () => {
    bench = await openTonBench();
  });
  afterAll(() => bench.close());

  const freshBench = async (): Promise<RailBench> => {
    const fresh = await openTonBench();
    onTestFinished(() => fresh.close());
    return fresh;
  };

  depositPromises(() => bench, freshBench);
  payoutPromises(() => bench, freshBench);

  test("a rail in order has no problems", async () => {
    const rail = bench.open();
    expect(await rail.check()).toEqual([]);
    expect(await rail.check(await present(rail))).toEqual([]);
  });

  test("ids are of the chain, and what is received is in the treasury already", async () => {
    const rail = bench.open();
    expect(rail.id).toBe("tvm:-217/jetton");
    for (const { id } of rail.assets) expect(id).toMatch(/^tvm:-217\/jetton:[0-9a-f]{64}$/);
    const swept = await rail.sweep(new AbortController().signal, "everything");
    expect(swept).toEqual({ kind: "done", value: null });
  });
});
