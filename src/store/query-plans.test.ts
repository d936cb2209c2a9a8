import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { dataFolder } from "../../tests/fixtures/data-folder.ts";
import { newAttempt, newPayout } from "../../tests/contracts/store/rows.ts";
import { createTx } from "./handles.ts";
import { newAnnouncement } from "./notice.ts";
import type { Sql } from "./sql.ts";
import { openOwned } from "./sqlite/owner.ts";
import type { Tx } from "./tx.ts";

/** Every statement that reads or changes rows which were there before, as the actions and the readers send them. */
const USES: readonly (readonly [name: string, use: (tx: Tx) => Promise<unknown>])[] = [
  ["key by hash", (tx) => tx.keys.byHash("h")],
  ["key by id", (tx) => tx.keys.byId("k")],
  ["key budget", (tx) => tx.keys.setBudget("k", 1n, 1n)],
  ["key suspension", (tx) => tx.keys.setSuspended("k", true)],
  ["order by id", (tx) => tx.orders.byId("o")],
  ["orders of a key", (tx) => tx.orders.list(FILTER)],
  ["orders of a key in states", (tx) => tx.orders.list({ ...FILTER, states: ["paid", "expired"] })],
  ["orders created since", (tx) => tx.orders.list({ ...FILTER, createdSinceMs: 1 })],
  ["orders updated since", (tx) => tx.orders.list({ ...FILTER, updatedSinceMs: 1 })],
  ["order counts of a key", (tx) => tx.orders.countByState("k")],
  ["order counts since", (tx) => tx.orders.countCreatedSince(1)],
  ["order move", (tx) => tx.orders.move({ id: "o", state: "paid", seq: 1 }, "fulfilling", {}, 1)],
  ["events after", (tx) => tx.events.after("o", 1)],
  ["deposit by id", (tx) => tx.deposits.byId("d")],
  ["deposits of an order", (tx) => tx.deposits.ofOrder("o")],
  ["unmatched deposits", (tx) => tx.deposits.unmatched(10)],
  ["dead letters", (tx) => tx.deposits.deadLetters(1)],
  ["dead letter closed", (tx) => tx.deposits.closeDeadLetter("l", 1)],
  ["deposits above a height", (tx) => tx.deposits.above("r", 1)],
  ["deposit update", (tx) => tx.deposits.update("d", { state: "final" })],
  ["promise by ref", (tx) => tx.authorizations.byRef("a")],
  ["promises of an order", (tx) => tx.authorizations.ofOrder("o")],
  ["promise update", (tx) => tx.authorizations.update("a", ["settling"], { state: "failed" }, 1)],
  ["orders payable since", (tx) => tx.orders.payableSince(1)],
  ["idempotent answer removed", (tx) => tx.idempotency.remove("k", "i")],
  ["cursor of a rail", (tx) => tx.cursors.byRail("r")],
  ["attempt by id", (tx) => tx.attempts.byId("a")],
  ["attempts of an order", (tx) => tx.attempts.ofOrder("o")],
  ["attempt update", (tx) => tx.attempts.update("a", ["unknown"], newAttempt(), 1)],
  ["goods of an attempt", (tx) => tx.goods.ofAttempt("a")],
  ["goods of an order", (tx) => tx.goods.ofOrder("o")],
  ["goods delivered", (tx) => tx.goods.deliver("a", "o")],
  ["payout by id", (tx) => tx.payouts.byId("p")],
  ["payouts of an order", (tx) => tx.payouts.ofOrder("o")],
  ["payouts of a deposit", (tx) => tx.payouts.ofDeposit("d")],
  ["payouts in states", (tx) => tx.payouts.list(["due", "signed"], 10)],
  ["payout signed", (tx) => tx.payouts.move("p", "due", "signed", newPayout(), 1)],
  ["job claim", (tx) => tx.jobs.claim(["fulfil", "refund"], 10, 1, 2)],
  ["job finish", (tx) => tx.jobs.finish({ id: 1, claims: 1 })],
  ["job retry", (tx) => tx.jobs.retry({ id: 1, claims: 1 }, 1, "e")],
  ["job hasten", (tx) => tx.jobs.hasten("expire", "o", 1)],
  ["next job", (tx) => tx.jobs.nextRunAtMs(["fulfil", "refund"])],
  ["idempotent answer", (tx) => tx.idempotency.find("k", "i")],
  ["breaker", (tx) => tx.breakers.bySupplier("s")],
];

const FILTER = {
  keyId: "k",
  states: null,
  createdSinceMs: null,
  updatedSinceMs: null,
  limit: 20,
  offset: 0,
};

/** The keys are few; the unmatched are read along their own index until the limit is reached. */
const HARMLESS = ["SCAN keys", "SCAN deposits USING INDEX deposits_unmatched"];

test.each(USES)("%s: never reads a whole table", async (_, use) => {
  const { db, close } = openOwned(path.join(dataFolder(), "shop.db"));
  onTestFinished(close);
  const plans: string[] = [];
  const explain = (text: string): void => {
    const rows = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all();
    plans.push(...rows.map((row) => String(row["detail"])));
  };
  const sql: Sql = {
    get: async (text) => (explain(text), null),
    all: async (text) => (explain(text), []),
    run: async (text) => (explain(text), 0),
  };
  await use(createTx(sql, newAnnouncement()));
  expect(plans.length).toBeGreaterThan(0);
  const scans = plans.filter((plan) => plan.startsWith("SCAN"));
  expect(scans.filter((plan) => !HARMLESS.some((known) => plan.startsWith(known)))).toEqual([]);
});

test("newest orders and updated orders each come along their own index", async () => {
  const { db, close } = openOwned(path.join(dataFolder(), "shop.db"));
  onTestFinished(close);
  const plans: string[] = [];
  const sql: Sql = {
    get: async () => null,
    all: async (text) => {
      const rows = db.prepare(`EXPLAIN QUERY PLAN ${text}`).all();
      plans.push(rows.map((row) => String(row["detail"])).join("; "));
      return [];
    },
    run: async () => 0,
  };
  const tx = createTx(sql, newAnnouncement());
  await tx.orders.list(FILTER);
  await tx.orders.list({ ...FILTER, updatedSinceMs: 1 });
  expect(plans).toEqual([
    expect.stringContaining("orders_by_key (key_id=?)"),
    expect.stringContaining("orders_by_key_updated (key_id=? AND updated_at_ms>?)"),
  ]);
});
