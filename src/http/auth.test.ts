import { expect, test } from "vitest";
import type { ErrorBody } from "#wire";
import { openTestShop, type TestShop } from "./test-shop.ts";
import { askRaw } from "./test-raw.ts";

async function codeOf(shop: TestShop, headers: Record<string, string | null>): Promise<string> {
  const answer = await shop.ask("/v1/usage", { headers });
  const body = (await answer.json()) as Partial<ErrorBody>;
  return `${answer.status} ${body.code ?? "ok"}`;
}

const GUESS = `vend402_${"0".repeat(48)}`;

test("every /v1 route needs a key, the others none", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const without = { "x-api-key": null };
  for (const path of ["/v1/usage", "/v1/orders", `/v1/orders/${id}`, `/v1/orders/${id}/stream`]) {
    const answer = await shop.ask(path, { headers: without });
    expect(answer.status).toBe(401);
    expect((await answer.json()) as ErrorBody).toMatchObject({ code: "missing_api_key" });
  }
  const post = await shop.ask("/v1/orders", { headers: without, body: "{malformed" });
  expect(post.status).toBe(401);
  for (const path of [
    "/status",
    "/healthz",
    "/readyz",
    "/api/version",
    "/openapi.json",
    "/docs/errors",
  ])
    expect((await shop.ask(path, { headers: without })).status).toBe(200);
});

test("a key that is too short, too long, not printable or unknown is invalid", async () => {
  const shop = await openTestShop();
  for (const key of [
    "x".repeat(20),
    "x".repeat(129),
    `${"x".repeat(30)}é`,
    GUESS,
    `${shop.apiKey}x`,
  ])
    expect(await codeOf(shop, { "x-api-key": key })).toBe("401 invalid_api_key");
});

test("a key with another prefix works as well as ours", async () => {
  const shop = await openTestShop();
  expect(await codeOf(shop, {})).toBe("200 ok");
});

test("a repeated key header is refused even when both are right", async () => {
  const shop = await openTestShop();
  const answer = await askRaw(
    shop.port,
    `GET /v1/usage HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${shop.apiKey}\r\nx-api-key: ${shop.apiKey}\r\n\r\n`,
  );
  expect(answer?.status).toBe(401);
  expect(answer?.body).toContain("invalid_api_key");
});

test("only a proven key learns that it is suspended or expired", async () => {
  const shop = await openTestShop();
  const suspended = await shop.addKey({ isSuspended: true });
  const expired = await shop.addKey({ expiresAtMs: Date.now() - 1 });
  const alive = await shop.addKey({ expiresAtMs: Date.now() + 60_000 });
  expect(await codeOf(shop, { "x-api-key": suspended })).toBe("401 api_key_suspended");
  expect(await codeOf(shop, { "x-api-key": expired })).toBe("401 api_key_expired");
  expect(await codeOf(shop, { "x-api-key": alive })).toBe("200 ok");
  shop.world.skewMs = 60_001;
  expect(await codeOf(shop, { "x-api-key": alive })).toBe("401 api_key_expired");
});

test("suspending a key takes effect at its next request", async () => {
  const shop = await openTestShop();
  expect(await codeOf(shop, {})).toBe("200 ok");
  await shop.store.transact("suspendKey", { keyId: "key_1", isSuspended: true });
  expect(await codeOf(shop, {})).toBe("401 api_key_suspended");
});

test("sixty wrong keys from an address stop further guesses, not keys that have been proven", async () => {
  const shop = await openTestShop();
  const late = await shop.addKey();
  expect(await codeOf(shop, {})).toBe("200 ok");
  for (let i = 0; i < 60; i++)
    expect(await codeOf(shop, { "x-api-key": `${GUESS}${i}` })).toBe("401 invalid_api_key");
  const stopped = await shop.ask("/v1/usage", { headers: { "x-api-key": GUESS } });
  expect(stopped.status).toBe(429);
  expect(stopped.headers.get("ratelimit-policy")).toBe("60;w=900");
  expect(Number(stopped.headers.get("retry-after"))).toBeGreaterThan(890);
  expect((await stopped.json()) as ErrorBody).toMatchObject({
    code: "too_many_failed_auth_attempts",
    retryable: true,
  });
  expect(await codeOf(shop, { "x-api-key": "short" })).toBe("429 too_many_failed_auth_attempts");
  expect(await codeOf(shop, {})).toBe("200 ok");
  // A right key that was not seen before is as good as a guess, until the window is over.
  expect(await codeOf(shop, { "x-api-key": late })).toBe("429 too_many_failed_auth_attempts");
  shop.world.skewMs = 15 * 60_000;
  expect(await codeOf(shop, { "x-api-key": late })).toBe("200 ok");
});

test("requests without a key and successful ones are no failed attempts", async () => {
  const shop = await openTestShop();
  for (let i = 0; i < 70; i++) {
    expect(await codeOf(shop, { "x-api-key": null })).toBe("401 missing_api_key");
    expect(await codeOf(shop, {})).toBe("200 ok");
  }
  expect(await codeOf(shop, { "x-api-key": GUESS })).toBe("401 invalid_api_key");
});

test("behind a trusted proxy each client address has its own count, and nobody can pretend", async () => {
  const shop = await openTestShop({ settings: { trustedProxies: ["127.0.0.1"] } });
  const guess = (address: string, i: number) =>
    codeOf(shop, { "x-api-key": `${GUESS}${i}`, "x-forwarded-for": address });
  for (let i = 0; i < 60; i++) await guess("198.51.100.7", i);
  expect(await guess("198.51.100.7", 60)).toBe("429 too_many_failed_auth_attempts");
  expect(await guess("1.2.3.4, 198.51.100.7", 61)).toBe("429 too_many_failed_auth_attempts");
  expect(await guess("198.51.100.8", 62)).toBe("401 invalid_api_key");
});

test("without a trusted proxy the header says nothing", async () => {
  const shop = await openTestShop();
  for (let i = 0; i < 60; i++)
    await codeOf(shop, { "x-api-key": `${GUESS}${i}`, "x-forwarded-for": `198.51.100.${i}` });
  expect(await codeOf(shop, { "x-api-key": GUESS, "x-forwarded-for": "198.51.100.99" })).toBe(
    "429 too_many_failed_auth_attempts",
  );
});
