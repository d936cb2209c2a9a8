import fc from "fast-check";
import { expect, test } from "vitest";
import { COLD_START, type Cursor, parseCursor, writeCursor } from "./cursor.ts";
import { noteTold, remember } from "./memory.ts";

const LINK = { lt: 5n, hash: "ab".repeat(32) };

test("a cursor survives being written, whatever strangers call their orders", () => {
  const id = fc.string({ minLength: 1, maxLength: 64, unit: "grapheme-ascii" });
  const told = fc.array(fc.tuple(id, fc.bigInt({ min: 1n, max: 9_999_999_999_999_999n })));
  fc.assert(
    fc.property(told, (entries) => {
      const cursor: Cursor = { link: LINK, timeS: 1_800_000_000, told: new Map(entries) };
      expect(parseCursor(writeCursor(cursor))).toEqual(cursor);
      expect([...(parseCursor(writeCursor(cursor))?.told ?? [])]).toEqual([...cursor.told]);
    }),
  );
});

test.each([
  "",
  "5",
  `5:${LINK.hash}:7;a`,
  `5:${LINK.hash}:7;a=`,
  `5:${LINK.hash}:7;%zz=5`,
  `5:${LINK.hash}:7;a=5;b`,
])("%s is no cursor", (text) => {
  expect(parseCursor(text)).toBeNull();
});

test("of too many addresses those that nobody expected are forgotten first, then the oldest", () => {
  const memory = remember(null, COLD_START, 1_000);
  const { rounds, told } = memory;
  const tell = (orderId: string, lt: number): void => {
    for (const watched of rounds.all())
      if (watched.orderId === orderId) {
        const entry = { kind: "unreadable", unreadable: {} } as never;
        const arrival = { lt: BigInt(lt), txId: orderId, chainTimeMs: 0, entry };
        noteTold(memory, { watched, arrival });
      }
  };
  const expected = Array.from({ length: 500 }, (_, each) => `ord_${each}`);
  rounds.expect(
    expected.map((id) => ({ id, windowClosesAtMs: 1 })),
    0,
  );
  for (const [at, id] of expected.slice(0, 499).entries()) tell(id, at + 1);
  for (let each = 0; each < 20; each++) {
    rounds.add(`stranger_${each}`, 0);
    tell(`stranger_${each}`, 1_000 + each);
  }
  expect(told.size).toBe(500);
  for (const id of expected.slice(0, 499)) expect(told.has(id)).toBe(true);
  tell("ord_499", 2_000);
  expect([...told.keys()]).toEqual(expected);
  tell("ord_0", 2_001);
  expect([...told.keys()].at(-1)).toBe("ord_0");
});
