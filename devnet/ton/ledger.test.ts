import { randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Address, Cell, toNano } from "@ton/core";
import { expect, test } from "vitest";
import { createChain } from "./chain.ts";
import { createLedger } from "./ledger.ts";
import { createJetton, internalMessage, NOBODY } from "./jetton.ts";

async function chainOf(maxTransactions: number) {
  return createChain({
    isInstant: true,
    isOneHopPerBlock: false,
    maxTransactions,
    now: Date.now,
  });
}

test("only so many transactions are remembered, the newest", async () => {
  const chain = await chainOf(5);
  const account = new Address(0, randomBytes(32));
  for (let i = 1n; i <= 8n; i += 1n) {
    await chain.inject(internalMessage({ from: NOBODY, to: account, value: i, body: Cell.EMPTY }));
  }
  expect(chain.ledger.size()).toBe(5);
  const kept = chain.ledger.transactionsOf(account.toRawString());
  expect(kept).toHaveLength(5);
  expect(kept.at(-1)?.lt).toBe(chain.ledger.lastOf(account.toRawString())?.lt);
});

test("blocks are forgotten by their own number, without their transactions", () => {
  const ledger = createLedger({ maxTransactions: 10, maxBlocks: 3 }, 1000);
  for (let utime = 1001; utime <= 1005; utime += 1) ledger.append(utime, []);
  expect([3, 4, 5, 6, 7].map((seqno) => ledger.block(seqno)?.utime ?? null)).toEqual([
    null,
    1003,
    1004,
    1005,
    null,
  ]);
  expect(ledger.latest().utime).toBe(1005);
});

test("an account's last transaction is known for good, its others while there is room", async () => {
  const chain = await chainOf(3);
  const [first, second] = [new Address(0, randomBytes(32)), new Address(0, randomBytes(32))];
  const gift = { from: NOBODY, value: 1n, body: Cell.EMPTY };
  await chain.inject(internalMessage({ ...gift, to: first }));
  for (let i = 0; i < 3; i += 1) await chain.inject(internalMessage({ ...gift, to: second }));
  expect(chain.ledger.transactionsOf(first.toRawString())).toEqual([]);
  expect(chain.ledger.lastOf(first.toRawString())).not.toBeNull();
  expect(chain.ledger.transactionsOf(second.toRawString())).toHaveLength(3);
});

test("the logs of what was executed are not kept", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const chain = await chainOf(100_000);
  const jetton = createJetton();
  await chain.inject(jetton.deployment());
  const owner = new Address(0, randomBytes(32));
  const mint = async (times: number) => {
    for (let i = 0; i < times; i += 1) await chain.inject(jetton.minting(owner, 1n));
    collect();
    return process.memoryUsage().heapUsed;
  };
  await chain.inject(
    internalMessage({ from: NOBODY, to: owner, value: toNano("1"), body: Cell.EMPTY }),
  );
  const before = await mint(20);
  const grown = (await mint(100)) - before;
  // Two transactions each; with their logs they are some 70 KB.
  expect(grown / 100).toBeLessThan(20_000);
});
