import { randomBytes } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Address, Cell, toNano } from "@ton/core";
import { expect, test } from "vitest";
import { createChain } from "./chain.ts";
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
  expect(chain.ledger.block(2)).toBeNull();
  expect(chain.ledger.block(chain.ledger.latest().seqno)).toBe(chain.ledger.latest());
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
