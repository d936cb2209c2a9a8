import type { ShardAccount } from "@ton/core";
import { expect, test } from "vitest";
import { createStates } from "./states.ts";

const state = (lastTransactionLt: bigint): ShardAccount => ({
  account: null,
  lastTransactionHash: 0n,
  lastTransactionLt,
});

test("an account is as its last transaction up to the block has left it", () => {
  const states = createStates(10);
  states.keep("a", 3, state(30n));
  states.keep("a", 5, state(50n));
  const seen = [2, 3, 4, 5, 9].map((seqno) => states.at("a", seqno)?.lastTransactionLt);
  expect(seen).toEqual([undefined, 30n, 30n, 50n, 50n]);
  expect(states.at("b", 9)).toBeNull();
});

test("so many replaced states are kept, of all accounts together; what is gone is told, not made up", () => {
  const states = createStates(2);
  states.keep("a", 1, state(1n));
  for (const seqno of [2, 3, 4]) states.keep("a", seqno, state(BigInt(seqno)));
  expect(states.at("a", 2)?.lastTransactionLt).toBe(2n);
  expect(() => states.at("a", 1)).toThrow("state already gc'd");
  states.keep("b", 5, state(5n));
  states.keep("b", 6, state(6n));
  expect(() => states.at("a", 2)).toThrow("state already gc'd");
  expect(states.at("a", 9)?.lastTransactionLt).toBe(4n);
});
