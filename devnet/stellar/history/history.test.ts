import { expect, test } from "vitest";
import { createHistory, type HistoryLimits } from "./history.ts";
import type { LedgerRecord, TransactionRecord } from "./records.ts";

const ROOM: HistoryLimits = { ledgers: 1_000_000, bytes: 1e9 };

test("only so many ledgers are remembered, without gaps", () => {
  const history = createHistory(ledger(1), { ...ROOM, ledgers: 100 });
  for (let sequence = 2; sequence <= 5000; sequence += 1) history.append(ledger(sequence));
  expect(history.oldest.sequence).toBe(4901);
  expect(history.latest.sequence).toBe(5000);
  expect([4900, 4901, 4950, 5000, 5001].map((one) => history.ledger(one)?.sequence)).toEqual([
    undefined,
    4901,
    4950,
    5000,
    undefined,
  ]);
  expect([...history.ledgers()].map((one) => one.sequence)).toEqual(
    Array.from({ length: 100 }, (_, index) => 4901 + index),
  );
});

test("large transactions push old ledgers out before there are too many", () => {
  const history = createHistory(ledger(1), { ...ROOM, bytes: 100_000 });
  for (let sequence = 2; sequence <= 1000; sequence += 1) {
    history.append(ledger(sequence, [transaction(sequence)]));
  }
  expect(history.bytes).toBeLessThanOrEqual(100_000);
  expect(history.oldest.sequence).toBeGreaterThan(900);
  expect(history.transaction(hashOf(10))).toBeNull();
  expect(history.transaction(hashOf(1000))?.ledger).toBe(1000);
});

test("the latest ledger stays, however large, and what is cut is gone by either hash", () => {
  const history = createHistory(ledger(1), { ...ROOM, bytes: 1 });
  const bumped = { ...transaction(2), innerHash: hashOf(77) };
  history.append(ledger(2, [bumped]));
  expect(history.oldest).toBe(history.latest);
  expect(history.transaction(hashOf(77))).toBe(bumped);
  history.append(ledger(3));
  expect(history.transaction(hashOf(77))).toBeNull();
  expect(history.transaction(hashOf(2))).toBeNull();
});

test("a cut moves the oldest ledger up, though not past the latest", () => {
  const history = createHistory(ledger(1), ROOM);
  for (let sequence = 2; sequence <= 50; sequence += 1) history.append(ledger(sequence));
  history.cutBefore(20);
  expect(history.oldest.sequence).toBe(20);
  history.cutBefore(10);
  expect(history.oldest.sequence).toBe(20);
  history.cutBefore(999);
  expect(history.oldest.sequence).toBe(50);
  history.append(ledger(51));
  expect(history.ledger(51)?.sequence).toBe(51);
});

function ledger(sequence: number, transactions: TransactionRecord[] = []): LedgerRecord {
  return {
    sequence,
    closeTimeS: sequence,
    hash: hashOf(sequence),
    previousHash: hashOf(sequence - 1),
    feePoolStroops: 0n,
    transactions,
    events: [],
  };
}

function transaction(sequence: number): TransactionRecord {
  return {
    hash: hashOf(sequence),
    innerHash: null,
    ledger: sequence,
    closeTimeS: sequence,
    applicationOrder: 1,
    successful: true,
    soroban: false,
    inclusionFeeStroops: 100,
    envelope: "e".repeat(500),
    result: "r".repeat(100),
    meta: "m".repeat(1000),
    diagnosticEvents: [],
    operationEvents: [["x".repeat(200)]],
    transactionEvents: [],
  };
}

function hashOf(number: number): string {
  return number.toString(16).padStart(64, "0");
}
