import { expect, test } from "vitest";
import { openBooks, type RailBooks } from "../fixtures/rail-books.ts";
import { firstAsset, present, type RailBench, type RailBlocks } from "./rail-bench.ts";

/** What a rail tells of a chain that replaces its newest blocks. */
export function replacementPromises(use: () => RailBench): void {
  const start = async (): Promise<{ books: RailBooks; blocks: RailBlocks; symbol: string }> => {
    const bench = use();
    const { blocks } = bench;
    if (blocks === undefined) throw new Error("the bench has no blocks");
    const { symbol } = firstAsset(bench.open());
    // What other tests have paid becomes final first.
    await blocks.close(blocks.untilFinal);
    const books = openBooks(() => bench.open(), undefined, await present(bench.open()));
    return { books, blocks, symbol };
  };

  test("a payment is told at once, as one that may be taken back, and again when it is final", async () => {
    const { books, blocks, symbol } = await start();
    const paid = await blocks.pay({ symbol, atomic: 7n, orderRef: "ord_seen" });
    for (let block = 0; block < blocks.untilFinal; block++) {
      await books.catchUp();
      const [seen, ...others] = books.deposits();
      expect(seen).toMatchObject({ ...paid, orderRef: "ord_seen", isFinal: false });
      expect(seen?.blockHash).toMatch(/./);
      expect(others).toEqual([]);
      await blocks.close(1);
    }
    await books.catchUp();
    expect(books.deposits()).toMatchObject([{ ...paid, isFinal: true }]);
    expect(books.takenBack).toEqual([]);
  });

  test("a payment that leaves the chain is taken back, and counts when it comes again", async () => {
    const { books, blocks, symbol } = await start();
    const paid = await blocks.pay({ symbol, atomic: 8n, orderRef: "ord_gone" });
    await books.catchUp();
    await blocks.replace(1);
    books.restart();
    await books.catchUp();
    expect(books.deposits()).toEqual([]);
    expect(books.takenBack).toHaveLength(1);
    const again = await blocks.pay({ symbol, atomic: 9n, orderRef: "ord_gone" });
    await blocks.close(blocks.untilFinal);
    await books.catchUp();
    expect(books.deposits()).toMatchObject([{ ...again, isFinal: true }]);
    expect(paid.txId).not.toBe(again.txId);
  });

  test("a payment that moves to another block keeps its name and waits anew", async () => {
    const { books, blocks, symbol } = await start();
    const depth = blocks.untilFinal;
    const { txId } = await blocks.pay({ symbol, atomic: 10n, orderRef: "ord_moved" });
    await blocks.close(depth - 1);
    await books.catchUp();
    const [before] = books.deposits();
    await blocks.replace(depth, [txId]);
    await books.catchUp();
    const [after, ...others] = books.deposits();
    expect(others).toEqual([]);
    expect(after).toMatchObject({ txId, index: before?.index, isFinal: false });
    expect(after?.blockHash).not.toBe(before?.blockHash);
    expect(books.takenBack).toEqual([]);
    await blocks.close(depth);
    await books.catchUp();
    expect(books.deposits()).toMatchObject([{ txId, isFinal: true }]);
  });
}
