import { expect, test } from "vitest";
import type { ErrorBody } from "#wire";
import { DEFAULT_LIMITS } from "./deps.ts";
import { openTestShop } from "./test-shop.ts";

const TEN_DOLLARS = { body: { amount_usdc: "10.00" } };

test("sixty orders an hour, then 429 until the hour is over", async () => {
  const shop = await openTestShop();
  for (let i = 0; i < 60; i++) {
    const answer = await shop.ask("/v1/orders", TEN_DOLLARS);
    expect(answer.status).toBe(201);
    expect(answer.headers.get("ratelimit")).toMatch(
      new RegExp(`^limit=60, remaining=${59 - i}, reset=\\d+$`),
    );
    expect(answer.headers.get("ratelimit-policy")).toBe("60;w=3600");
  }
  const refused = await shop.ask("/v1/orders", TEN_DOLLARS);
  expect(refused.status).toBe(429);
  expect((await refused.json()) as ErrorBody).toMatchObject({
    code: "rate_limit_exceeded",
    retryable: true,
    retry_after_s: Number(refused.headers.get("retry-after")),
  });
  // Reading goes on, and so does another key.
  expect((await shop.ask("/v1/usage")).status).toBe(200);
  await shop.order(undefined, { headers: { "x-api-key": await shop.addKey() } });
  shop.world.skewMs = 3_600_000;
  await shop.order();
});

test("a key's own rate replaces the server's", async () => {
  const shop = await openTestShop({ key: { ordersPerHour: 2 } });
  await shop.order();
  await shop.order();
  const refused = await shop.ask("/v1/orders", TEN_DOLLARS);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("ratelimit-policy")).toBe("2;w=3600");
});

test("replays and refused orders use up reads, not orders", async () => {
  const shop = await openTestShop({
    key: { ordersPerHour: 1 },
    settings: { limits: { ...DEFAULT_LIMITS, reads: { count: 6, windowMs: 60_000 } } },
  });
  const init = { ...TEN_DOLLARS, headers: { "idempotency-key": "k" } };
  expect((await shop.ask("/v1/orders", { body: { amount_usdc: "0" } })).status).toBe(400);
  expect((await shop.ask("/v1/orders", { body: "{" })).status).toBe(400);
  expect((await shop.ask("/v1/orders", init)).status).toBe(201);
  const replay = await shop.ask("/v1/orders", init);
  expect(replay.status).toBe(201);
  expect(replay.headers.get("ratelimit")).toMatch(/^limit=6, remaining=3,/);
  expect((await shop.ask("/v1/orders", TEN_DOLLARS)).status).toBe(429);
  expect((await shop.ask("/v1/orders", { ...init, body: { amount_usdc: "5.00" } })).status).toBe(
    409,
  );
  expect((await shop.ask("/v1/usage")).headers.get("ratelimit")).toMatch(/remaining=0,/);
  // Nothing more this minute, not even a replay.
  const refused = await shop.ask("/v1/orders", init);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("ratelimit-policy")).toBe("6;w=60");
  shop.world.skewMs = 60_000;
  expect((await shop.ask("/v1/orders", init)).status).toBe(201);
});

test("all reads of a key share one bucket of 600 a minute", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const paths = ["/v1/orders", `/v1/orders/${id}`, "/v1/usage"];
  for (let i = 0; i < 600; i += 60)
    await Promise.all(
      Array.from({ length: 60 }, async (_, j) => {
        const answer = await shop.ask(paths[j % 3] ?? "");
        await answer.arrayBuffer();
        expect(answer.status).toBe(200);
      }),
    );
  const refused = await shop.ask("/v1/usage");
  expect(refused.status).toBe(429);
  expect(refused.headers.get("ratelimit-policy")).toBe("600;w=60");
  expect((await shop.ask(`/v1/orders/${id}/stream`)).status).toBe(429);
});

test("the public pages have limits per address", async () => {
  const shop = await openTestShop({ settings: { trustedProxies: ["127.0.0.1"] } });
  const from = (address: string) => ({
    headers: { "x-api-key": null, "x-forwarded-for": address },
  });
  for (const [path, count] of [
    ["/status", 180],
    ["/api/version", 60],
  ] as const) {
    for (let i = 0; i < count; i++) {
      const answer = await shop.ask(path, from("198.51.100.7"));
      await answer.arrayBuffer();
      expect(answer.status).toBe(200);
    }
    const refused = await shop.ask(path, from("198.51.100.7"));
    expect(refused.status).toBe(429);
    expect((await refused.json()) as ErrorBody).toMatchObject({ code: "too_many_requests" });
    expect(refused.headers.get("ratelimit-policy")).toBe(`${count};w=60`);
    expect((await shop.ask(path, from("198.51.100.8"))).status).toBe(200);
    expect((await shop.ask(path, from("2001:db8:1:2::1"))).status).toBe(200);
  }
});
