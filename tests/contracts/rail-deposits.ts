import { expect, test } from "vitest";
import {
  firstAsset,
  nameOf,
  payThree,
  present,
  readAll,
  signal,
  type FreshBench,
  type RailBench,
} from "./rail-bench.ts";

/** Deposits are facts that replay identically. */
export function depositPromises(use: () => RailBench, freshBench: FreshBench): void {
  test("a deposit tells who paid how much for what, and when, as the chain has it", async () => {
    const bench = use();
    const rail = bench.open();
    const before = await present(rail);
    for (const asset of rail.assets) {
      const orderRef = `ord_${asset.symbol}`;
      const paid = await bench.pay({ symbol: asset.symbol, atomic: 12_3456789n, orderRef });
      const [deposit] = (await readAll(rail, before)).deposits.slice(-1);
      expect(deposit).toMatchObject({
        ...paid,
        orderRef,
        amount: { asset, atomic: 12_3456789n },
      });
      expect(deposit?.chainTimeMs).toBeGreaterThan(0);
    }
  });

  test("short payments, one base unit and two payments of one order are all plain facts", async () => {
    const bench = use();
    const rail = bench.open();
    const before = await present(rail);
    const symbol = firstAsset(rail).symbol;
    for (const atomic of [1n, 5n, 5n]) await bench.pay({ symbol, atomic, orderRef: "ord_twice" });
    const { deposits } = await readAll(rail, before);
    expect(deposits.map(({ amount }) => amount.atomic)).toEqual([1n, 5n, 5n]);
    expect(new Set(deposits.map(nameOf)).size).toBe(3);
  });

  test("reading again from any cursor, after a restart, gives the same deposits", async () => {
    const bench = use();
    const before = await present(bench.open());
    await payThree(bench);
    const first = await readAll(bench.open({ pageLimit: 1 }), before);
    expect(first.deposits).toHaveLength(3);
    for (const [index, cursor] of first.cursors.entries()) {
      const again = await readAll(bench.open({ pageLimit: 1 }), cursor);
      expect(again.deposits).toEqual(first.pages.slice(index).flatMap(({ deposits }) => deposits));
    }
  });

  test("pages of one deposit add up to the same as one large page", async () => {
    const bench = use();
    const before = await present(bench.open());
    await payThree(bench);
    const small = await readAll(bench.open({ pageLimit: 1 }), before);
    const large = await readAll(bench.open(), before);
    expect(small.deposits).toEqual(large.deposits);
    expect(small.pages.length).toBeGreaterThan(large.pages.length);
    expect(small.pages.every(({ deposits }) => deposits.length <= 1)).toBe(true);
  });

  test("a cold start finds everything that was ever paid, in chain order", async () => {
    const bench = use();
    await payThree(bench);
    const all = await readAll(bench.open({ pageLimit: 2 }), null);
    const heights = all.deposits.map(({ height }) => height);
    expect(all.deposits.length).toBeGreaterThanOrEqual(3);
    expect(heights).toEqual(heights.toSorted((a, b) => a - b));
    expect(new Set(all.deposits.map(nameOf)).size).toBe(all.deposits.length);
  });

  test("nothing at or below the height that a page claims comes on a later page", async () => {
    const bench = use();
    const before = await present(bench.open());
    await payThree(bench);
    const { pages } = await readAll(bench.open({ pageLimit: 1 }), before);
    for (const [index, page] of pages.entries()) {
      const later = pages.slice(index + 1).flatMap(({ deposits }) => deposits);
      expect(later.filter(({ height }) => height <= page.height)).toEqual([]);
    }
  });

  test("a stretch without deposits moves the cursor too", async () => {
    const bench = use();
    const rail = bench.open();
    const before = await present(rail);
    await bench.passTime(10_000);
    const after = await readAll(rail, before);
    expect(after.deposits).toEqual([]);
    expect(after.cursor).not.toBe(before);
  });

  test("an event nobody can read is told of and hides nothing around it", async () => {
    const bench = use();
    const rail = bench.open();
    const before = await present(rail);
    const { symbol } = firstAsset(rail);
    await bench.pay({ symbol, atomic: 1n, orderRef: "ord_before" });
    const { txId } = await bench.payUnreadably();
    await bench.pay({ symbol, atomic: 1n, orderRef: "ord_after" });
    const { deposits, unreadable } = await readAll(rail, before);
    expect(deposits.map(({ orderRef }) => orderRef)).toEqual(["ord_before", "ord_after"]);
    expect(unreadable).toMatchObject([{ txId, reason: expect.stringMatching(/./) as string }]);
  });

  test.each(["read_refused", "read_answer_lost", "page_repeated"] as const)(
    "%s: reading goes on behind the same cursor and loses nothing",
    async (fault) => {
      const bench = use();
      const rail = bench.open({ pageLimit: 2 });
      const before = await present(rail);
      await payThree(bench);
      bench.strike(fault);
      const first = await readAll(rail, before);
      const second = await readAll(rail, first.cursor);
      const names = [...first.deposits, ...second.deposits].map(nameOf);
      expect(new Set(names).size).toBe(3);
    },
  );

  test("history that the servers have dropped is a gap, every time, and nothing is skipped", async () => {
    const bench = await freshBench();
    const before = await present(bench.open());
    await payThree(bench);
    await bench.passTime(10_000);
    await bench.forgetHistory();
    for (const cursor of [before, null, before]) {
      const read = await bench.open().readDeposits(cursor, signal);
      expect(read).toMatchObject({ kind: "gap", reason: expect.stringMatching(/./) as string });
      if (read.kind !== "gap") continue;
      expect(read.firstMissingHeight).toBeLessThan(read.oldestAvailableHeight);
    }
  });

  test("a reader that had read all before history was dropped goes on", async () => {
    const bench = await freshBench();
    await payThree(bench);
    await bench.passTime(10_000);
    const before = await present(bench.open());
    await bench.forgetHistory();
    const { symbol } = firstAsset(bench.open());
    await bench.pay({ symbol, atomic: 7n, orderRef: "ord_later" });
    const { deposits } = await readAll(bench.open(), before);
    expect(deposits.map(({ orderRef }) => orderRef)).toEqual(["ord_later"]);
  });

  test("waiting for news ends at once when it is told to stop", async () => {
    const stopping = new AbortController();
    const waiting = use().open().waitForNews(stopping.signal);
    stopping.abort();
    await expect(waiting).resolves.toBeUndefined();
  });
}
