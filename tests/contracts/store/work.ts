import { describe, expect, test } from "vitest";
import { Bug } from "../../../src/errors.ts";
import type { AttemptState, JobKind, JobRow } from "../../../src/store/rows.ts";
import { step, within, type ContractStore } from "./actions.ts";
import { HUGE, newAttempt, newKey, newOrder, NOW_MS, UNICODE } from "./rows.ts";
import type { StoreBench } from "../store.ts";

const LEASE_MS = 30_000;

export function workContract(open: StoreBench): void {
  jobContract(open);
  leaseContract(open);
  attemptContract(open);
  goodsContract(open);
  breakerContract(open);
}

const insert = (store: ContractStore, kind: JobKind, subject: string, runAtMs = NOW_MS) =>
  within(store, "jobs", "insert", kind, subject, runAtMs);

const claim = (
  store: ContractStore,
  kinds: readonly JobKind[],
  nowMs = NOW_MS,
  limit = 10,
): Promise<readonly JobRow[]> =>
  within(store, "jobs", "claim", kinds, limit, nowMs, nowMs + LEASE_MS);

/** Inserts a job and claims it. */
async function claimNew(store: ContractStore, kind: JobKind, subject: string): Promise<JobRow> {
  await insert(store, kind, subject);
  const [job] = await claim(store, [kind]);
  if (job === undefined) throw new Error(`${kind} ${subject} could not be claimed`);
  return job;
}

function jobContract(open: StoreBench): void {
  describe("a job", () => {
    test("exists once for its kind and subject", async () => {
      const { store } = await open();
      expect(await insert(store, "fulfil", "ord_1")).toBe(true);
      expect(await insert(store, "fulfil", "ord_1", NOW_MS + 5)).toBe(false);
      expect(await insert(store, "refund", "ord_1")).toBe(true);
      expect(await insert(store, "fulfil", "ord_2")).toBe(true);
      expect(await store.read.jobs.count()).toBe(3);
    });

    test("still exists while it is leased, and no more once it is finished", async () => {
      const { store } = await open();
      const job = await claimNew(store, "fulfil", "ord_1");
      expect(await store.read.jobs.count()).toBe(1);
      expect(await within(store, "jobs", "finish", job)).toBe(true);
      expect(await store.read.jobs.count()).toBe(0);
      expect(await insert(store, "fulfil", "ord_1")).toBe(true);
    });

    test("is claimed when it is due, the longest due first, of the kinds that were asked for", async () => {
      const { store } = await open();
      await insert(store, "fulfil", "third", NOW_MS);
      await insert(store, "expire", "other kind", NOW_MS - 100);
      await insert(store, "refund", "first", NOW_MS - 2);
      await insert(store, "fulfil", "second", NOW_MS - 1);
      await insert(store, "fulfil", "not yet", NOW_MS + 1);
      const claimed = await claim(store, ["fulfil", "refund"]);
      expect(claimed).toEqual([
        expect.objectContaining({
          kind: "refund",
          subject: "first",
          runAtMs: NOW_MS - 2,
          claims: 1,
        }),
        expect.objectContaining({ kind: "fulfil", subject: "second", claims: 1, lastError: null }),
        expect.objectContaining({ kind: "fulfil", subject: "third", claims: 1 }),
      ]);
      expect(await claim(store, [])).toEqual([]);
    });

    test("is one of as many as were asked for, over all kinds", async () => {
      const { store } = await open();
      for (const i of [1, 2, 3, 4])
        await insert(store, i % 2 === 0 ? "fulfil" : "refund", `ord_${i}`, NOW_MS + i);
      const later = NOW_MS + 10;
      const first = await claim(store, ["fulfil", "refund"], later, 3);
      expect(first.map(({ subject }) => subject)).toEqual(["ord_1", "ord_2", "ord_3"]);
      const second = await claim(store, ["fulfil", "refund"], later, 3);
      expect(second.map(({ subject }) => subject)).toEqual(["ord_4"]);
    });

    test("is claimed by exactly one of many who ask", async () => {
      const { store } = await open();
      for (let i = 0; i < 20; i++) await insert(store, "fulfil", `ord_${i}`);
      const claims = await Promise.all(
        Array.from({ length: 30 }, () => claim(store, ["fulfil"], NOW_MS, 3)),
      );
      const subjects = claims.flat().map(({ subject }) => subject);
      expect(subjects).toHaveLength(20);
      expect(new Set(subjects).size).toBe(20);
    });

    test("that waits can be made due earlier, never later", async () => {
      const { store } = await open();
      await insert(store, "payout", "ord_1", NOW_MS + 1000);
      await within(store, "jobs", "hasten", "payout", "ord_1", NOW_MS + 2000);
      expect(await store.read.jobs.nextRunAtMs(["payout"])).toBe(NOW_MS + 1000);
      await within(store, "jobs", "hasten", "payout", "ord_1", NOW_MS);
      expect(await claim(store, ["payout"])).toHaveLength(1);
    });

    test("says when the next one of its kinds is due", async () => {
      const { store } = await open();
      expect(await store.read.jobs.nextRunAtMs(["fulfil"])).toBeNull();
      await insert(store, "fulfil", "ord_1", NOW_MS + 5);
      await insert(store, "expire", "ord_1", NOW_MS + 1);
      await insert(store, "refund", "ord_1", NOW_MS + 3);
      expect(await store.read.jobs.nextRunAtMs(["fulfil", "refund"])).toBe(NOW_MS + 3);
      expect(await store.read.jobs.nextRunAtMs([])).toBeNull();
      await claim(store, ["refund"], NOW_MS + 3);
      expect(await store.read.jobs.nextRunAtMs(["fulfil", "refund"])).toBe(NOW_MS + 5);
    });
  });
}

function leaseContract(open: StoreBench): void {
  describe("a leased job", () => {
    test("is not claimed again before its lease has ended, and then with the next number", async () => {
      const { store } = await open();
      const job = await claimNew(store, "fulfil", "ord_1");
      expect(await claim(store, ["fulfil"], NOW_MS + LEASE_MS - 1)).toEqual([]);
      const [again] = await claim(store, ["fulfil"], NOW_MS + LEASE_MS);
      expect(again).toEqual({ ...job, claims: 2 });
    });

    test("is out of the hands of whoever lost the lease", async () => {
      const { store } = await open();
      const lost = await claimNew(store, "fulfil", "ord_1");
      const [held] = await claim(store, ["fulfil"], NOW_MS + LEASE_MS);
      expect(await within(store, "jobs", "finish", lost)).toBe(false);
      expect(await within(store, "jobs", "retry", lost, NOW_MS, "late")).toBe(false);
      expect(await within(store, "jobs", "bury", lost, NOW_MS, "late")).toBe(false);
      expect(await store.read.jobs.dead(10)).toEqual([]);
      expect(await within(store, "jobs", "finish", held ?? lost)).toBe(true);
    });

    test("is not confused with a later one for the same subject", async () => {
      const { store } = await open();
      const first = await claimNew(store, "fulfil", "ord_1");
      await within(store, "jobs", "finish", first);
      const second = await claimNew(store, "fulfil", "ord_1");
      expect(second.claims).toBe(first.claims);
      expect(await within(store, "jobs", "finish", first)).toBe(false);
      expect(await within(store, "jobs", "finish", second)).toBe(true);
    });

    test("can be tried again later, with the reason", async () => {
      const { store } = await open();
      const job = await claimNew(store, "fulfil", "ord_1");
      expect(await within(store, "jobs", "retry", job, NOW_MS + 500, UNICODE)).toBe(true);
      expect(await store.read.jobs.nextRunAtMs(["fulfil"])).toBe(NOW_MS + 500);
      expect(await claim(store, ["fulfil"], NOW_MS + 499)).toEqual([]);
      expect(await claim(store, ["fulfil"], NOW_MS + 500)).toEqual([
        { ...job, runAtMs: NOW_MS + 500, claims: 2, lastError: UNICODE },
      ]);
    });

    test("that is asked for anew is due once more after its present run, as a new job", async () => {
      const { store } = await open();
      const job = await claimNew(store, "payout", "pay_1");
      expect(await insert(store, "payout", "pay_1", NOW_MS + 9)).toBe(false);
      expect(await insert(store, "payout", "pay_1", NOW_MS + 5)).toBe(false);
      expect(await insert(store, "payout", "pay_1", NOW_MS + 7)).toBe(false);
      expect(await claim(store, ["payout"], NOW_MS + 10)).toEqual([]);
      const notices: string[] = [];
      store.onCommit(({ jobKinds }) => notices.push(...jobKinds));
      expect(await within(store, "jobs", "finish", job)).toBe(true);
      expect(notices).toEqual(["payout"]);
      expect(await claim(store, ["payout"], NOW_MS + 4)).toEqual([]);
      const [again] = await claim(store, ["payout"], NOW_MS + 5);
      expect(again).toMatchObject({ subject: "pay_1", claims: 1, runAtMs: NOW_MS + 5 });
      expect(await within(store, "jobs", "finish", job)).toBe(false);
      expect(await within(store, "jobs", "finish", again ?? job)).toBe(true);
      expect(await store.read.jobs.count()).toBe(0);
    });

    test.each([
      ["earlier than its retry", NOW_MS + 5],
      ["later than its retry", NOW_MS + 5000],
    ])("that is asked for anew %s is tried again at the earlier time, once", async (_, askedMs) => {
      const { store } = await open();
      const job = await claimNew(store, "payout", "pay_1");
      await insert(store, "payout", "pay_1", askedMs);
      expect(await within(store, "jobs", "retry", job, NOW_MS + 500, "later")).toBe(true);
      const earlierMs = Math.min(askedMs, NOW_MS + 500);
      expect(await store.read.jobs.nextRunAtMs(["payout"])).toBe(earlierMs);
      const [again] = await claim(store, ["payout"], earlierMs);
      expect(await within(store, "jobs", "finish", again ?? job)).toBe(true);
      expect(await store.read.jobs.count()).toBe(0);
    });

    test("that is asked for anew and then buried runs once more", async () => {
      const { store } = await open();
      const job = await claimNew(store, "payout", "pay_1");
      await insert(store, "payout", "pay_1", NOW_MS + 5);
      expect(await within(store, "jobs", "bury", job, NOW_MS + 1, "no way")).toBe(true);
      const [again] = await claim(store, ["payout"], NOW_MS + 5);
      expect(again).toMatchObject({ subject: "pay_1", claims: 1, lastError: null });
      expect(await within(store, "jobs", "bury", again ?? job, NOW_MS + 6, "nor now")).toBe(true);
      expect(await store.read.jobs.dead(10)).toHaveLength(2);
    });

    test("can be buried: it is listed as dead, and a new one may be made", async () => {
      const { store } = await open();
      const older = await claimNew(store, "fulfil", "ord_1");
      const newer = await claimNew(store, "fulfil", "ord_2");
      expect(await within(store, "jobs", "bury", older, NOW_MS + 1, "no way")).toBe(true);
      expect(await within(store, "jobs", "bury", newer, NOW_MS + 2, "neither")).toBe(true);
      const dead = [
        { ...newer, lastError: "neither", diedAtMs: NOW_MS + 2 },
        { ...older, lastError: "no way", diedAtMs: NOW_MS + 1 },
      ];
      expect(await store.read.jobs.dead(10)).toEqual(dead);
      expect(await store.read.jobs.dead(1)).toEqual(dead.slice(0, 1));
      expect(await store.read.jobs.count()).toBe(0);
      expect(await insert(store, "fulfil", "ord_1")).toBe(true);
    });

    test("is left alone by whoever wants it earlier", async () => {
      const { store } = await open();
      await claimNew(store, "fulfil", "ord_1");
      await within(store, "jobs", "hasten", "fulfil", "ord_1", NOW_MS - 1000);
      expect(await claim(store, ["fulfil"], NOW_MS + 1)).toEqual([]);
      expect(await claim(store, ["fulfil"], NOW_MS + LEASE_MS)).toHaveLength(1);
    });

    test("can be freed with all others when the process that leased it is gone", async () => {
      const { store } = await open();
      const first = await claimNew(store, "fulfil", "ord_1");
      await claimNew(store, "refund", "ord_1");
      await insert(store, "expire", "ord_1", NOW_MS + 9);
      expect(await within(store, "jobs", "releaseAll")).toBe(2);
      expect(await within(store, "jobs", "releaseAll")).toBe(0);
      expect(await store.read.jobs.nextRunAtMs(["fulfil"])).toBe(NOW_MS);
      expect(await claim(store, ["fulfil", "refund"])).toHaveLength(2);
      expect(await within(store, "jobs", "finish", first)).toBe(false);
    });
  });
}

function attemptContract(open: StoreBench): void {
  async function openWithOrder(): Promise<ContractStore> {
    const { store } = await open();
    await store.transact("run", [
      step("keys", "insert", newKey()),
      step("orders", "insert", newOrder()),
      step("orders", "insert", newOrder({ id: "ord_2" })),
    ]);
    return store;
  }
  const IN_FLIGHT: readonly AttemptState[] = ["submitting", "unknown", "accepted"];
  const OVER: readonly AttemptState[] = ["rejected", "delivered", "stranded"];

  describe("an attempt", () => {
    test("comes back as it was stored; an order's attempts come oldest first", async () => {
      const store = await openWithOrder();
      const full = newAttempt({
        state: "stranded",
        stage: "issue",
        stageState: { text: UNICODE },
        choice: [{ supplier: "a", score: 0.5 }],
        costUsdMicro: HUGE,
        reason: UNICODE,
        createdAtMs: NOW_MS + 1,
      });
      const older = newAttempt({ id: "att_2", state: "rejected" });
      await within(store, "attempts", "insert", full);
      await within(store, "attempts", "insert", older);
      expect(await store.read.attempts.byId("att_1")).toEqual(full);
      expect(await store.read.attempts.byId("att_3")).toBeNull();
      expect(await store.read.attempts.ofOrder("ord_1")).toEqual([older, full]);
    });

    test.each(IN_FLIGHT)("that is %s is the only one of its order", async (state) => {
      const store = await openWithOrder();
      expect(await within(store, "attempts", "insert", newAttempt({ state }))).toBe(true);
      for (const other of IN_FLIGHT) {
        const second = newAttempt({ id: "att_2", state: other });
        expect(await within(store, "attempts", "insert", second)).toBe(false);
      }
      const elsewhere = newAttempt({ id: "att_3", orderId: "ord_2" });
      expect(await within(store, "attempts", "insert", elsewhere)).toBe(true);
      await expect(
        within(store, "attempts", "insert", newAttempt({ state: "rejected" })),
      ).rejects.toThrow(Bug);
    });

    test.each(OVER)("that is %s makes room for the next", async (state) => {
      const store = await openWithOrder();
      await within(store, "attempts", "insert", newAttempt());
      expect(
        await within(store, "attempts", "update", "att_1", ["submitting"], { state }, NOW_MS),
      ).toBe(true);
      expect(await within(store, "attempts", "insert", newAttempt({ id: "att_2" }))).toBe(true);
    });

    test("is changed only from the states that the changer names, and only in what it names", async () => {
      const store = await openWithOrder();
      const before = newAttempt({
        stage: "issue",
        costUsdMicro: 5n,
        reason: "r",
        stageState: { a: 1 },
      });
      await within(store, "attempts", "insert", before);
      const update = (from: readonly AttemptState[], changes: Partial<typeof before>) =>
        within(store, "attempts", "update", "att_1", from, changes, NOW_MS + 9);
      expect(await update(["unknown", "accepted"], { state: "rejected" })).toBe(false);
      expect(await update([], { state: "rejected" })).toBe(false);
      expect(await store.read.attempts.byId("att_1")).toEqual(before);
      expect(await update(IN_FLIGHT, { state: "accepted", costUsdMicro: null })).toBe(true);
      expect(await store.read.attempts.byId("att_1")).toEqual({
        ...before,
        state: "accepted",
        costUsdMicro: null,
        updatedAtMs: NOW_MS + 9,
      });
    });
  });
}

function goodsContract(open: StoreBench): void {
  test("goods are stored once per attempt and are an order's only from their delivery on", async () => {
    const { store } = await open();
    await store.transact("run", [
      step("keys", "insert", newKey()),
      step("orders", "insert", newOrder()),
      step("attempts", "insert", newAttempt({ state: "stranded" })),
      step("attempts", "insert", newAttempt({ id: "att_2" })),
    ]);
    const goods = { attemptId: "att_1", orderId: null, sealed: UNICODE, createdAtMs: NOW_MS };
    expect(await within(store, "goods", "insert", goods)).toBe(true);
    expect(await within(store, "goods", "insert", { ...goods, sealed: "other" })).toBe(false);
    expect(await store.read.goods.ofAttempt("att_1")).toEqual(goods);
    expect(await store.read.goods.ofOrder("ord_1")).toBeNull();
    expect(await within(store, "goods", "deliver", "att_3", "ord_1")).toBe(false);
    expect(await within(store, "goods", "deliver", "att_1", "ord_1")).toBe(true);
    expect(await store.read.goods.ofOrder("ord_1")).toEqual({ ...goods, orderId: "ord_1" });
    expect(await within(store, "goods", "deliver", "att_1", "ord_1")).toBe(false);
    await within(store, "goods", "insert", { ...goods, attemptId: "att_2" });
    await expect(within(store, "goods", "deliver", "att_2", "ord_1")).rejects.toThrow(Bug);
  });
}

function breakerContract(open: StoreBench): void {
  test("a breaker is as it was saved last", async () => {
    const { store } = await open();
    const closed = {
      supplierId: "b",
      state: "closed",
      consecutiveFaults: 2,
      openedAtMs: null,
    } as const;
    const opened = { ...closed, state: "open", consecutiveFaults: 3, openedAtMs: NOW_MS } as const;
    expect(await store.read.breakers.bySupplier("b")).toBeNull();
    await within(store, "breakers", "save", closed);
    expect(await store.read.breakers.bySupplier("b")).toEqual(closed);
    await within(store, "breakers", "save", opened);
    await within(store, "breakers", "save", { ...closed, supplierId: "a" });
    expect(await store.read.breakers.all()).toEqual([{ ...closed, supplierId: "a" }, opened]);
  });
}
