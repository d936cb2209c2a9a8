import { type Hex, numberToHex } from "viem";
import { expect, test } from "vitest";
import { type BlockMark, parseCursor, thinned, writeCursor } from "./cursor.ts";

const mark = (number: number): BlockMark => ({ number, hash: numberToHex(number, { size: 32 }) });

test("a cursor comes back as it was written", () => {
  const cursor = {
    final: mark(64),
    head: mark(66),
    checkpoints: [mark(63), mark(60)],
    open: ["a"],
    held: ["a", "b"],
  };
  expect(parseCursor(writeCursor(cursor))).toEqual(cursor);
});

test.each(["", "12", "null", "{}", '{"final":[1,"0x1"],"head":[1]}', '{"final":[1.5,"0x1"]}'])(
  "%j is no cursor",
  (text) => expect(parseCursor(text)).toBeNull(),
);

test("checkpoints stay few, the nearest is the block before, and the farthest ever farther away", () => {
  let checkpoints: readonly BlockMark[] = [];
  for (let height = 1; height <= 5_000; height++) {
    checkpoints = thinned(mark(height), [mark(height - 1), ...checkpoints]);
    const distances = checkpoints.map(({ number }) => height - number);
    expect(distances[0]).toBe(1);
    expect(distances.length).toBeLessThanOrEqual(14);
    // Whatever the depth of a reorg, the common ancestor is not more than four times as far back.
    for (const [i, distance] of distances.slice(1).entries())
      expect(distance).toBeLessThanOrEqual(4 * (distances[i] ?? 0));
    expect(distances.at(-1)).toBeGreaterThanOrEqual(height / 4);
  }
});

test("blocks that come in leaps and blocks of long ago do no harm", () => {
  let checkpoints: readonly BlockMark[] = [];
  for (const height of [1, 2, 1_000, 1_001, 2_000_000, 2_000_001])
    checkpoints = thinned(mark(height), [...checkpoints.slice(0, 1), ...checkpoints.slice(1)]);
  expect(checkpoints).toEqual([]);
  expect(thinned(mark(2_000_001), [mark(2_000_000), mark(1)])).toEqual([mark(2_000_000)]);
  const same: Hex = mark(7).hash;
  expect(thinned(mark(7), [{ number: 7, hash: same }])).toEqual([]);
});
