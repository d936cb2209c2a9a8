import { connect } from "node:net";
import { expect, test } from "vitest";
import type { OrderView } from "#wire";
import { countOrders, refusal } from "./test-answers.ts";
import { openTestShop } from "./test-shop.ts";

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

test("a body of 10 MB is 413, and its connection serves the next request", async () => {
  const shop = await openTestShop();
  const body = `{"amount_usdc":"10.00","note":"${"x".repeat(10_000_000)}"}`;
  const answers = await new Promise<string>((resolve, reject) => {
    const socket = connect(shop.port, "127.0.0.1");
    let received = "";
    socket.on("data", (part) => {
      received += part.toString();
      if (!received.includes('"ok":true')) return;
      socket.destroy();
      resolve(received);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after: ${received}`)));
    socket.write("POST /v1/orders HTTP/1.1\r\nHost: shop.example\r\n");
    socket.write(`X-Api-Key: ${shop.apiKey}\r\nContent-Type: application/json\r\n`);
    socket.write(`Content-Length: ${body.length}\r\n\r\n`);
    socket.write(body);
    socket.write("GET /healthz HTTP/1.1\r\nHost: shop.example\r\n\r\n");
  });
  expect(answers).toMatch(/^HTTP\/1\.1 413 /);
  expect(answers).toContain('"error":"body_too_large"');
  expect(answers).toContain("HTTP/1.1 200 OK");
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
