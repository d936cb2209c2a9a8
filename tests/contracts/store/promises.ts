import { describe, expect, test } from "vitest";
import type { AuthorizationRow } from "../../../src/store/rows.ts";
import { step, within, type ContractStore } from "./actions.ts";
import { HUGE, newDeposit, newKey, newOrder, NOW_MS, RAIL_ID } from "./rows.ts";
import type { StoreBench } from "../store.ts";

/** What a store keeps of payments that a chain may take back, and of those that are only promised. */
export function promiseContract(open: StoreBench): void {
  replacedContract(open);
  authorizationContract(open);
  payableContract(open);
}

function replacedContract(open: StoreBench): void {
  describe("a deposit in a block that may be replaced", () => {
    test("changes as a whole and keeps its name", async () => {
      const { store } = await open();
      await within(store, "deposits", "insert", newDeposit({ state: "seen", blockHash: "0xa" }));
      const {
        id,
        railId,
        txId,
        index,
        seenAtMs: _seen,
        ...changes
      } = newDeposit({
        state: "final",
        blockHash: "0xb",
        height: 101,
        chainTimeMs: NOW_MS + 1,
        orderRef: "ord_2",
        reason: "duplicate",
        atomic: HUGE,
        authorizationRef: "ref",
        isPayerSafe: false,
      });
      await within(store, "deposits", "update", id, changes);
      expect(await store.read.deposits.byId(id)).toEqual({
        ...newDeposit(),
        id,
        railId,
        txId,
        index,
        ...changes,
      });
    });

    test("is listed by height, those of other rails and of chains without replacement are not", async () => {
      const { store } = await open();
      const rows = [
        newDeposit({ id: "d1", height: 9, blockHash: "0xa" }),
        newDeposit({ id: "d2", height: 12, blockHash: "0xc", state: "dropped" }),
        newDeposit({ id: "d3", height: 11, blockHash: "0xb" }),
        newDeposit({ id: "d4", height: 11, blockHash: null }),
        newDeposit({ id: "d5", height: 11, blockHash: "0xb", railId: "another rail" }),
      ];
      await store.transact(
        "run",
        rows.map((row) => step("deposits", "insert", row)),
      );
      const idsAbove = async (height: number): Promise<readonly string[]> =>
        (await store.read.deposits.above(RAIL_ID, height)).map(({ id }) => id);
      expect(await idsAbove(9)).toEqual(["d3", "d2"]);
      expect(await idsAbove(8)).toEqual(["d1", "d3", "d2"]);
      expect(await idsAbove(12)).toEqual([]);
    });

    test("is nobody's unmatched payment before it is final", async () => {
      const { store } = await open();
      const reason = "order_unknown";
      await store.transact("run", [
        step("deposits", "insert", newDeposit({ id: "d1", state: "seen", reason })),
        step("deposits", "insert", newDeposit({ id: "d2", state: "dropped", reason })),
        step("deposits", "insert", newDeposit({ id: "d3", state: "final", reason })),
      ]);
      expect((await store.read.deposits.unmatched(10)).map(({ id }) => id)).toEqual(["d3"]);
    });
  });
}

async function openWithOrders(open: StoreBench): Promise<ContractStore> {
  const { store } = await open();
  await store.transact("run", [
    step("keys", "insert", newKey()),
    step("orders", "insert", newOrder()),
    step("orders", "insert", newOrder({ id: "ord_2" })),
  ]);
  return store;
}

function newAuthorization(changes: Partial<AuthorizationRow> = {}): AuthorizationRow {
  return {
    ref: "ref_1",
    orderId: "ord_1",
    railId: RAIL_ID,
    state: "settling",
    from: "0xpayer",
    assetId: "asset",
    symbol: "USDC",
    decimals: 6,
    atomic: HUGE,
    validUntilMs: NOW_MS + 900_000,
    body: { payload: { signature: "0x" } },
    txId: null,
    reason: null,
    claimedAtMs: NOW_MS,
    updatedAtMs: NOW_MS,
    ...changes,
  };
}

function authorizationContract(open: StoreBench): void {
  describe("a promise to pay", () => {
    test("comes back as it was stored and is stored once", async () => {
      const store = await openWithOrders(open);
      const row = newAuthorization();
      expect(await within(store, "authorizations", "insert", row)).toBe(true);
      const again = newAuthorization({ orderId: "ord_2" });
      expect(await within(store, "authorizations", "insert", again)).toBe(false);
      expect(await store.read.authorizations.byRef("ref_1")).toEqual(row);
      expect(await store.read.authorizations.byRef("ref_2")).toBeNull();
      expect(await store.read.authorizations.ofOrder("ord_2")).toEqual([]);
    });

    test("of an order is alone until it has failed", async () => {
      const store = await openWithOrders(open);
      const insert = (changes: Partial<AuthorizationRow>): Promise<boolean> =>
        within(store, "authorizations", "insert", newAuthorization(changes));
      const move = (ref: string, from: AuthorizationRow["state"], to: AuthorizationRow["state"]) =>
        within(store, "authorizations", "update", ref, [from], { state: to }, NOW_MS + 1);
      expect(await insert({})).toBe(true);
      expect(await insert({ ref: "ref_2" })).toBe(false);
      expect(await insert({ ref: "ref_3", orderId: "ord_2" })).toBe(true);
      expect(await move("ref_1", "settled", "failed")).toBe(false);
      expect(await move("ref_1", "settling", "failed")).toBe(true);
      expect(await insert({ ref: "ref_2" })).toBe(true);
      expect(await move("ref_1", "failed", "settling")).toBe(false);
      expect(await move("ref_2", "settling", "failed")).toBe(true);
      expect(await move("ref_1", "failed", "settling")).toBe(true);
      expect((await store.read.authorizations.ofOrder("ord_1")).map(({ ref }) => ref)).toEqual([
        "ref_1",
        "ref_2",
      ]);
    });

    test("keeps what a change does not name", async () => {
      const store = await openWithOrders(open);
      await within(store, "authorizations", "insert", newAuthorization());
      const changes = { txId: "0x1" };
      await within(store, "authorizations", "update", "ref_1", ["settling"], changes, NOW_MS + 5);
      expect(await store.read.authorizations.byRef("ref_1")).toEqual(
        newAuthorization({ txId: "0x1", updatedAtMs: NOW_MS + 5 }),
      );
    });
  });
}

function payableContract(open: StoreBench): void {
  describe("the orders that may be paid", () => {
    test("are those whose window ends at the instant or after it", async () => {
      const store = await openWithOrders(open);
      const { windowClosesAtMs: endMs } = newOrder();
      const late = newOrder({ id: "ord_3", windowClosesAtMs: endMs + 1 });
      await within(store, "orders", "insert", late);
      const lateOne = { id: "ord_3", windowClosesAtMs: endMs + 1 };
      expect(await store.read.orders.payableSince(endMs + 1)).toEqual([lateOne]);
      const all = await store.read.orders.payableSince(endMs);
      expect(all.map(({ id }) => id).toSorted()).toEqual(["ord_1", "ord_2", "ord_3"]);
      expect(all.at(-1)).toEqual(lateOne);
    });

    test("may forget an answer that is told anew", async () => {
      const store = await openWithOrders(open);
      const answer = {
        keyId: "key_1",
        key: "k",
        fingerprint: "f",
        status: 402,
        body: "ord_1",
        createdAtMs: NOW_MS,
      };
      const later = { ...answer, body: "ord_2", createdAtMs: NOW_MS + 1 };
      await within(store, "idempotency", "insert", answer);
      await store.transact("run", [
        step("idempotency", "remove", "key_1", "k"),
        step("idempotency", "insert", later),
      ]);
      expect(await store.read.idempotency.find("key_1", "k")).toEqual(later);
    });
  });
}
