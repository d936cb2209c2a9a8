import { describe, expect, test } from "vitest";
import { Bug } from "../../../src/errors.ts";
import type { PayoutRow } from "../../../src/store/rows.ts";
import { step, within, type ContractStore } from "./actions.ts";
import {
  HUGE,
  newDeposit,
  newKey,
  newOrder,
  newPayout,
  newPosting,
  NOW_MS,
  RAIL_ID,
  UNICODE,
} from "./rows.ts";
import type { StoreBench } from "../store.ts";

async function openWithOrder(open: StoreBench): Promise<ContractStore> {
  const { store } = await open();
  await store.transact("run", [
    step("keys", "insert", newKey()),
    step("orders", "insert", newOrder()),
  ]);
  return store;
}

export function moneyContract(open: StoreBench): void {
  keyContract(open);
  depositContract(open);
  cursorContract(open);
  payoutContract(open);
  ledgerContract(open);
}

function keyContract(open: StoreBench): void {
  describe("an API key", () => {
    test("comes back as it was stored, by id and by hash", async () => {
      const { store } = await open();
      const key = newKey({
        label: UNICODE,
        limitUsdMicro: HUGE,
        spentUsdMicro: HUGE - 1n,
        inFlightUsdMicro: 1n,
        ordersPerHour: 60,
        isSuspended: true,
        expiresAtMs: NOW_MS + 1,
      });
      await within(store, "keys", "insert", key);
      expect(await store.read.keys.byId("key_1")).toEqual(key);
      expect(await store.read.keys.byHash("hash of key_1")).toEqual(key);
      expect(await store.read.keys.byHash("hash of key_2")).toBeNull();
      const sameHash = newKey({ id: "key_2", hash: key.hash });
      await expect(within(store, "keys", "insert", sameHash)).rejects.toThrow(Bug);
      expect(await store.read.keys.all()).toEqual([key]);
    });

    test("has a budget that is set as a whole, however large", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      await within(store, "keys", "setBudget", "key_1", HUGE, HUGE + 1n);
      expect(await store.read.keys.byId("key_1")).toEqual(
        newKey({ spentUsdMicro: HUGE, inFlightUsdMicro: HUGE + 1n }),
      );
    });

    test("is suspended and readmitted; an unknown one is reported", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      expect(await within(store, "keys", "setSuspended", "key_1", true)).toBe(true);
      expect((await store.read.keys.byId("key_1"))?.isSuspended).toBe(true);
      expect(await within(store, "keys", "setSuspended", "key_1", false)).toBe(true);
      expect((await store.read.keys.byId("key_1"))?.isSuspended).toBe(false);
      expect(await within(store, "keys", "setSuspended", "key_2", true)).toBe(false);
    });
  });
}

function depositContract(open: StoreBench): void {
  describe("a deposit", () => {
    test("that is seen twice is stored once, as it was seen first", async () => {
      const store = await openWithOrder(open);
      const first = newDeposit({ orderId: "ord_1", atomic: HUGE });
      expect(await within(store, "deposits", "insert", first)).toBe(true);
      expect(await within(store, "deposits", "insert", { ...first, atomic: 1n })).toBe(false);
      expect(await store.read.deposits.byId(first.id)).toEqual(first);
      expect(await store.read.deposits.byId("other")).toBeNull();
    });

    test("is listed with the order that it names, whether or not there is one", async () => {
      const store = await openWithOrder(open);
      const own = newDeposit({ id: "a", orderId: "ord_1" });
      const again = newDeposit({ id: "b", reason: "duplicate", height: 101 });
      const nobodys = newDeposit({ id: "c", orderRef: UNICODE, reason: "order_unknown" });
      await store.transact(
        "run",
        [again, own, nobodys].map((row) => step("deposits", "insert", row)),
      );
      expect(await store.read.deposits.ofOrder("ord_1")).toEqual([own, again]);
      expect(await store.read.deposits.ofOrder(UNICODE)).toEqual([nobodys]);
    });

    test("without an order is unmatched; the newest comes first", async () => {
      const store = await openWithOrder(open);
      const rows = [1, 2, 3].map((i) =>
        newDeposit({ id: `d${i}`, reason: "paid_late", seenAtMs: NOW_MS + i }),
      );
      await store.transact("run", [
        ...rows.map((row) => step("deposits", "insert", row)),
        step("deposits", "insert", newDeposit({ id: "d4", orderId: "ord_1" })),
      ]);
      expect(await store.read.deposits.unmatched(10)).toEqual(rows.toReversed());
      expect(await store.read.deposits.unmatched(2)).toHaveLength(2);
    });

    test("that nobody can read stays an alarm until an operator closes it, and closed when it is seen again", async () => {
      const { store } = await open();
      const letter = {
        id: "l1",
        railId: RAIL_ID,
        height: 5,
        reason: UNICODE,
        raw: "AAAA",
        seenAtMs: NOW_MS,
      };
      expect(await within(store, "deposits", "insertDeadLetter", letter)).toBe(true);
      expect(await within(store, "deposits", "insertDeadLetter", letter)).toBe(false);
      expect(await store.read.deposits.deadLetters(NOW_MS)).toEqual([letter]);
      expect(await store.read.deposits.deadLetters(NOW_MS + 1)).toEqual([]);
      expect(await within(store, "deposits", "closeDeadLetter", "l1", NOW_MS)).toBe(true);
      expect(await within(store, "deposits", "closeDeadLetter", "l1", NOW_MS)).toBe(false);
      expect(await within(store, "deposits", "insertDeadLetter", letter)).toBe(false);
      expect(await store.read.deposits.deadLetters(0)).toEqual([]);
    });
  });
}

function cursorContract(open: StoreBench): void {
  test("a cursor moves only from where its watcher read it", async () => {
    const { store } = await open();
    const at = (cursor: string, height: number) => ({
      railId: RAIL_ID,
      cursor,
      height,
      chainTimeMs: NOW_MS + height,
      savedAtMs: NOW_MS,
    });
    expect(await within(store, "cursors", "save", at("c1", 1), "c0")).toBe(false);
    expect(await store.read.cursors.byRail(RAIL_ID)).toBeNull();
    expect(await within(store, "cursors", "save", at("c1", 1), null)).toBe(true);
    expect(await within(store, "cursors", "save", at("cX", 9), null)).toBe(false);
    expect(await within(store, "cursors", "save", at("c2", 2), "c1")).toBe(true);
    expect(await within(store, "cursors", "save", at("cX", 9), "c1")).toBe(false);
    expect(await within(store, "cursors", "save", { ...at("z", 3), railId: "a rail" }, null)).toBe(
      true,
    );
    expect(await store.read.cursors.byRail(RAIL_ID)).toEqual(at("c2", 2));
    expect((await store.read.cursors.all()).map(({ railId }) => railId)).toEqual([
      "a rail",
      RAIL_ID,
    ]);
  });
}

const SIGNED = {
  txId: "hash",
  lane: "lane 1",
  body: "AAAA",
  validUntilMs: NOW_MS + 60_000,
  signedAtHeight: 100,
};

function payoutContract(open: StoreBench): void {
  async function openWithPayouts(...rows: readonly Partial<PayoutRow>[]): Promise<ContractStore> {
    const store = await openWithOrder(open);
    const payouts = rows.map((row) => newPayout(row));
    const depositIds = new Set(payouts.map(({ depositId }) => depositId));
    await store.transact("run", [
      ...[...depositIds].map((id) => step("deposits", "insert", newDeposit({ id }))),
      ...payouts.map((row) => step("payouts", "insert", row)),
    ]);
    return store;
  }
  const sign = (store: ContractStore, id: string, lane = "lane 1") =>
    within(store, "payouts", "move", id, "due", "signed", { ...SIGNED, lane }, NOW_MS + 1);

  describe("a payout", () => {
    test("comes back as it was stored", async () => {
      const full = newPayout({
        ...SIGNED,
        orderId: "ord_1",
        atomic: HUGE,
        state: "signed",
        deadTxIds: ["dead 1", UNICODE],
        reason: UNICODE,
      });
      const store = await openWithPayouts(full);
      expect(await store.read.payouts.byId("pay_1")).toEqual(full);
      expect(await store.read.payouts.ofOrder("ord_1")).toEqual([full]);
      expect(await store.read.payouts.ofDeposit(full.depositId)).toEqual([full]);
      expect(await store.read.payouts.byId("pay_2")).toBeNull();
    });

    test("of one deposit and cause exists once", async () => {
      const store = await openWithPayouts({});
      const insert = (row: Partial<PayoutRow>) =>
        within(store, "payouts", "insert", newPayout(row));
      expect(await insert({ id: "pay_2" })).toBe(false);
      expect(await insert({})).toBe(false);
      expect(await insert({ id: "pay_3", cause: "excess" })).toBe(true);
      expect(await store.read.payouts.ofDeposit(newPayout().depositId)).toHaveLength(2);
      await within(store, "deposits", "insert", newDeposit({ id: "other" }));
      await expect(insert({ depositId: "other" })).rejects.toThrow(Bug);
    });

    test("moves from the state that its mover saw, with what the move names", async () => {
      const store = await openWithPayouts({});
      expect(await sign(store, "pay_1")).toBe(true);
      const signed = newPayout({ ...SIGNED, state: "signed", updatedAtMs: NOW_MS + 1 });
      expect(await store.read.payouts.byId("pay_1")).toEqual(signed);
      expect(await sign(store, "pay_1")).toBe(false);
      expect(await sign(store, "pay_2")).toBe(false);
      const dead = { txId: null, lane: null, body: null, deadTxIds: ["hash"], reason: "expired" };
      await within(store, "payouts", "move", "pay_1", "signed", "due", dead, NOW_MS + 2);
      expect(await store.read.payouts.byId("pay_1")).toEqual({
        ...signed,
        ...dead,
        state: "due",
        updatedAtMs: NOW_MS + 2,
      });
    });

    test("is the only signed one of its lane until it is final or dropped", async () => {
      const store = await openWithPayouts(
        { id: "pay_1", depositId: "d1" },
        { id: "pay_2", depositId: "d2" },
        { id: "pay_3", depositId: "d3", railId: "another rail" },
        { id: "pay_4", depositId: "d4" },
      );
      expect(await sign(store, "pay_1")).toBe(true);
      expect(await sign(store, "pay_2")).toBe(false);
      expect((await store.read.payouts.byId("pay_2"))?.state).toBe("due");
      expect(await sign(store, "pay_2", "lane 2")).toBe(true);
      // A lane may be shared by rails: the nonces of one treasury.
      expect(await sign(store, "pay_3")).toBe(false);
      expect(await sign(store, "pay_4", "lane 4")).toBe(true);
      await within(store, "payouts", "move", "pay_2", "signed", "due", { lane: null }, NOW_MS);
      expect(await sign(store, "pay_2")).toBe(false);
      await within(store, "payouts", "move", "pay_1", "signed", "final", {}, NOW_MS);
      expect(await sign(store, "pay_2")).toBe(true);
    });

    test("is listed by state, the oldest first", async () => {
      const store = await openWithPayouts(
        { id: "pay_1", depositId: "d1", createdAtMs: NOW_MS + 2 },
        { id: "pay_2", depositId: "d2", createdAtMs: NOW_MS + 1 },
        { id: "pay_3", depositId: "d3", createdAtMs: NOW_MS + 3 },
        { id: "pay_4", depositId: "d4", state: "blocked" },
      );
      await sign(store, "pay_3");
      const idsOf = async (...args: Parameters<typeof store.read.payouts.list>) =>
        (await store.read.payouts.list(...args)).map(({ id }) => id);
      expect(await idsOf(["due"], 10)).toEqual(["pay_2", "pay_1"]);
      expect(await idsOf(["due", "signed"], 10)).toEqual(["pay_2", "pay_1", "pay_3"]);
      expect(await idsOf(["due", "signed"], 1)).toEqual(["pay_2"]);
      expect(await idsOf(["final"], 10)).toEqual([]);
      expect(await idsOf([], 10)).toEqual([]);
    });
  });
}

function ledgerContract(open: StoreBench): void {
  describe("the ledger", () => {
    test("adds up each account and asset, however large", async () => {
      const { store } = await open();
      const post = (entryId: string, atomic: bigint, assetId: string) =>
        within(store, "ledger", "post", [
          newPosting({ entryId, account: "held", atomic, assetId }),
          newPosting({ entryId, account: "owed", atomic: -atomic, assetId }),
        ]);
      expect(await post("e1", HUGE, "A")).toBe(true);
      expect(await post("e2", HUGE, "A")).toBe(true);
      expect(await post("e3", -1n, "B")).toBe(true);
      expect(await store.read.ledger.balances()).toEqual([
        { account: "held", assetId: "A", atomic: HUGE * 2n },
        { account: "held", assetId: "B", atomic: -1n },
        { account: "owed", assetId: "A", atomic: HUGE * -2n },
        { account: "owed", assetId: "B", atomic: 1n },
      ]);
    });

    test("takes an entry once", async () => {
      const { store } = await open();
      const entry = [newPosting({ atomic: 5n }), newPosting({ account: "owed", atomic: -5n })];
      expect(await within(store, "ledger", "post", entry)).toBe(true);
      const before = await store.read.ledger.balances();
      expect(await within(store, "ledger", "post", entry)).toBe(false);
      expect(await store.read.ledger.balances()).toEqual(before);
    });

    test.each([
      ["does not sum to zero", [newPosting({ atomic: 5n }), newPosting({ atomic: -4n })]],
      [
        "sums to zero only across assets",
        [newPosting({ atomic: 5n }), newPosting({ atomic: -5n, assetId: "other" })],
      ],
      [
        "is two entries",
        [newPosting({ atomic: 5n }), newPosting({ atomic: -5n, entryId: "other" })],
      ],
      ["is empty", []],
    ])("refuses an entry that %s", async (_, postings) => {
      const { store } = await open();
      await expect(within(store, "ledger", "post", postings)).rejects.toThrow(Bug);
      expect(await store.read.ledger.balances()).toEqual([]);
    });
  });
}
