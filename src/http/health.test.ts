import { expect, test } from "vitest";
import { Value } from "typebox/value";
import { ShopStatus } from "./schemas.ts";
import { openTestShop, type TestShop } from "./test-shop.ts";

async function ready(shop: TestShop): Promise<{ status: number; reasons: string[] }> {
  shop.world.skewMs += 2000; // past the second for which the answer is kept
  const rails = shop.world.health.rails.map((rail) => ({
    ...rail,
    lastPollAtMs: rail.lastPollAtMs === null ? null : rail.lastPollAtMs + 2000,
  }));
  shop.world.health = { ...shop.world.health, rails };
  const answer = await shop.ask("/readyz", { headers: { "x-api-key": null } });
  const { reasons } = (await answer.json()) as { reasons: string[] };
  return { status: answer.status, reasons };
}

function spoil(
  shop: TestShop,
  changes: { rail?: object; supplier?: object; isFrozen?: boolean },
): void {
  const { rails, suppliers } = shop.world.health;
  shop.world.health = {
    isFrozen: changes.isFrozen ?? false,
    rails: rails.map((rail) => ({ ...rail, ...changes.rail })),
    suppliers: suppliers.map((supplier) => ({ ...supplier, ...changes.supplier })),
  };
}

test("ready means: the store answers, the chain is watched, someone can deliver", async () => {
  const shop = await openTestShop();
  expect(await ready(shop)).toEqual({ status: 200, reasons: [] });
  spoil(shop, { rail: { lastPollAtMs: Date.now() - 60_000 } });
  expect((await ready(shop)).reasons).toMatchObject([
    expect.stringContaining("its last good poll"),
  ]);
  spoil(shop, { rail: { lastPollAtMs: null } });
  expect((await ready(shop)).reasons).toMatchObject([
    expect.stringContaining("not read the chain"),
  ]);
  spoil(shop, { rail: { lastPollAtMs: Date.now(), gap: "ledgers 1 to 9" } });
  expect((await ready(shop)).reasons).toMatchObject([expect.stringContaining("ledgers 1 to 9")]);
  spoil(shop, { rail: { gap: null }, supplier: { canSell: false } });
  expect(await ready(shop)).toEqual({ status: 503, reasons: ["no supplier can sell"] });
  spoil(shop, { supplier: { canSell: true }, isFrozen: true });
  expect((await ready(shop)).reasons).toEqual(["the operator stopped new orders"]);
  spoil(shop, {});
  expect((await ready(shop)).status).toBe(200);
});

test("a store that fails makes the server not ready, while the process stays alive", async () => {
  const shop = await openTestShop({
    wrap: (deps) => {
      const { read } = deps.store;
      const count = () => Promise.reject(new Error("disk gone"));
      return {
        ...deps,
        store: {
          transact: (name, input) => deps.store.transact(name, input),
          read: { ...read, jobs: { ...read.jobs, count } },
        },
      };
    },
  });
  expect(await ready(shop)).toEqual({ status: 503, reasons: ["the store does not answer"] });
  expect((await shop.ask("/healthz")).status).toBe(200);
});

test("a store that hangs makes the server not ready in bounded time", async () => {
  const shop = await openTestShop({
    wrap: (deps) => {
      const { read } = deps.store;
      return {
        ...deps,
        clock: { ...deps.clock, sleep: () => Promise.resolve() },
        store: {
          transact: (name, input) => deps.store.transact(name, input),
          read: { ...read, jobs: { ...read.jobs, count: () => new Promise<number>(() => {}) } },
        },
      };
    },
  });
  expect(await ready(shop)).toEqual({ status: 503, reasons: ["the store does not answer"] });
});

test("the status page tells how the shop does", async () => {
  const shop = await openTestShop();
  const paid = (await shop.order()).order_id;
  await shop.pay(paid);
  await shop.deliver(paid);
  const failed = (await shop.order()).order_id;
  await shop.pay(failed);
  await shop.giveUp(failed);
  await shop.order();
  const page = (await (await shop.ask("/status")).json()) as ShopStatus;
  expect(Value.Errors(ShopStatus, page)).toEqual([]);
  expect(page).toMatchObject({
    ok: true,
    frozen: false,
    consecutive_failures: 0,
    orders: { pending_payment: 1, in_progress: 0, refund_pending: 1 },
    last_24h: { total: 3, delivered: 1, failed: 1, refunded: 0, expired: 0, success_rate: 0.5 },
    stellar_watcher: { last_ledger: 123, stalled: false, max_age_seconds: 30, dead_letter_24h: 0 },
    webhooks: { failed_permanent_24h: 0 },
    sse: { total: 0, unique_keys: 0 },
    rails: [{ id: "stellar:local/contract", kind: "stellar-contract", gap: null }],
    suppliers: [{ id: "sim", breaker: "closed", available: true }],
  });
});

test("the status page is not ok while a breaker is open, a watcher stalls or nobody can sell", async () => {
  const shop = await openTestShop();
  const look = async (): Promise<ShopStatus> => {
    shop.world.skewMs += 2000;
    return (await (await shop.ask("/status")).json()) as ShopStatus;
  };
  expect((await look()).ok).toBe(true);
  spoil(shop, { supplier: { breaker: "open", consecutiveFaults: 3, canSell: false } });
  expect(await look()).toMatchObject({ ok: false, frozen: true, consecutive_failures: 3 });
  spoil(shop, {
    supplier: { breaker: "closed", consecutiveFaults: 0, canSell: true },
    rail: { lastPollAtMs: Date.now() - 60_000 },
  });
  expect(await look()).toMatchObject({
    ok: false,
    frozen: false,
    stellar_watcher: { stalled: true },
  });
});

test("the version page names the service and the signature scheme", async () => {
  const shop = await openTestShop();
  expect(await (await shop.ask("/api/version")).json()).toMatchObject({
    service: "vend402",
    version: "0.0.0-test",
    hmac_protocol: "v3",
    features: expect.arrayContaining(["card_orders", "stream_resume"]) as string[],
  });
});
