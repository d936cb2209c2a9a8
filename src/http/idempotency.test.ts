import { expect, test } from "vitest";
import { countOrders, refusal } from "./test-answers.ts";
import { askRaw } from "./test-raw.ts";
import { openTestShop } from "./test-shop.ts";

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
  const body = '{"amount_usdc":"10.00"}';
  const answer = await askRaw(
    shop.port,
    [
      "POST /v1/orders HTTP/1.1",
      "Host: shop.example",
      `X-Api-Key: ${shop.apiKey}`,
      "Content-Type: application/json",
      "Idempotency-Key: a",
      "idempotency-key: a",
      `Content-Length: ${body.length}`,
      "",
      body,
    ].join("\r\n"),
  );
  expect(answer?.status).toBe(400);
  expect(answer?.body).toContain("invalid_idempotency_key");
  expect(await countOrders(shop)).toBe(0);
});
