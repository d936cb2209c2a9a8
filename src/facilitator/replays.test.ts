import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openReplays, type Replays } from "./replays.ts";

const DAY_MS = 24 * 3_600_000;
const REF = "eip155:137|0xtoken|0xpayer|0x01";

function newFile(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-replays-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, "facilitator.db");
}

function open(file = ":memory:"): Replays {
  const replays = openReplays(file);
  onTestFinished(() => {
    try {
      replays.close();
    } catch {
      // The test has closed it.
    }
  });
  return replays;
}

test("a promise is new once, and known from then on, with what was sent for it", () => {
  const replays = open();
  const fresh = { ref: REF, txId: null, isKnown: false, isTold: false, toldTo: null };
  expect(replays.claim(REF, 1_000, 0)).toEqual(fresh);
  expect(replays.claim(REF, 1_000, 0)).toEqual({ ...fresh, isKnown: true });
  replays.noteSent(REF, "0xab");
  // An answer that names no transaction takes nothing back.
  replays.noteSent(REF, null);
  expect(replays.claim(REF, 1_000, 0)).toMatchObject({ txId: "0xab", isTold: false });
});

test("one caller is told that it landed; another one never, the same key again", () => {
  const replays = open();
  replays.claim(REF, 1_000, 0);
  expect(replays.tell(REF, "order-7")).toBe(true);
  expect(replays.tell(REF, "order-8")).toBe(false);
  expect(replays.tell(REF, null)).toBe(false);
  expect(replays.tell(REF, "order-7")).toBe(true);
  expect(replays.claim(REF, 1_000, 0)).toMatchObject({ isTold: true, toldTo: "order-7" });
});

test("a caller without a key is told once, and nobody can claim to be it", () => {
  const replays = open();
  replays.claim(REF, 1_000, 0);
  expect(replays.tell(REF, null)).toBe(true);
  expect(replays.tell(REF, null)).toBe(false);
  expect(replays.tell(REF, "")).toBe(false);
});

test("what was told cannot be forgotten; what was never sent can", () => {
  const replays = open();
  replays.claim(REF, 1_000, 0);
  replays.forget(REF);
  expect(replays.claim(REF, 1_000, 0).isKnown).toBe(false);
  replays.tell(REF, null);
  replays.forget(REF);
  expect(replays.claim(REF, 1_000, 0)).toMatchObject({ isKnown: true, isTold: true });
});

test("it is all there after a restart, even one without an orderly end", () => {
  const file = newFile();
  const first = open(file);
  first.claim(REF, 1_000, 0);
  first.noteSent(REF, "0xab");
  first.tell(REF, "order-7");
  expect(open(file).claim(REF, 1_000, 0)).toEqual({
    ref: REF,
    txId: "0xab",
    isKnown: true,
    isTold: true,
    toldTo: "order-7",
  });
});

test("two processes on one file tell one caller between them", () => {
  const file = newFile();
  const [one, other] = [open(file), open(file)];
  expect(one.claim(REF, 1_000, 0).isKnown).toBe(false);
  expect(other.claim(REF, 1_000, 0).isKnown).toBe(true);
  expect([one.tell(REF, null), other.tell(REF, null)]).toEqual([true, false]);
});

test("a promise is remembered for a week past its end, then dropped", () => {
  const replays = open();
  replays.claim(REF, 1_000, 0);
  replays.claim("another", 1_000 + 30 * DAY_MS, 1_000 + 7 * DAY_MS);
  expect(replays.claim(REF, 1_000, 1_000 + 7 * DAY_MS).isKnown).toBe(true);
  expect(replays.claim(REF, 1_000, 1_001 + 7 * DAY_MS).isKnown).toBe(false);
  expect(replays.claim("another", 1_000, 1_001 + 7 * DAY_MS).isKnown).toBe(true);
});
