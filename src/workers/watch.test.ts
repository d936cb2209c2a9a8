import { expect, onTestFinished, test } from "vitest";
import {
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  RAIL_ID,
  silentLog,
} from "../../tests/fixtures/shop-store.ts";
import { systemClock } from "../clock.ts";
import { done } from "../outcome.ts";
import type { DepositsRead, ExpectedOrder, Rail } from "../rails/rail.ts";
import { startWatch } from "./watch.ts";

const HOUR_MS = 3_600_000;
const TERMS = { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n };

test("an order that could be paid in the blocks that are read is expected, however long ago that was", async () => {
  const store = await openShopStore();
  const order = newOrder();
  await store.transact("createOrder", { order, idempotency: null });
  const page = { ...pageOf([], "c1"), chainTimeMs: NOW_MS };
  await store.transact("applyDeposits", {
    railId: RAIL_ID,
    before: null,
    page,
    terms: TERMS,
    nowMs: NOW_MS,
  });
  const read = Promise.withResolvers<readonly ExpectedOrder[]>();
  const readDeposits: Rail["readDeposits"] = async (_cursor, _signal, expected) => {
    read.resolve((await expected?.()) ?? []);
    return done({ ...page, cursor: "c2" }) satisfies DepositsRead;
  };
  const rail = {
    id: RAIL_ID,
    readDeposits,
    waitForNews: (signal: AbortSignal) => systemClock.sleep(HOUR_MS, signal),
  } as Rail;
  // A week after the order's window.
  const clock = { ...systemClock, now: () => NOW_MS + 7 * 24 * HOUR_MS };
  const watch = startWatch({ rail, terms: TERMS, store, clock, log: silentLog });
  onTestFinished(() => watch.stop());
  const { id, windowClosesAtMs } = order;
  expect(await read.promise).toEqual([{ id, windowClosesAtMs }]);
});
