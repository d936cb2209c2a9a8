import { expect, test } from "vitest";
import { createRounds, type Rounds } from "./rounds.ts";

const POLL_MS = 2_000;
const LATE_MS = 15_000;
const MINUTE_MS = 60_000;
const CLOSES_MS = 1_000_000;

function rounds(...orders: readonly string[]): Rounds {
  const made = createRounds({ pollMs: POLL_MS, toldLt: () => 0n });
  made.expect(
    orders.map((id) => ({ id, windowClosesAtMs: CLOSES_MS })),
    0,
  );
  return made;
}

/** Looks at an order's address at once; both clocks agree. */
function look(made: Rounds, orderId: string, nowMs: number): void {
  for (const watched of made.all())
    if (watched.orderId === orderId)
      made.note(watched, { headLt: 0n, chainTimeMs: nowMs, arrivals: [] }, nowMs);
}

const due = (made: Rounds, nowMs: number): readonly string[] =>
  made.due(nowMs).map(({ orderId }) => orderId);

test("an open order is looked at all the time, the longest waiting first", () => {
  const made = rounds("a", "b");
  expect(due(made, 0)).toEqual(["a", "b"]);
  look(made, "a", 100);
  expect(due(made, 100)).toEqual(["b"]);
  look(made, "b", 50);
  expect(due(made, 100 + POLL_MS)).toEqual(["b", "a"]);
});

test("a closed one is looked at when all of its window can be seen, then after pauses that double", () => {
  const made = rounds("a");
  const looks: number[] = [];
  for (let nowMs = CLOSES_MS; nowMs < CLOSES_MS + 24 * 60 * MINUTE_MS; nowMs += 1_000) {
    if (due(made, nowMs).length === 0) continue;
    looks.push(nowMs - CLOSES_MS);
    look(made, "a", nowMs);
  }
  expect(looks.filter((afterMs) => afterMs <= LATE_MS).length).toBeGreaterThan(5);
  const late = looks.filter((afterMs) => afterMs > MINUTE_MS);
  expect(late.length).toBeGreaterThan(8);
  expect(late.length).toBeLessThan(13);
});

test("windows are closed up to the oldest look at an open order, and never backwards", () => {
  const made = rounds("a", "b");
  expect(made.seenUntilMs(500_000, 7_000)).toBe(7_000);
  look(made, "a", 400_000);
  look(made, "b", 300_000);
  expect(made.seenUntilMs(500_000, 0)).toBe(300_000 - LATE_MS);
  expect(made.seenUntilMs(200_000, 0)).toBe(200_000 - LATE_MS);
});

test("an order holds its own window open until it was looked at late enough, and no other's after that", () => {
  const made = rounds("a");
  look(made, "a", CLOSES_MS + LATE_MS);
  expect(made.seenUntilMs(10 * CLOSES_MS, 0)).toBe(CLOSES_MS);
  look(made, "a", CLOSES_MS + LATE_MS + 1);
  expect(made.seenUntilMs(10 * CLOSES_MS, 0)).toBe(10 * CLOSES_MS - LATE_MS);
});

test("who is expected no more is forgotten, unless something of it is untold or it was never looked at", () => {
  const made = rounds("seen", "untold", "unseen");
  look(made, "seen", 10);
  for (const watched of made.all())
    if (watched.orderId === "untold") {
      const entry = { kind: "unreadable", unreadable: {} } as never;
      const arrivals = [{ lt: 5n, txId: "x", chainTimeMs: 5, entry }];
      made.note(watched, { headLt: 5n, chainTimeMs: 10, arrivals }, 10);
    }
  made.expect([], 20);
  expect([...made.all()].map(({ orderId }) => orderId)).toEqual(["untold", "unseen"]);
});

test("what was swept is looked at at once, expected or not", () => {
  const made = rounds("a");
  look(made, "a", 100);
  made.add("a", 101);
  made.add("stranger", 101);
  expect(due(made, 101)).toEqual(["a", "stranger"]);
});
