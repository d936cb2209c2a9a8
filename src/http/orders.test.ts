import { request as httpRequest } from "node:http";
import { expect, test } from "vitest";
import type { ErrorBody, OrderListItem, OrderView, UsageView } from "#wire";
import { openTestShop, CARD, type TestShop } from "./test-shop.ts";

const UNKNOWN_ID = "ord_0123456789abcdefghjkmnpqrstvwxyz0123";

async function refusal(answer: Response): Promise<ErrorBody> {
  const body = (await answer.json()) as ErrorBody;
  expect(body).toMatchObject({
    error: body.code,
    message: body.detail,
    status: answer.status,
    request_id: answer.headers.get("x-request-id"),
  });
  return body;
}

async function countOrders(shop: TestShop): Promise<number> {
  const counts = await shop.store.read.orders.countByState(null);
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

test("an order is stored before it is answered, with everything that paying needs", async () => {
  const shop = await openTestShop();
  const answer = await shop.ask("/v1/orders", {
    body: { amount_usdc: "10.00", metadata: { job: 7 }, unknown: true },
  });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const order = (await answer.json()) as { order_id: string };
  expect(order).toMatchObject({
    order_id: expect.stringMatching(/^ord_[0-9a-z]{36}$/) as string,
    status: "pending_payment",
    phase: "awaiting_payment",
    amount_usdc: "10.00",
    payment: {
      type: "soroban_contract",
      order_id: order.order_id,
      usdc: { amount: "10.00" },
      xlm: { amount: "100.0000000" },
    },
    poll_url: `/v1/orders/${order.order_id}`,
    budget: {
      spent_usdc: "0.00",
      in_flight_usdc: "10.00",
      committed_usdc: "10.00",
      limit_usdc: null,
      remaining_usdc: null,
    },
  });
  const stored = await shop.store.read.orders.byId(order.order_id);
  expect(stored).toMatchObject({ state: "awaiting_payment", seq: 1, fulfilWithinMs: 90_000 });
  const view = (await (await shop.ask(`/v1/orders/${order.order_id}`)).json()) as OrderView;
  expect(view).toMatchObject({ payment_asset: "usdc", metadata: { job: 7 } });
  expect(view.payment).toEqual((order as unknown as { payment: unknown }).payment);
});

test("without a price for XLM the order says so and is payable in USDC", async () => {
  const shop = await openTestShop();
  shop.world.xlmPrice = null;
  const order = await shop.order();
  expect(order.payment.xlm).toBeUndefined();
  expect(order.payment.xlm_unavailable).toBe("no fresh price");
});

test("without a price for anything there is no order", async () => {
  const shop = await openTestShop();
  shop.world.xlmPrice = null;
  shop.world.usdcIsPriced = false;
  const answer = await shop.ask("/v1/orders", { body: { amount_usdc: "10.00" } });
  expect(answer.status).toBe(503);
  expect(await refusal(answer)).toMatchObject({
    code: "service_temporarily_unavailable",
    retryable: true,
    retry_after_s: 15,
  });
  expect(answer.headers.get("retry-after")).toBe("15");
  expect(await countOrders(shop)).toBe(0);
});

test("while nothing can be delivered orders are refused before anything else is looked at", async () => {
  const shop = await openTestShop();
  shop.world.availability = { kind: "unavailable", retryAfterS: 20 };
  for (const amount of ["10.00", "nonsense"]) {
    const answer = await shop.ask("/v1/orders", { body: { amount_usdc: amount } });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBe("20");
  }
  expect(await countOrders(shop)).toBe(0);
});

test("an amount outside what can be sold now is refused with the range", async () => {
  const shop = await openTestShop();
  shop.world.availability = {
    kind: "out_of_range",
    minUsdMicro: 5_000_000n,
    maxUsdMicro: 500_000_000n,
  };
  const answer = await shop.ask("/v1/orders", { body: { amount_usdc: "1.00" } });
  expect(answer.status).toBe(400);
  expect(await refusal(answer)).toMatchObject({
    code: "amount_out_of_range",
    min: "5.00",
    max: "500.00",
  });
});

test.each([
  10,
  -5,
  0,
  null,
  true,
  ["10.00"],
  {},
  "",
  "0",
  "0.00",
  "-1",
  "+1",
  "1e3",
  "1e9",
  "NaN",
  "Infinity",
  "0x10",
  " 10",
  "10 ",
  "10.",
  ".5",
  "10,00",
  "10.123",
  "10.12345678",
  "10.000",
  "10000.01",
  "99999999999999999999",
  "１０",
  "١٠",
  "10\u0000",
  "9".repeat(60_000),
])("the amount %# is invalid_amount and nothing is stored", async (amount) => {
  const shop = await openTestShop();
  const answer = await shop.ask("/v1/orders", { body: { amount_usdc: amount } });
  expect(answer.status).toBe(400);
  expect((await refusal(answer)).code).toBe("invalid_amount");
  expect(await countOrders(shop)).toBe(0);
});

test.each([
  [{}, "invalid_amount"],
  [{ amount_usdc: "10.00", webhook_url: 7 }, "invalid_webhook_url"],
  [{ amount_usdc: "10.00", webhook_url: "https://10.0.0.1/" }, "invalid_webhook_url"],
  [
    { amount_usdc: "10.00", webhook_url: `https://a.example/${"x".repeat(2048)}` },
    "invalid_webhook_url",
  ],
  [{ amount_usdc: "10.00", metadata: null }, "invalid_metadata"],
  [{ amount_usdc: "10.00", metadata: [] }, "invalid_metadata"],
  [{ amount_usdc: "10.00", metadata: "text" }, "invalid_metadata"],
  [{ amount_usdc: "10.00", metadata: { x: "y".repeat(8192) } }, "invalid_metadata"],
  [{ amount_usdc: "10.00", metadata: { x: "€".repeat(2731) } }, "invalid_metadata"],
  [{ amount_usdc: "10.00", metadata: nested(33) }, "invalid_metadata"],
  [{ amount_usdc: "10.00", note: 5 }, "invalid_request"],
])("the body %# is refused with its own code", async (body, code) => {
  const shop = await openTestShop();
  const answer = await shop.ask("/v1/orders", { body });
  expect(answer.status).toBe(400);
  expect((await refusal(answer)).code).toBe(code);
  expect(await countOrders(shop)).toBe(0);
});

function nested(depth: number): object {
  let value: object = {};
  for (let i = 0; i < depth; i++) value = { a: value };
  return value;
}

test("metadata of exactly 8 KiB comes back as it was sent", async () => {
  const shop = await openTestShop();
  const metadata = { x: "y".repeat(8192 - 8) };
  const { order_id: id } = await shop.order({ amount_usdc: "10.00", metadata });
  const view = (await (await shop.ask(`/v1/orders/${id}`)).json()) as OrderView;
  expect(view.metadata).toEqual(metadata);
});

test.each([
  ["null", 400, "invalid_request"],
  ["[]", 400, "invalid_request"],
  ['"text"', 400, "invalid_request"],
  ["7", 400, "invalid_request"],
  ["", 400, "invalid_request"],
  ["{", 400, "invalid_request"],
  ['{"amount_usdc":"10.00",}', 400, "invalid_request"],
  ['{"amount_usdc":"10.00"}{"a":1}', 400, "invalid_request"],
  ['{"amount_usdc":"10.00","__proto__":{"isAdmin":true}}', 400, "invalid_request"],
  ['{"amount_usdc":"10.00","constructor":{"prototype":{}}}', 400, "invalid_request"],
  [
    `{"amount_usdc":"10.00","metadata":${"[".repeat(20_000)}${"]".repeat(20_000)}}`,
    400,
    "invalid_metadata",
  ],
  [
    `{"amount_usdc":"10.00","metadata":{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}}`,
    400,
    "invalid_metadata",
  ],
  [`{"amount_usdc":"${"1".repeat(65_536)}"}`, 413, "body_too_large"],
])("the text %# is refused and nothing is stored", async (body, status, code) => {
  const shop = await openTestShop();
  const answer = await shop.ask("/v1/orders", { body });
  expect(answer.status).toBe(status);
  expect((await refusal(answer)).code).toBe(code);
  expect(await countOrders(shop)).toBe(0);
});

test("a deep body without metadata is refused only where its fingerprint is needed", async () => {
  const shop = await openTestShop();
  const body = { amount_usdc: "10.00", ignored: nested(40) };
  const answer = await shop.ask("/v1/orders", { body, headers: { "idempotency-key": "k" } });
  expect((await refusal(answer)).code).toBe("invalid_request");
  await shop.order(body);
});

test.each([
  ["text/plain", '{"amount_usdc":"10.00"}'],
  ["application/x-www-form-urlencoded", "amount_usdc=10.00"],
  ["multipart/form-data", "x"],
  ["nonsense", "{}"],
])("a body of type %s is 415", async (type, body) => {
  const shop = await openTestShop();
  const answer = await shop.ask("/v1/orders", { body, headers: { "content-type": type } });
  expect(answer.status).toBe(415);
  expect((await refusal(answer)).code).toBe("unsupported_media_type");
});

test("a compressed body is 415 and a body that is not UTF-8 is 400", async () => {
  const shop = await openTestShop();
  const headers = { "x-api-key": shop.apiKey, "content-type": "application/json" };
  const gzip = await fetch(`${shop.url}/v1/orders`, {
    method: "POST",
    headers: { ...headers, "content-encoding": "gzip" },
    body: new Uint8Array([0x1f, 0x8b, 8]),
  });
  expect(gzip.status).toBe(415);
  const latin = await fetch(`${shop.url}/v1/orders`, {
    method: "POST",
    headers,
    body: new Uint8Array([...Buffer.from('{"amount_usdc":"10.00","note":"'), 0xff, 0x22, 0x7d]),
  });
  expect(latin.status).toBe(400);
  expect((await refusal(latin)).code).toBe("invalid_request");
});

test("a body of 10 MB is 413 and the connection survives", async () => {
  const shop = await openTestShop();
  const body = `{"amount_usdc":"10.00","note":"${"x".repeat(10_000_000)}"}`;
  const answer = await shop.ask("/v1/orders", { body });
  expect(answer.status).toBe(413);
  expect((await refusal(answer)).code).toBe("body_too_large");
  expect(await countOrders(shop)).toBe(0);
});

test("the same key and body give the same answer byte for byte and one order", async () => {
  const shop = await openTestShop();
  const headers = { "idempotency-key": "purchase-1" };
  const first = await shop.ask("/v1/orders", {
    headers,
    body: '{"amount_usdc":"10.00","metadata":{"a":1,"b":{"c":2,"d":3}}}',
  });
  const again = await shop.ask("/v1/orders", {
    headers,
    body: '{ "metadata": {"b":{"d":3,"c":2},"a":1}, "amount_usdc": "10.00" }',
  });
  expect(first.status).toBe(201);
  expect(again.status).toBe(201);
  expect(again.headers.get("idempotent-replayed")).toBe("true");
  expect(await again.text()).toBe(await first.text());
  expect(await countOrders(shop)).toBe(1);
});

test("the same key with another body is a conflict, another caller's key is not", async () => {
  const shop = await openTestShop();
  const headers = { "idempotency-key": "purchase-1" };
  await shop.order({ amount_usdc: "10.00" }, { headers });
  const other = await shop.ask("/v1/orders", { headers, body: { amount_usdc: "10.0" } });
  expect(other.status).toBe(409);
  expect((await refusal(other)).code).toBe("idempotency_conflict");
  const apiKey = await shop.addKey();
  await shop.order({ amount_usdc: "25.00" }, { headers: { ...headers, "x-api-key": apiKey } });
  expect(await countOrders(shop)).toBe(2);
});

test("requests that race with one Idempotency-Key make one order", async () => {
  const shop = await openTestShop();
  const init = { headers: { "idempotency-key": "race" }, body: { amount_usdc: "10.00" } };
  const answers = await Promise.all(Array.from({ length: 20 }, () => shop.ask("/v1/orders", init)));
  const texts = new Set(await Promise.all(answers.map((answer) => answer.text())));
  expect(texts.size).toBe(1);
  expect(await countOrders(shop)).toBe(1);
});

test("a replay is answered while the shop is frozen", async () => {
  const shop = await openTestShop();
  const init = { headers: { "idempotency-key": "k" }, body: { amount_usdc: "10.00" } };
  const first = await (await shop.ask("/v1/orders", init)).text();
  shop.world.availability = { kind: "unavailable", retryAfterS: 20 };
  const again = await shop.ask("/v1/orders", init);
  expect(again.status).toBe(201);
  expect(await again.text()).toBe(first);
});

test("a refused request is not remembered: its key works once the cause is gone", async () => {
  const shop = await openTestShop();
  const init = { headers: { "idempotency-key": "k" }, body: { amount_usdc: "10.00" } };
  shop.world.availability = { kind: "unavailable", retryAfterS: 20 };
  expect((await shop.ask("/v1/orders", init)).status).toBe(503);
  shop.world.availability = { kind: "available" };
  expect((await shop.ask("/v1/orders", init)).status).toBe(201);
});

test.each(["x".repeat(256), "naïve"])("the Idempotency-Key %# is refused", async (key) => {
  const shop = await openTestShop();
  const answer = await shop.ask("/v1/orders", {
    body: { amount_usdc: "10.00" },
    headers: { "idempotency-key": key },
  });
  expect(answer.status).toBe(400);
  expect((await refusal(answer)).code).toBe("invalid_idempotency_key");
});

test("a repeated Idempotency-Key header is refused", async () => {
  const shop = await openTestShop();
  const status = await new Promise<number>((resolve, reject) => {
    const request = httpRequest(
      {
        port: shop.port,
        path: "/v1/orders",
        method: "POST",
        headers: [
          ...["X-Api-Key", shop.apiKey],
          ...["Content-Type", "application/json"],
          ...["Idempotency-Key", "a", "idempotency-key", "b"],
          ...["Host", "shop.example"],
        ],
      },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    request.once("error", reject);
    request.end('{"amount_usdc":"10.00"}');
  });
  expect(status).toBe(400);
  expect(await countOrders(shop)).toBe(0);
});

test("a spend limit refuses the order that would pass it", async () => {
  const shop = await openTestShop({ key: { limitUsdMicro: 15_000_000n } });
  await shop.order();
  const answer = await shop.ask("/v1/orders", { body: { amount_usdc: "10.00" } });
  expect(answer.status).toBe(403);
  expect(await refusal(answer)).toMatchObject({
    code: "spend_limit_exceeded",
    limit: "15.00",
    spent: "10.00",
  });
});

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
