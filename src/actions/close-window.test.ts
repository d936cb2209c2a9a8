import { expect, test } from "vitest";
import {
  applyPage,
  newDeposit,
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  RAIL_ID,
} from "../../tests/fixtures/shop-store.ts";

const close = { orderId: "ord_1", railIds: [RAIL_ID], nowMs: NOW_MS + 8_000_000 };
const AFTER_MS = NOW_MS + 7_200_001;

test("a window does not close before the rail has been read past its end, however late it is here", async () => {
  const store = await openShopStore();
  await store.transact("createOrder", { order: newOrder(), idempotency: null });
  expect(await store.transact("closeWindow", close)).toBe("not_yet");
  await applyPage(store, pageOf([]));
  expect(await store.transact("closeWindow", close)).toBe("not_yet");
});

test("a payment made in time and seen late is accepted", async () => {
  const store = await openShopStore();
  await store.transact("createOrder", { order: newOrder(), idempotency: null });
  const page = { ...pageOf([newDeposit()]), chainTimeMs: AFTER_MS };
  await applyPage(store, page);
  expect((await store.read.orders.byId("ord_1"))?.state).toBe("paid");
  expect(await store.transact("closeWindow", close)).toBe("moot");
});

test("an unpaid order expires once the rail is past the window, and its budget is free again", async () => {
  const store = await openShopStore();
  await store.transact("createOrder", { order: newOrder(), idempotency: null });
  await applyPage(store, { ...pageOf([]), chainTimeMs: AFTER_MS });
  expect(await store.transact("closeWindow", close)).toBe("closed");
  expect(await store.transact("closeWindow", close)).toBe("moot");
  expect((await store.read.keys.all())[0]?.inFlightUsdMicro).toBe(0n);
  const late = newDeposit({ chainTimeMs: AFTER_MS });
  const booked = await applyPage(store, pageOf([late], "c2"));
  expect(booked.unmatched.map(({ reason }) => reason)).toEqual(["paid_late"]);
});
