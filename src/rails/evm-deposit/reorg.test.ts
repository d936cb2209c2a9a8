import type { Hex } from "viem";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RailBooks, openBooks } from "../../../tests/fixtures/rail-books.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import { depositAddress } from "../../chains/evm/deposit-contracts.ts";
import type { EvmTexts, EvmTuning } from "../../chains/evm/settings.ts";
import { createLog } from "../../log.ts";
import { evmDeposit } from "./index.ts";

/** So many blocks until a deposit is final: the reorgs below it are all tried. */
const FINAL_BLOCKS = 6;
const log = createLog({ level: "error", now: () => 0, write: () => {} });

let stage: EvmStage;
let orders = 0;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());

interface Watched {
  readonly books: RailBooks;
  readonly order: string;
  readonly pay: (atomic: bigint) => Promise<Hex>;
}

/** A watcher that is up to date, and an order that may be paid. */
async function watch(tuning: Partial<EvmTuning> = {}): Promise<Watched> {
  const order = `ord_${++orders}`;
  const changes: EvmTexts = {
    FINALITY: String(FINAL_BLOCKS),
    START_BLOCK: String(await stage.devnet.latestBlock()),
  };
  const open = () => evmDeposit.open(stage.config(changes, tuning), { clock: systemClock, log });
  const books = openBooks(open, () => [order]);
  await stage.devnet.mine(FINAL_BLOCKS);
  await books.catchUp();
  const to = depositAddress(stage.contracts, order);
  return {
    books,
    order,
    pay: (atomic) => stage.transfer({ token: stage.devnet.usdc, to, atomic }),
  };
}

const depths = Array.from({ length: FINAL_BLOCKS - 1 }, (_, i) => i + 1);

describe.each(depths)("a payment under %i blocks, its own included", (depth) => {
  test("is not final, and is taken back when the chain drops it for ever", async () => {
    const { books, pay, order } = await watch();
    await pay(5_000_000n);
    await stage.devnet.mine(depth - 1);
    await books.catchUp();
    expect(books.deposits()).toMatchObject([{ orderRef: order, isFinal: false }]);
    await stage.devnet.reorg(depth);
    await books.catchUp();
    expect(books.deposits()).toEqual([]);
    await stage.devnet.mine(FINAL_BLOCKS * 2);
    await books.catchUp();
    expect(books.deposits()).toEqual([]);
    expect(books.takenBack).toHaveLength(1);
  });

  test("keeps its name in another block, and its confirmations start anew", async () => {
    const { books, pay } = await watch();
    const hash = await pay(5_000_000n);
    await stage.devnet.mine(depth - 1);
    await books.catchUp();
    const [before] = books.deposits();
    await stage.devnet.reorg(depth, [{ hash, blockOffset: depth - 1 }]);
    await books.catchUp();
    const [after] = books.deposits();
    expect(after).toMatchObject({ txId: hash, index: before?.index, isFinal: false });
    expect(after?.blockHash).not.toBe(before?.blockHash);
    expect(after?.height).toBe((before?.height ?? 0) + depth - 1);
    expect(books.takenBack).toEqual([]);
    await stage.devnet.mine(FINAL_BLOCKS - 1);
    await books.catchUp();
    expect(books.deposits()).toMatchObject([{ txId: hash, isFinal: true }]);
  });

  test("is found again when it lands anew after it was gone", async () => {
    const { books, pay } = await watch();
    const hash = await pay(5_000_000n);
    const raw = await stage.devnet.rpc("eth_getRawTransactionByHash", [hash]);
    await stage.devnet.mine(depth - 1);
    await books.catchUp();
    await stage.devnet.reorg(depth);
    await books.catchUp();
    expect(books.takenBack).toHaveLength(1);
    await stage.devnet.rpc("eth_sendRawTransaction", [raw]);
    await stage.devnet.mine(FINAL_BLOCKS);
    books.restart();
    await books.catchUp();
    expect(books.deposits()).toMatchObject([{ txId: hash, isFinal: true }]);
  });
});

test("a payment is final with the last of its confirmations, and not a block earlier", async () => {
  const { books, pay } = await watch();
  await pay(1n);
  await stage.devnet.mine(FINAL_BLOCKS - 2);
  await books.catchUp();
  expect(books.deposits()).toMatchObject([{ isFinal: false }]);
  await stage.devnet.mine(1);
  await books.catchUp();
  expect(books.deposits()).toMatchObject([{ isFinal: true }]);
});

test("a payment that vanished while nobody watched is taken back, however much later that is", async () => {
  const { books, pay } = await watch({ pageBlocks: 1, logBlocks: 4 });
  await pay(5_000_000n);
  await stage.devnet.mine(2);
  await books.catchUp();
  expect(books.deposits()).toHaveLength(1);
  await stage.devnet.reorg(3);
  await stage.devnet.mine(60);
  books.restart();
  const page = await books.readOnce();
  expect(page?.isCaughtUp).toBe(false);
  await books.catchUp();
  expect(books.deposits()).toEqual([]);
  expect(books.takenBack).toHaveLength(1);
});

test("a payment that stays is not taken back on the way, though history is read in small pages", async () => {
  const { books, pay } = await watch({ pageBlocks: 1 });
  await stage.devnet.mine(2);
  await pay(5_000_000n);
  await books.catchUp();
  await stage.devnet.mine(20);
  books.restart();
  await books.catchUp();
  expect(books.deposits()).toMatchObject([{ isFinal: true }]);
  expect(books.takenBack).toEqual([]);
});

test("a payment whose order is expected no more is not taken for one that the chain took back", async () => {
  const order = `ord_${++orders}`;
  let expected = [order];
  const config = stage.config({ FINALITY: String(FINAL_BLOCKS) });
  const books = openBooks(
    () => evmDeposit.open(config, { clock: systemClock, log }),
    () => expected,
  );
  await books.catchUp();
  const to = depositAddress(stage.contracts, order);
  await stage.transfer({ token: stage.devnet.usdc, to, atomic: 1n });
  await books.catchUp();
  expected = [];
  books.restart();
  for (let block = 0; block < FINAL_BLOCKS; block++) {
    await stage.devnet.mine();
    await books.catchUp();
  }
  expect(books.deposits()).toMatchObject([{ orderRef: order, isFinal: true }]);
  expect(books.takenBack).toEqual([]);
});

describe("a reorg deeper than what counts as final", () => {
  test.each([2, 5, 20])(
    "of %i final blocks takes back the final payments in them, and only those",
    async (deeper) => {
      const { books, pay } = await watch();
      const kept = await pay(1n);
      await stage.devnet.mine(1);
      await books.catchUp();
      const lost = await pay(2n);
      // One look per block, as a watcher has: each leaves a checkpoint.
      for (let block = 0; block < FINAL_BLOCKS + deeper - 2; block++) {
        await stage.devnet.mine();
        await books.catchUp();
      }
      expect(books.deposits()).toMatchObject([
        { txId: kept, isFinal: true },
        { txId: lost, isFinal: true },
      ]);
      await stage.devnet.reorg(FINAL_BLOCKS + deeper - 1);
      books.restart();
      await books.catchUp();
      expect(books.deposits().map(({ txId }) => txId)).toEqual([kept]);
      expect(books.takenBack).toHaveLength(1);
      await stage.devnet.mine(FINAL_BLOCKS);
      await books.catchUp();
      expect(books.deposits().map(({ txId }) => txId)).toEqual([kept]);
    },
  );

  test("that puts a payment into another block reports it there, once", async () => {
    const { books, pay } = await watch();
    const hash = await pay(2n);
    await stage.devnet.mine(FINAL_BLOCKS + 2);
    await books.catchUp();
    const [before] = books.deposits();
    await stage.devnet.reorg(FINAL_BLOCKS + 3, [{ hash, blockOffset: 2 }]);
    await books.catchUp();
    const [after, ...others] = books.deposits();
    expect(others).toEqual([]);
    expect(after).toMatchObject({ txId: hash, height: (before?.height ?? 0) + 2 });
    expect(books.takenBack).toEqual([]);
  });

  test("past everything that is remembered is told, and nothing is booked", async () => {
    const { books, pay } = await watch();
    await pay(2n);
    await stage.devnet.mine(FINAL_BLOCKS);
    await books.catchUp();
    const { head, final } = JSON.parse(books.cursor() ?? "") as Record<string, unknown>;
    const strange = JSON.stringify({
      head,
      final: [(final as [number])[0], `0x${"11".repeat(32)}`],
      checkpoints: [[1, `0x${"22".repeat(32)}`]],
      open: [],
    });
    const rail = evmDeposit.open(stage.config(), { clock: systemClock, log });
    const read = await rail.readDeposits(strange, new AbortController().signal);
    expect(read).toMatchObject({
      kind: "failed",
      reason: expect.stringMatching(/another chain/) as string,
    });
  });
});

/** A small generator with a seed, so that a failure can be repeated. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

test.each([1, 2, 3])(
  "whatever the chain does, the books end as the chain is (seed %i)",
  async (seed) => {
    const roll = dice(seed);
    const { books, pay } = await watch({ pageBlocks: 8, logBlocks: 3, pageLimit: 2 });
    const paid: Hex[] = [];
    for (let step = 0; step < 30; step++) {
      const choice = roll(6);
      if (choice <= 1) paid.push(await pay(BigInt(step + 1)));
      else if (choice === 2) await stage.devnet.mine(1 + roll(8));
      else if (choice === 3) await stage.devnet.reorg(1 + roll(FINAL_BLOCKS - 1));
      else if (choice === 4) books.restart();
      else await books.catchUp();
    }
    await stage.devnet.mine(FINAL_BLOCKS);
    await books.catchUp();
    const receipts = await Promise.all(
      paid.map((hash) => stage.devnet.rpc("eth_getTransactionReceipt", [hash])),
    );
    const landed = paid.filter((_, i) => receipts[i] !== null);
    const booked = books.deposits();
    expect(booked.map(({ txId }) => txId).toSorted()).toEqual(landed.toSorted());
    expect(booked.every(({ isFinal }) => isFinal)).toBe(true);
  },
);
