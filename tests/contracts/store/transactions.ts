import { describe, expect, test } from "vitest";
import { Bug, Refusal } from "../../../src/errors.ts";
import type { CommitNotice } from "../../../src/store/tx.ts";
import { REFUSAL_FACTS, step, within, type ContractStore } from "./actions.ts";
import { HUGE, newEvent, newKey, newOrder, NOW_MS, UNICODE } from "./rows.ts";
import type { StoreBench } from "../store.ts";

/** What a transaction is: all or nothing, alone, on disk before it is answered, announced afterwards. */
export function transactionContract(open: StoreBench): void {
  describe("a transaction", () => {
    test("is still there when the store is opened again", async () => {
      const { store, reopen } = await open();
      await within(store, "keys", "insert", newKey());
      const again = await reopen();
      expect(await again.read.keys.byId("key_1")).toEqual(newKey());
    });

    test("is seen by every read that begins after it was answered", async () => {
      const { store } = await open();
      for (let i = 0; i < 50; i++) {
        await within(store, "keys", "insert", newKey({ id: `key_${i}` }));
        expect(await store.read.keys.byId(`key_${i}`)).not.toBeNull();
      }
    });

    test("sees its own writes", async () => {
      const { store } = await open();
      const results = await store.transact("run", [
        step("keys", "insert", newKey()),
        step("keys", "setSuspended", "key_1", true),
        step("keys", "byId", "key_1"),
      ]);
      expect(results[2]).toEqual(newKey({ isSuspended: true }));
    });

    test("never has another between its read and its write", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      const spent = await Promise.all(
        Array.from({ length: 200 }, () =>
          store.transact("spend", { keyId: "key_1", usdMicro: 5n }),
        ),
      );
      expect(spent).toEqual(Array.from({ length: 200 }, (_, i) => BigInt(i + 1) * 5n));
      expect((await store.read.keys.byId("key_1"))?.spentUsdMicro).toBe(1000n);
    });

    test("gets its input and gives its result unchanged", async () => {
      const { store } = await open();
      const input = {
        huge: -HUGE,
        text: UNICODE,
        nothing: null,
        absent: undefined,
        list: [1.5, []],
      };
      expect(await store.transact("echo", input)).toEqual(input);
      expect(await store.transact("echo", undefined)).toBeUndefined();
    });
  });
  failureContract(open);
  noticeContract(open);
  closeContract(open);
}

function failureContract(open: StoreBench): void {
  describe("an action that fails", () => {
    test("by refusing rejects with the same refusal", async () => {
      const { store } = await open();
      const error = await store.transact("refuse", []).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Refusal);
      expect(error).toMatchObject({
        code: "spend_limit_exceeded",
        detail: "This order would pass the limit.",
        facts: REFUSAL_FACTS,
      });
    });

    test("in any other way rejects as a bug that names the action and keeps the cause", async () => {
      const { store } = await open();
      const error = await store.transact("crash", []).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(Bug);
      expect(error).toMatchObject({
        message: "action crash: something is not a function",
        cause: { stack: expect.stringContaining("TypeError") as string },
      });
    });

    test("leaves nothing of what it wrote, and everything of those that it shared a commit with", async () => {
      const { store } = await open();
      const steps = (id: string) => [step("keys", "insert", newKey({ id }))];
      const ended = await Promise.allSettled(
        Array.from({ length: 30 }, (_, i) => {
          if (i % 5 === 3) return store.transact("refuse", steps(`key_${i}`));
          if (i % 5 === 4) return store.transact("crash", steps(`key_${i}`));
          return store.transact("run", steps(`key_${i}`));
        }),
      );
      expect(ended.map(({ status }) => status)).toEqual(
        Array.from({ length: 30 }, (_, i) => (i % 5 < 3 ? "fulfilled" : "rejected")),
      );
      const ids = (await store.read.keys.all()).map(({ id }) => Number(id.slice(4)));
      expect(ids.toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 30 }, (_, i) => i).filter((i) => i % 5 < 3),
      );
    });

    test("before it wrote anything does not disturb those that it shared a commit with", async () => {
      const { store } = await open();
      const ended = await Promise.allSettled([
        store.transact("run", [step("keys", "insert", newKey({ id: "key_1" }))]),
        store.transact("refuse", []),
        store.transact("run", [step("keys", "insert", newKey({ id: "key_2" }))]),
      ]);
      expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(await store.read.keys.all()).toHaveLength(2);
    });

    test("on a broken constraint rejects and leaves the store usable", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      await expect(within(store, "keys", "insert", newKey())).rejects.toThrow(Bug);
      await expect(
        within(store, "orders", "insert", newOrder({ keyId: "nobody" })),
      ).rejects.toThrow(Bug);
      await within(store, "keys", "insert", newKey({ id: "key_2" }));
      expect(await store.read.keys.all()).toHaveLength(2);
    });

    test("because nobody knows its name rejects as a bug", async () => {
      const { store } = await open();
      const untyped = store as unknown as { transact(name: string, input: null): Promise<unknown> };
      await expect(untyped.transact("noSuchAction", null)).rejects.toThrow(Bug);
      await expect(untyped.transact("toString", null)).rejects.toThrow(Bug);
    });
  });
}

/** An order of key_1 with its first event, as steps. */
function orderSteps(id: string) {
  return [
    step("orders", "insert", newOrder({ id })),
    step("events", "insert", newEvent({ orderId: id })),
    step("jobs", "insert", "expire", id, NOW_MS),
  ];
}

function collectNotices(store: ContractStore): CommitNotice[] {
  const notices: CommitNotice[] = [];
  store.onCommit((notice) => notices.push(notice));
  return notices;
}

function noticeContract(open: StoreBench): void {
  describe("a notice", () => {
    test("names each order and each kind of job of a commit once", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      const notices = collectNotices(store);
      await store.transact("run", [
        ...orderSteps("ord_1"),
        ...orderSteps("ord_2"),
        step("events", "insert", newEvent({ seq: 2 })),
        step("jobs", "insert", "fulfil", "ord_1", NOW_MS),
      ]);
      expect(notices).toEqual([{ orderIds: ["ord_1", "ord_2"], jobKinds: ["expire", "fulfil"] }]);
    });

    test("comes after what it announces can be read", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      const seen: Promise<unknown>[] = [];
      store.onCommit(({ orderIds: [id = ""] }) => seen.push(store.read.orders.byId(id)));
      await store.transact("run", orderSteps("ord_1"));
      expect(await Promise.all(seen)).toEqual([newOrder()]);
    });

    test("says nothing of an action that failed", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      const notices = collectNotices(store);
      await Promise.allSettled([
        store.transact("run", orderSteps("ord_1")),
        store.transact("refuse", orderSteps("ord_2")),
        store.transact("crash", orderSteps("ord_3")),
      ]);
      expect(notices.flatMap(({ orderIds }) => orderIds)).toEqual(["ord_1"]);
      await expect(store.transact("refuse", orderSteps("ord_4"))).rejects.toThrow(Refusal);
      expect(notices.flatMap(({ orderIds }) => orderIds)).toEqual(["ord_1"]);
    });

    test("does not come when nothing was changed", async () => {
      const { store } = await open();
      await within(store, "keys", "insert", newKey());
      await store.transact("run", orderSteps("ord_1"));
      const notices = collectNotices(store);
      await within(store, "keys", "all");
      await within(store, "jobs", "insert", "expire", "ord_1", NOW_MS);
      await within(store, "jobs", "hasten", "fulfil", "ord_9", NOW_MS);
      expect(notices).toEqual([]);
    });

    test("comes when a job is made due earlier, and in the order of the commits", async () => {
      const { store } = await open();
      await within(store, "jobs", "insert", "expire", "ord_1", NOW_MS);
      const notices = collectNotices(store);
      await within(store, "jobs", "hasten", "expire", "ord_1", NOW_MS - 1);
      await within(store, "jobs", "insert", "fulfil", "ord_1", NOW_MS);
      expect(notices.map(({ jobKinds }) => jobKinds)).toEqual([["expire"], ["fulfil"]]);
    });

    test("reaches every listener though one throws, and none that has unsubscribed", async () => {
      const { store } = await open();
      const heard: string[] = [];
      store.onCommit(() => {
        throw new Error("a listener of the test throws");
      });
      store.onCommit(() => heard.push("stays"));
      const leave = store.onCommit(() => heard.push("leaves"));
      await within(store, "jobs", "insert", "fulfil", "ord_1", NOW_MS);
      leave();
      leave();
      await within(store, "jobs", "insert", "fulfil", "ord_2", NOW_MS);
      expect(heard).toEqual(["stays", "leaves", "stays"]);
    });
  });
}

function closeContract(open: StoreBench): void {
  describe("a store that is closed", () => {
    test("has finished what was asked of it before", async () => {
      const { store, reopen } = await open();
      const asked = Array.from({ length: 300 }, (_, i) =>
        within(store, "keys", "insert", newKey({ id: `key_${i}` })),
      );
      const again = await reopen();
      await Promise.all(asked);
      expect(await again.read.keys.all()).toHaveLength(300);
    });

    test("rejects what is asked of it afterwards", async () => {
      const { store, reopen } = await open();
      await reopen();
      await expect(within(store, "keys", "all")).rejects.toThrow("the store is closed");
    });

    test("can be closed twice", async () => {
      const { store } = await open();
      await store.close();
      await expect(store.close()).resolves.toBeUndefined();
    });
  });
}
