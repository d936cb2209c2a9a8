import { afterEach, describe, expect, test } from "vitest";
import { assert } from "../../src/errors.ts";
import type { JsonObject } from "../../src/json.ts";
import type { Outcome } from "../../src/outcome.ts";
import { pieceOf, type Goods } from "../../src/products/product.ts";
import { CLOSED } from "../../src/suppliers/breaker.ts";
import { chooseSupplier } from "../../src/suppliers/choose.ts";
import type { StageInput, StageOutput, Supplier } from "../../src/suppliers/supplier.ts";

/** What goes wrong while the supplier sells. "After": the piece is sold, the answer is spoilt. */
export const LOST_ANSWERS = [
  "silent_before_sale",
  "reset_before_sale",
  "error_before_sale",
  "unreadable_before_sale",
  "silent_after_sale",
  "reset_after_sale",
  "error_after_sale",
  "truncated_after_sale",
  "not_json_after_sale",
  "wrong_shape_after_sale",
  "oversized_after_sale",
] as const;

/** What spoils a look-up, which sells nothing either way. */
export const LOST_LOOK_UPS = [
  "look_up_silent",
  "look_up_reset",
  "look_up_error",
  "look_up_truncated",
  "look_up_wrong_shape",
  "look_up_rate_limited",
] as const;

/** What spoils a stage after the first, once. */
export const LOST_LATER_STAGES = [
  "later_stage_silent",
  "later_stage_reset",
  "later_stage_error",
  "later_stage_error_after_effect",
  "later_stage_truncated_after_effect",
  "later_stage_rate_limited",
] as const;

/** What spoils the read of offers. */
export const LOST_OFFERS = ["down", "offers_silent", "offers_wrong_shape", "offers_error"] as const;

/** Every way in which the suite makes the simulated twin fail; each strikes once. */
export type SupplierFault =
  | (typeof LOST_ANSWERS)[number]
  | (typeof LOST_LOOK_UPS)[number]
  | (typeof LOST_LATER_STAGES)[number]
  | (typeof LOST_OFFERS)[number]
  | "rate_limited"
  | "out_of_stock"
  | "no_balance"
  | "sale_takes_long";

/** An adapter with its simulated twin. */
export interface SupplierBench {
  readonly supplier: Supplier;
  readonly product: string;
  /** A request that the twin can serve. */
  readonly request: JsonObject;
  /** What it may cost at the most; USD with 6 decimals. */
  readonly maxCostUsdMicro: bigint;
  /** Names of the goods' fields. */
  readonly goodsFields: readonly string[];
  /** What must appear in no reason and no stage state, besides the goods: the API key. */
  readonly secrets: readonly string[];
  strike(fault: SupplierFault): void;
  /** What was really sold, by the twin's own ledger. */
  sold(): readonly { readonly reference: string; readonly isUsable: boolean }[];
  /** Stops the twin: from now on its port refuses connections. */
  unplug(): Promise<void>;
  close(): Promise<void>;
}

/** Calls have this long where the twin is to stay silent. */
const SHORT_MS = 1_000;
const LONG_MS = 10_000;
/** A busy machine may take its time; a condition that never comes true fails after this. */
const PATIENT = { timeout: LONG_MS };

/**
 * What every supplier adapter promises, whatever its supplier: an outcome is never better than what is
 * known, the same attempt is the same purchase, and no secret leaves through a reason or a stage state.
 */
export function supplierContract(
  name: string,
  openBench: (limits: { readonly timeoutMs: number }) => Promise<SupplierBench>,
): void {
  const benches: SupplierBench[] = [];
  const outcomes: Outcome<StageOutput | null>[] = [];

  async function open(timeoutMs = LONG_MS): Promise<SupplierBench> {
    const bench = await openBench({ timeoutMs });
    benches.push(bench);
    return bench;
  }

  afterEach(async () => {
    const keys = benches.flatMap((bench) => bench.secrets);
    const ended = outcomes.splice(0);
    await Promise.all(benches.splice(0).map((bench) => bench.close()));
    const goods = ended.flatMap(goodsValues);
    const isTold = (text: string): boolean =>
      goods.includes(text) || [...keys, ...goods.filter(isLong)].some((one) => text.includes(one));
    expect(ended.flatMap(publicTexts).filter(isTold)).toEqual([]);
  });

  const noted = async <Value extends StageOutput | null>(
    outcome: Promise<Outcome<Value>>,
  ): Promise<Outcome<Value>> => {
    const ended = await outcome;
    outcomes.push(ended);
    return ended;
  };

  const inputOf = (bench: SupplierBench, changes: Partial<StageInput> = {}): StageInput => ({
    attemptId: "att_1",
    product: bench.product,
    request: bench.request,
    previous: {},
    maxCostUsdMicro: bench.maxCostUsdMicro,
    startedAtMs: Date.now(),
    signal: AbortSignal.timeout(2 * LONG_MS),
    ...changes,
  });

  const buy = (bench: SupplierBench, changes: Partial<StageInput> = {}) =>
    noted(bench.supplier.stages[0].run(inputOf(bench, changes)));

  const find = (bench: SupplierBench, changes: Partial<StageInput> = {}) =>
    noted(bench.supplier.find(inputOf(bench, changes)));

  /**
   * The last stage's outcome, its goods those of whichever stage brought them. Each is fed with what the one
   * before stored: as text, the way a database keeps it.
   */
  async function runRest(
    bench: SupplierBench,
    first: StageOutput,
    attemptId = "att_1",
  ): Promise<Outcome<StageOutput>> {
    let { state, goods } = first;
    let outcome: Outcome<StageOutput> = { kind: "done", value: first };
    for (const stage of bench.supplier.stages.slice(1)) {
      const previous = JSON.parse(JSON.stringify(state)) as JsonObject;
      outcome = await noted(stage.run(inputOf(bench, { attemptId, previous })));
      if (outcome.kind !== "done") return outcome;
      expect(goods === null || outcome.value.goods === null).toBe(true);
      goods ??= outcome.value.goods;
      ({ state } = outcome.value);
    }
    return outcome.kind === "done" ? { kind: "done", value: { ...outcome.value, goods } } : outcome;
  }

  /** The goods of a whole purchase. */
  async function goodsOf(bench: SupplierBench, attemptId: string): Promise<Goods | null> {
    return valueOf(await runRest(bench, await bought(bench, attemptId), attemptId)).goods;
  }

  async function bought(bench: SupplierBench, attemptId = "att_1"): Promise<StageOutput> {
    return valueOf(await buy(bench, { attemptId }));
  }

  describe(`supplier ${name}`, { timeout: 3 * LONG_MS }, () => {
    test("a purchase runs through its stages and brings all goods", async () => {
      const bench = await open();
      const output = await bought(bench);
      expect(output.costUsdMicro).toBeGreaterThan(0n);
      expect(output.costUsdMicro).toBeLessThanOrEqual(bench.maxCostUsdMicro);
      expect(bench.sold()).toHaveLength(1);

      const last = valueOf(await runRest(bench, output));
      expect(Object.keys(last.goods ?? {}).toSorted()).toEqual(bench.goodsFields.toSorted());
      expect(Object.values(last.goods ?? {})).not.toContain("");
      expect(last.costUsdMicro).toBe(output.costUsdMicro);
      expect(bench.sold()).toEqual([{ reference: "att_1", isUsable: true }]);
    });

    test("two attempts are two purchases", async () => {
      const bench = await open();
      const [first, second] = [await goodsOf(bench, "att_1"), await goodsOf(bench, "att_2")];
      expect(first).not.toEqual(second);
      expect(bench.sold().map((piece) => piece.reference)).toEqual(["att_1", "att_2"]);
    });

    test("the same attempt again is the same purchase, if the supplier is said to deduplicate", async () => {
      const bench = await open();
      const first = await bought(bench);
      const again = bench.supplier.placement === "dedupes" ? await bought(bench) : first;
      expect(again).toEqual(first);
      expect(bench.sold()).toHaveLength(1);
    });

    test("an attempt that the supplier never saw is found as null", async () => {
      const bench = await open();
      await bought(bench, "att_other");
      expect(await find(bench)).toEqual({ kind: "done", value: null });
    });

    test("a purchase is found with the same goods, and goes on from there", async () => {
      const bench = await open();
      const output = await bought(bench);
      const found = valueOf(await find(bench));
      expect(found).toEqual(output);
      expect((await runRest(bench, output)).kind).toBe("done");
      expect(valueOf(await find(bench))?.goods).toEqual(output.goods);
    });

    test.each(LOST_ANSWERS)("%s: the purchase is unknown until it is looked up", async (fault) => {
      const bench = await open(fault.startsWith("silent") ? SHORT_MS : LONG_MS);
      bench.strike(fault);
      expect((await buy(bench)).kind).toBe("unknown");

      const wasSold = fault.endsWith("after_sale");
      await expect.poll(() => bench.sold().length, PATIENT).toBe(wasSold ? 1 : 0);
      const found = valueOf(await find(bench));
      expect(found === null).toBe(!wasSold);

      // Only a reference that makes the same purchase may be sent again.
      if (bench.supplier.placement !== "dedupes") return;
      const output = await bought(bench);
      expect(found ?? output).toEqual(output);
      expect(bench.sold()).toHaveLength(1);
    });

    test.each([
      ["rate_limited", true],
      ["out_of_stock", false],
      ["no_balance", false],
    ] as const)("%s: nothing was bought, and that is known", async (fault, retryable) => {
      const bench = await open();
      bench.strike(fault);
      expect(await buy(bench)).toMatchObject({ kind: "failed", retryable });
      expect(bench.sold()).toEqual([]);
    });

    test("a connection that is refused is a failure to retry: the request never left", async () => {
      const bench = await open();
      await bench.unplug();
      expect(await buy(bench)).toMatchObject({ kind: "failed", retryable: true });
      expect(bench.sold()).toEqual([]);
    });

    test("a purchase that was given up beforehand is not sent", async () => {
      const bench = await open();
      const outcome = await buy(bench, { signal: AbortSignal.abort() });
      expect(outcome).toMatchObject({ kind: "failed", retryable: true });
      expect(bench.sold()).toEqual([]);
    });

    test("a purchase given up on the way is unknown, and is never found as null while it runs", async () => {
      const bench = await open();
      bench.strike("sale_takes_long");
      const giveUp = new AbortController();
      const buying = buy(bench, { signal: giveUp.signal });
      const seen: string[] = [];
      const lookUp = async (): Promise<string> => {
        const outcome = await find(bench);
        const said = outcome.kind === "done" && outcome.value === null ? "null" : outcome.kind;
        seen.push(said);
        return said;
      };
      await expect.poll(lookUp, PATIENT).not.toBe("null");
      giveUp.abort();
      expect((await buying).kind).toBe("unknown");

      const reached = seen.length;
      await expect.poll(lookUp, PATIENT).toBe("done");
      expect(seen.slice(reached)).not.toContain("null");
      expect(bench.sold()).toHaveLength(1);
    });

    test.each(LOST_LOOK_UPS)(
      "%s: the look-up is unknown, never null and never a failure",
      async (fault) => {
        const bench = await open(fault === "look_up_silent" ? SHORT_MS : LONG_MS);
        bench.strike("error_after_sale");
        await buy(bench);
        bench.strike(fault);
        expect((await find(bench)).kind).toBe("unknown");
        const found = valueOf(await find(bench));
        assert(found !== null, "what was bought is not found");
        expect(valueOf(await runRest(bench, found)).goods).not.toBeNull();
      },
    );

    test("a look-up at a supplier that is gone is unknown: its refusal says nothing about the past", async () => {
      const bench = await open();
      await bought(bench);
      await bench.unplug();
      expect((await find(bench)).kind).toBe("unknown");
    });

    test("later stages may be repeated without harm", async () => {
      const bench = await open();
      const output = await bought(bench);
      const first = await runRest(bench, output);
      const again = await runRest(bench, output);
      expect(again).toEqual(first);
      expect(bench.sold()).toEqual([{ reference: "att_1", isUsable: true }]);
    });

    test.each(LOST_LATER_STAGES)(
      "%s: done only if the piece is usable; the next try works",
      async (fault) => {
        const bench = await open(fault === "later_stage_silent" ? SHORT_MS : LONG_MS);
        const output = await bought(bench);
        bench.strike(fault);
        const spoilt = await runRest(bench, output);
        const isUsable = bench.sold().every((piece) => piece.isUsable);
        expect(spoilt.kind === "done" ? isUsable : true).toBe(true);
        expect(spoilt).not.toMatchObject({ kind: "failed", retryable: false });

        expect((await runRest(bench, output)).kind).toBe("done");
        expect(bench.sold()).toEqual([{ reference: "att_1", isUsable: true }]);
      },
    );

    test("offers are read without buying, and cover the request", async () => {
      const bench = await open();
      const offers = valueOf(await bench.supplier.offers(AbortSignal.timeout(LONG_MS)));
      const { id, products } = bench.supplier;
      const wish = {
        product: bench.product,
        piece: pieceOf(bench.request),
        maxCostUsdMicro: bench.maxCostUsdMicro,
        rejectedBy: [],
      };
      const choice = chooseSupplier(wish, [{ supplierId: id, offers, breaker: CLOSED }]);
      expect(choice.supplierId).toBe(id);
      expect(products).toContain(bench.product);
      expect(bench.sold()).toEqual([]);
    });

    test.each(LOST_OFFERS)("%s: the probe does not succeed", async (fault) => {
      const bench = await open(fault === "offers_silent" ? SHORT_MS : LONG_MS);
      bench.strike(fault);
      const probe = await bench.supplier.offers(AbortSignal.timeout(LONG_MS));
      expect(probe.kind).not.toBe("done");
      expect((await bench.supplier.offers(AbortSignal.timeout(LONG_MS))).kind).toBe("done");
    });

    test("stages have names of their own, a time limit and pauses between their tries", async () => {
      const { supplier } = await open();
      const names = supplier.stages.map((stage) => stage.name);
      expect(new Set(names).size).toBe(names.length);
      expect(supplier.stages.every(({ timeoutMs }) => timeoutMs > 0)).toBe(true);
      const pauses = supplier.stages.flatMap(({ retryPausesMs }) => retryPausesMs);
      expect(pauses.every((pauseMs) => pauseMs > 0)).toBe(true);
      expect(supplier.lookupWindowMs).toBeGreaterThanOrEqual(0);
    });
  });
}

/** The texts of an outcome that are stored in plain or logged. */
function publicTexts(outcome: Outcome<StageOutput | null>): readonly string[] {
  if (outcome.kind !== "done") return [outcome.reason];
  const { state = {} } = outcome.value ?? {};
  return [JSON.stringify(state), ...Object.values(state).map(String)];
}

function goodsValues(outcome: Outcome<StageOutput | null>): readonly string[] {
  return outcome.kind === "done" ? Object.values(outcome.value?.goods ?? {}) : [];
}

/** A cvv is too short to look for inside other texts; it would be found in an id by chance. */
function isLong(text: string): boolean {
  return text.length > 4;
}

function valueOf<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind !== "done")
    throw new Error(`expected done, got ${outcome.kind}: ${outcome.reason}`);
  return outcome.value;
}
