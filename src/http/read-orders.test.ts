import { expect, test } from "vitest";
import type { OrderListItem, OrderView, UsageView } from "#wire";
import { refusal } from "./test-answers.ts";
import { CARD, openTestShop } from "./test-shop.ts";

const UNKNOWN_ID = "ord_0123456789abcdefghjkmnpqrstvwxyz0123";

test("the card is on its own order once it is delivered, and nowhere else", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const read = async (): Promise<OrderView> =>
    (await (await shop.ask(`/v1/orders/${id}`)).json()) as OrderView;
  await shop.pay(id);
  expect(await read()).toMatchObject({
    status: "ordering",
    phase: "processing",
    payment_asset: "usdc_soroban",
  });
  const attemptId = await shop.startAttempt(id);
  await shop.stage(attemptId, "issue");
  expect(await read()).toMatchObject({ status: "stage1_done", phase: "processing" });
  expect((await read()).card).toBeUndefined();
  await shop.stage(attemptId, "activate");
  const answer = await shop.ask(`/v1/orders/${id}`);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await answer.json()).toMatchObject({ status: "delivered", phase: "ready", card: CARD });
  const list = await (await shop.ask("/v1/orders")).text();
  expect(list).not.toContain(CARD.number);
  expect(shop.logLines.join("\n")).not.toContain(CARD.number);
});

test("a failed order shows its refund when the chain has it", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const read = async (): Promise<OrderView> =>
    (await (await shop.ask(`/v1/orders/${id}`)).json()) as OrderView;
  await shop.pay(id);
  await shop.giveUp(id);
  expect(await read()).toMatchObject({
    status: "refund_pending",
    phase: "failed",
    error: "No supplier could deliver.",
  });
  await shop.signRefund(id);
  expect((await read()).refund).toBeUndefined();
  await shop.confirmRefund(id);
  expect(await read()).toMatchObject({
    status: "refunded",
    phase: "refunded",
    refund: {
      stellar_txid: `refund_of_${id}`,
      tx_id: `refund_of_${id}`,
      rail: "stellar:local/contract",
      amount: "10.00",
      asset: "USDC",
    },
  });
});

test("another key's order is not found, nor is one that does not exist", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const stranger = { "x-api-key": await shop.addKey() };
  for (const path of [`/v1/orders/${id}`, `/v1/orders/${id}/stream`]) {
    const answer = await shop.ask(path, { headers: stranger });
    expect(answer.status).toBe(404);
    expect((await refusal(answer)).code).toBe("order_not_found");
  }
  for (const other of [UNKNOWN_ID, "x", "%00", "a%2Fb", "'%20OR%201=1--", "a".repeat(65)]) {
    const answer = await shop.ask(`/v1/orders/${other}`);
    expect(answer.status).toBe(404);
    expect((await refusal(answer)).code).toBe("order_not_found");
  }
  expect(await (await shop.ask("/v1/orders", { headers: stranger })).json()).toEqual([]);
});

test("the list is newest first and takes status, paging and instants", async () => {
  const shop = await openTestShop();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    ids.unshift((await shop.order()).order_id);
    shop.world.skewMs += 60_000;
  }
  const list = async (query: string): Promise<string[]> => {
    const answer = await shop.ask(`/v1/orders${query}`);
    expect(answer.status).toBe(200);
    return ((await answer.json()) as OrderListItem[]).map(({ id }) => id);
  };
  expect(await list("")).toEqual(ids);
  expect(await list("?limit=1")).toEqual(ids.slice(0, 1));
  expect(await list("?limit=1&offset=1")).toEqual(ids.slice(1, 2));
  expect(await list("?limit=100000")).toEqual(ids);
  expect(await list("?status=pending_payment")).toEqual(ids);
  expect(await list("?status=delivered")).toEqual([]);
  expect(await list("?status=payment_confirmed&unknown=1")).toEqual([]);

  const second = await shop.store.read.orders.byId(ids[1] ?? "");
  const at = second?.createdAtMs ?? 0;
  const local = (hours: number, sign: string): string =>
    `${new Date(at + hours * 3_600_000).toISOString().slice(0, -1)}${sign}${String(Math.abs(hours)).padStart(2, "0")}:00`;
  for (const text of [new Date(at).toISOString(), local(2, "+"), local(-5, "-")])
    expect(await list(`?since_created_at=${encodeURIComponent(text)}`)).toEqual(ids.slice(0, 2));
  expect(await list(`?since_created_at=${local(2, "+")}`)).toEqual(ids.slice(0, 2));
  expect(await list(`?since_created_at=${new Date(at + 1).toISOString()}`)).toEqual(
    ids.slice(0, 1),
  );
  expect(await list(`?since_updated_at=${new Date(at).toISOString()}`)).toEqual(ids.slice(0, 2));
});

test.each([
  "status=nonsense",
  "status=",
  "status=delivered&status=expired",
  "limit=0",
  "limit=-1",
  "limit=1.5",
  "limit=abc",
  "limit=1e3",
  "limit=",
  "limit=99999999999999999999",
  "offset=-1",
  "offset=x",
  "since_created_at=yesterday",
  "since_created_at=2026-02-30",
  "since_updated_at=",
  "since_updated_at=2026-01-01&since_updated_at=2026-01-02",
])("the query %s is 400", async (query) => {
  const shop = await openTestShop();
  const answer = await shop.ask(`/v1/orders?${query}`);
  expect(answer.status).toBe(400);
  expect((await refusal(answer)).code).toBe("invalid_request");
});

test("usage counts the key's own orders and money", async () => {
  const shop = await openTestShop({ key: { label: "agent", limitUsdMicro: 100_000_000n } });
  await shop.order();
  const delivered = (await shop.order()).order_id;
  await shop.pay(delivered);
  await shop.deliver(delivered);
  const failed = (await shop.order()).order_id;
  await shop.pay(failed);
  await shop.giveUp(failed);
  await shop.order(undefined, { headers: { "x-api-key": await shop.addKey() } });
  const usage = (await (await shop.ask("/v1/usage")).json()) as UsageView;
  expect(usage).toEqual({
    api_key_id: "key_1",
    label: "agent",
    budget: {
      spent_usdc: "10.00",
      in_flight_usdc: "20.00",
      committed_usdc: "30.00",
      limit_usdc: "100.00",
      remaining_usdc: "70.00",
    },
    orders: {
      total: 3,
      delivered: 1,
      failed: 1,
      refunded: 0,
      expired: 0,
      rejected: 0,
      in_progress: 1,
    },
  });
});
