import { expect, test } from "vitest";
import { type LostRelays, rememberLostRelays } from "./lost-relays.ts";

const HOUR_MS = 3_600_000;

function lose(lost: LostRelays, payer: string, atMs: number): void {
  const ref = `${payer}|${atMs}`;
  lost.noteRelayed(ref, payer, atMs);
  lost.noteEnd(ref, false, atMs);
}

test("two losses in a day are forgiven, three are not until the first is a day old", () => {
  const lost = rememberLostRelays();
  for (const hour of [0, 5]) lose(lost, "a", hour * HOUR_MS);
  expect(lost.isBarred("a", 6 * HOUR_MS)).toBe(false);
  lose(lost, "a", 7 * HOUR_MS);
  expect(lost.isBarred("a", 23 * HOUR_MS)).toBe(true);
  expect(lost.isBarred("b", 23 * HOUR_MS)).toBe(false);
  expect(lost.isBarred("a", 25 * HOUR_MS)).toBe(false);
});

test("what was paid, told twice, or never relayed by us counts for nothing", () => {
  const lost = rememberLostRelays();
  lose(lost, "a", 1);
  for (let again = 0; again < 5; again++) lost.noteEnd("a|1", false, 2);
  for (let again = 0; again < 5; again++) lost.noteEnd(`stranger|${again}`, false, 2);
  for (let again = 0; again < 5; again++) {
    lost.noteRelayed(`paid|${again}`, "a", 3);
    lost.noteEnd(`paid|${again}`, true, 4);
  }
  expect(lost.isBarred("a", 5)).toBe(false);
});

test("strangers without number do not fill the memory", () => {
  const lost = rememberLostRelays();
  for (let each = 0; each < 30_000; each++) lose(lost, `payer ${each}`, each);
  for (let each = 0; each < 3; each++) lose(lost, "racer", 30_000 + each);
  expect(lost.isBarred("racer", 30_010)).toBe(true);
});
