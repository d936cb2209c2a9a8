import { expect, test } from "vitest";
import type { ErrorBody } from "#wire";
import { askRaw } from "./test-raw.ts";
import { openTestShop } from "./test-shop.ts";

const PUBLIC = { headers: { "x-api-key": null } };

test("every answer carries a request id: the caller's when it is harmless", async () => {
  const shop = await openTestShop();
  const idOf = async (given: string) =>
    (await shop.ask("/healthz", { headers: { "x-request-id": given } })).headers.get(
      "x-request-id",
    );
  expect(await idOf("agent-7:a.b_c")).toBe("agent-7:a.b_c");
  for (const bad of ["", "a b", "x".repeat(65), "a,b", "é"])
    expect(await idOf(bad)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  const missing = await shop.ask("/nowhere", { headers: { "x-request-id": "find-me" } });
  expect((await missing.json()) as ErrorBody).toMatchObject({ request_id: "find-me" });
});

test("every request is one log line, without key, body or query", async () => {
  const shop = await openTestShop();
  await shop.order(undefined, { headers: { "x-request-id": "r-1" } });
  await shop.ask("/v1/orders?status=nonsense-canary", { headers: { "x-request-id": "r-2" } });
  await shop.ask("/nowhere/canary", { headers: { "x-request-id": "r-3" } });
  await expect.poll(() => shop.logLines.length, { timeout: 10_000 }).toBe(3);
  expect(shop.logLines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { request_id: "r-1", method: "POST", route: "/v1/orders", status: 201, level: "info" },
    { request_id: "r-2", method: "GET", route: "/v1/orders", status: 400 },
    { request_id: "r-3", method: "GET", route: null, status: 404 },
  ]);
  const all = shop.logLines.join("\n");
  expect(all).not.toContain(shop.apiKey);
  expect(all).not.toContain("canary");
  expect(all).not.toContain("10.00");
});

test("security headers are on answers, errors included", async () => {
  const shop = await openTestShop();
  for (const path of ["/healthz", "/nowhere", "/v1/usage"]) {
    const { headers } = await shop.ask(path);
    expect(headers.get("strict-transport-security")).toBe(
      "max-age=63072000; includeSubDomains; preload",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
  }
});

test("an unknown path is 404, a known one with another method 405 with what it takes", async () => {
  const shop = await openTestShop();
  for (const path of ["/", "/v1", "/v1/order", "/v1/orders/a/b", "/V1/orders", "//v1/orders"]) {
    const answer = await shop.ask(path);
    expect(answer.status).toBe(404);
    expect((await answer.json()) as ErrorBody).toMatchObject({ error: "not_found", status: 404 });
  }
  const answer = await shop.ask("/v1/orders?a=b", { method: "DELETE" });
  expect(answer.status).toBe(405);
  expect(answer.headers.get("allow")).toBe("GET, HEAD, POST");
  expect((await answer.json()) as ErrorBody).toMatchObject({ error: "method_not_allowed" });
  expect((await shop.ask("/v1/orders/x", { method: "PATCH", body: {} })).status).toBe(405);
  expect((await shop.ask("/v1/orders/x/stream", { method: "HEAD" })).status).toBe(405);
});

test("an error body serves v1 clients and problem readers alike", async () => {
  const shop = await openTestShop();
  const answer = await shop.ask("/v1/orders/nothing");
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(await answer.json()).toMatchInlineSnapshot(
    { request_id: expect.any(String) as string },
    `
    {
      "code": "order_not_found",
      "detail": "This API key has no order with this id.",
      "docs": "https://shop.example/docs/errors#order_not_found",
      "error": "order_not_found",
      "message": "This API key has no order with this id.",
      "request_id": Any<String>,
      "retryable": false,
      "status": 404,
      "title": "This key has no such order",
      "type": "https://shop.example/docs/errors#order_not_found",
    }
  `,
  );
  const page = await (await shop.ask("/docs/errors", PUBLIC)).text();
  expect(page).toContain('id="order_not_found"');
});

test("a bug is 500 with the request id and nothing of itself, and a log line with everything", async () => {
  const shop = await openTestShop({
    wrap: (deps) => ({
      ...deps,
      pricing: () => {
        throw new Error("secret internals");
      },
    }),
  });
  const answer = await shop.ask("/v1/orders", {
    body: { amount_usdc: "10.00" },
    headers: { "x-request-id": "r-500" },
  });
  expect(answer.status).toBe(500);
  const text = await answer.text();
  expect(text).not.toContain("secret internals");
  expect(JSON.parse(text)).toMatchObject({
    error: "internal_error",
    retryable: true,
    request_id: "r-500",
  });
  const line = shop.logLines.find((each) => each.includes("secret internals")) ?? "";
  expect(JSON.parse(line)).toMatchObject({ level: "error", request_id: "r-500" });
});

test("outside development plain HTTP is 426, TLS at a trusted proxy is not, probes are free", async () => {
  const shop = await openTestShop({
    settings: { environment: "production", trustedProxies: ["127.0.0.1"] },
  });
  const plain = await shop.ask("/v1/usage");
  expect(plain.status).toBe(426);
  expect(plain.headers.get("upgrade")).toBe("TLS/1.2, HTTP/1.1");
  expect((await plain.json()) as ErrorBody).toMatchObject({ error: "https_required" });
  const proto = (value: string) => ({ headers: { "x-forwarded-proto": value } });
  expect((await shop.ask("/v1/usage", proto("https"))).status).toBe(200);
  expect((await shop.ask("/v1/usage", proto("http"))).status).toBe(426);
  expect((await shop.ask("/v1/usage", proto("https, http"))).status).toBe(426);
  expect((await shop.ask("/status", PUBLIC)).status).toBe(426);
  expect((await shop.ask("/healthz", PUBLIC)).status).toBe(200);
  expect((await shop.ask("/readyz", PUBLIC)).status).toBe(200);
});

test("a stranger's word for TLS is not believed", async () => {
  const shop = await openTestShop({
    settings: { environment: "production", trustedProxies: ["192.0.2.1"] },
  });
  const answer = await shop.ask("/v1/usage", { headers: { "x-forwarded-proto": "https" } });
  expect(answer.status).toBe(426);
});

test("a list of trusted proxies that cannot be read stops the start", async () => {
  await expect(openTestShop({ settings: { trustedProxies: ["my proxy"] } })).rejects.toThrow(
    "invalid IP address",
  );
});

const APP = "https://app.example";

test("browsers of listed origins may call, others get 403", async () => {
  const shop = await openTestShop({ settings: { corsOrigins: [APP] } });
  const from = (origin: string) => shop.ask("/v1/usage", { headers: { origin } });
  expect((await from("https://shop.example")).status).toBe(200); // its own pages
  const welcome = await from(APP);
  expect(welcome.status).toBe(200);
  expect(welcome.headers.get("access-control-allow-origin")).toBe(APP);
  expect(welcome.headers.get("access-control-expose-headers")).toBe(
    "X-Request-ID, PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, Location, ETag, Retry-After",
  );
  expect(welcome.headers.get("vary")).toBe("Origin");
  for (const origin of [
    "https://evil.example",
    "https://app.example:444",
    "http://app.example",
    "null",
  ]) {
    const foreign = await from(origin);
    expect(foreign.status).toBe(403);
    expect(foreign.headers.get("access-control-allow-origin")).toBeNull();
    expect((await foreign.json()) as ErrorBody).toMatchObject({ error: "forbidden" });
  }
});

test("errors are readable for listed origins too, and streams", async () => {
  const shop = await openTestShop({ settings: { corsOrigins: [APP] } });
  const { order_id: id } = await shop.order();
  const headers = { origin: APP };
  const missing = await shop.ask("/v1/orders/x", { headers });
  expect(missing.headers.get("access-control-allow-origin")).toBe(APP);
  const stream = await shop.ask(`/v1/orders/${id}/stream`, { headers });
  expect(stream.headers.get("access-control-allow-origin")).toBe(APP);
  await stream.body?.cancel();
});

test("a preflight is answered without a key and cached for an hour", async () => {
  const shop = await openTestShop({ settings: { corsOrigins: [APP] } });
  const preflight = (origin: string) =>
    shop.ask("/v1/orders", {
      method: "OPTIONS",
      headers: { "x-api-key": null, origin, "access-control-request-method": "POST" },
    });
  const answer = await preflight(APP);
  expect(answer.status).toBe(204);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    "access-control-allow-origin": APP,
    "access-control-allow-methods": "GET, POST, PATCH, DELETE",
    "access-control-allow-headers":
      "Content-Type, X-Api-Key, Authorization, Idempotency-Key, X-Request-ID, Last-Event-ID, PAYMENT-SIGNATURE, X-PAYMENT, X-Access-Token, If-None-Match, Prefer",
    "access-control-max-age": "3600",
  });
  expect((await preflight("https://evil.example")).status).toBe(403);
  const noPreflight = await shop.ask("/v1/orders", { method: "OPTIONS", headers: { origin: APP } });
  expect(noPreflight.status).toBe(405);
});

test.each([
  "*",
  "app.example",
  `${APP}/`,
  `${APP}/path`,
  "https://user@app.example",
  "null",
  "HTTPS://APP.EXAMPLE",
])("the allow-list entry %s stops the start", async (entry) => {
  await expect(openTestShop({ settings: { corsOrigins: [APP, entry] } })).rejects.toThrow(
    "is not a bare origin",
  );
});

test.each([
  ["no Host", "GET /healthz HTTP/1.1\r\n\r\n", 400],
  ["not HTTP", "hello\r\n\r\n", 400],
  ["a header without a name", "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", 400],
  [
    "two lengths",
    "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    400,
  ],
  [
    "length and chunks",
    "POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    400,
  ],
  ["a NUL in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400],
  ["headers of 20 kB", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ["a path of 20 kB", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
  ["a bad percent-encoding", "GET /v1/orders/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["an overlong percent-encoding", "GET /v1/orders/%c0%ae HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a long parameter", `GET /v1/orders/${"x".repeat(200)} HTTP/1.1\r\nHost: a\r\n\r\n`, 404],
  ["dots in the path", "GET /v1/../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 404],
  ["the authority as target", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404],
  ["a proxy request", "CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405],
  ["an unknown expectation", "GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n", 417],
  ["an unusual method", "PROPFIND /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n", 405],
  ["an unknown method", "BREW /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n", 400],
])("%s is refused with a proper body", async (_name, bytes, status) => {
  const shop = await openTestShop();
  const answer = await askRaw(shop.port, bytes);
  expect(answer?.status).toBe(status);
  expect(answer?.headers["content-type"]).toBe("application/json; charset=utf-8");
  const body = JSON.parse(answer?.body ?? "") as ErrorBody;
  const lines = (): string[] => shop.logLines.filter((line) => line.includes(body.request_id));
  await expect.poll(() => lines().length, { timeout: 10_000 }).toBe(1);
  expect(JSON.parse(lines()[0] ?? "")).toMatchObject({ message: "request", status });
  expect(body).toMatchObject({ status, error: body.code, message: body.detail });
  expect(answer?.headers["x-request-id"]).toBe(body.request_id);
});

test("a target in absolute form is answered as its path", async () => {
  const shop = await openTestShop();
  const bytes = "GET http://shop.example/healthz HTTP/1.1\r\nHost: shop.example\r\n\r\n";
  expect((await askRaw(shop.port, bytes))?.status).toBe(200);
});

test("HTTP/1.0 without a Host is answered", async () => {
  const shop = await openTestShop();
  expect((await askRaw(shop.port, "GET /healthz HTTP/1.0\r\n\r\n"))?.status).toBe(200);
});

test("garbage after a stream has begun does not write into the stream", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const head = `GET /v1/orders/${id}/stream HTTP/1.1\r\nHost: a\r\nX-Api-Key: ${shop.apiKey}\r\n\r\n`;
  const { connect } = await import("node:net");
  const text = await new Promise<string>((resolve) => {
    const socket = connect(shop.port, "127.0.0.1", () => socket.write(head));
    let received = "";
    socket.on("data", (part) => {
      received += part.toString();
      if (received.includes("data: ")) socket.write("\0garbage\r\n\r\n");
    });
    socket.on("close", () => resolve(received));
  });
  expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

test("a request that arrives while the server closes is refused, one under way is finished", async () => {
  let finish: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const shop = await openTestShop({
    wrap: (deps) => ({
      ...deps,
      store: {
        read: deps.store.read,
        transact: async (name, input) => {
          await held;
          return deps.store.transact(name, input);
        },
      },
    }),
  });
  const order = shop.ask("/v1/orders", { body: { amount_usdc: "10.00" } });
  await expect.poll(async () => (await shop.ask("/healthz")).status).toBe(200);
  const closed = shop.app.close();
  finish();
  expect((await order).status).toBe(201);
  const closingStartMs = Date.now();
  await closed;
  expect(Date.now() - closingStartMs).toBeLessThan(4000); // it does not wait for the connection to be cut
  await expect(shop.ask("/healthz")).rejects.toThrow("fetch failed");
});
