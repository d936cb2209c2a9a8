import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Rail } from "../../src/rails/rail.ts";
import { done, payThree, present, signal, type RailBench } from "./rail-bench.ts";
import { depositPromises } from "./rail-deposits.ts";
import { payoutPromises } from "./rail-payouts.ts";
import { replacementPromises } from "./rail-replacements.ts";

export type { RailBench, RailFault } from "./rail-bench.ts";

/**
 * What every rail promises, whatever its chain: deposits are facts that replay identically, what the chain takes
 * back is told, and a payout is sent once or proven dead.
 * @param blocks "final": what is paid is final at once. "replaceable": the bench must have `blocks`.
 */
export function railContract(
  name: string,
  openBench: () => Promise<RailBench>,
  blocks: "final" | "replaceable" = "final",
): void {
  describe(`the rail ${name}`, () => {
    let bench: RailBench;
    beforeAll(async () => {
      bench = await openBench();
    });
    afterAll(() => bench.close());

    /** A bench of its own, for what cannot be undone. */
    const freshBench = async (): Promise<RailBench> => {
      const fresh = await openBench();
      onTestFinished(() => fresh.close());
      return fresh;
    };

    depositPromises(() => bench, freshBench);
    payoutPromises(() => bench, freshBench);
    if (blocks === "replaceable") replacementPromises(() => bench);
    keepingPromises(() => bench);
  });
}

function keepingPromises(use: () => RailBench): void {
  test("what was received is moved to the treasury once; then there is nothing to move", async () => {
    const bench = use();
    const rail = bench.open();
    await payThree(bench);
    // A sweep follows what the watcher has read.
    await present(rail);
    const before = await balances(rail);
    const swept = done(await bench.whileBlocksCome(rail.sweep(signal, "everything")));
    const after = await balances(rail);
    const { isPaidToTreasury = false } = bench;
    expect(swept === null).toBe(isPaidToTreasury);
    const hasGrown = after.some((atomic, index) => atomic > (before[index] ?? 0n));
    expect(hasGrown).toBe(!isPaidToTreasury);
    const again = await bench.whileBlocksCome(rail.sweep(signal, "everything"));
    expect(done(again)).toBeNull();
  });

  test("a rail in order has no problems", async () => {
    const bench = use();
    const rail = bench.open();
    // A keeper's first round also sees to what lives on chain for a time only.
    done(await bench.whileBlocksCome(rail.sweep(signal)));
    expect(await rail.check()).toEqual([]);
    expect(await rail.check(await present(rail))).toEqual([]);
  });

  test("ids are of the chain: the rail's and its assets' begin with the same network", async () => {
    const rail = use().open();
    const network = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}(?=\/)/.exec(rail.id)?.[0];
    expect(network).toBeDefined();
    for (const { id } of rail.assets) expect(id.startsWith(`${network}/`)).toBe(true);
  });
}

async function balances(rail: Rail): Promise<readonly bigint[]> {
  return Promise.all(rail.assets.map(async (asset) => done(await rail.payouts.balance(asset))));
}
