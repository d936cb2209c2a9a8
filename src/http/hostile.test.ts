import fc from "fast-check";
import { expect, test } from "vitest";
import type { ErrorBody } from "#wire";
import { REFUSALS } from "../errors.ts";
import { DEFAULT_LIMITS } from "./deps.ts";
import { countOrders } from "./test-answers.ts";
import { askRaw, type RawAnswer } from "./test-raw.ts";
import { openTestShop, type TestShop } from "./test-shop.ts";

/** Thousands of requests that nobody honest sends. Each is a 4xx with a proper body, and nothing is stored. */

const MANY = { count: 1_000_000, windowMs: 60_000 };

async function openPatientShop(): Promise<TestShop> {
  const limits = { ...DEFAULT_LIMITS, orders: MANY, reads: MANY, failedKeys: MANY };
  return openTestShop({ settings: { limits } });
}

/** Numbers of rows in everything that a request could write. */
async function rows(shop: TestShop): Promise<object> {
  const { read } = shop.store;
  const keys = await read.keys.all();
  return {
    orders: await countOrders(shop),
    jobs: await read.jobs.count(),
    keys: keys.map(({ id, inFlightUsdMicro }) => [id, inFlightUsdMicro]),
    replay: await read.idempotency.find("key_1", "hostile"),
  };
}

function requireRefusal(answer: RawAnswer): void {
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  const body = JSON.parse(answer.body) as ErrorBody;
  expect(body).toMatchObject({ error: body.code, message: body.detail, status: answer.status });
  expect(Object.keys(REFUSALS)).toContain(body.code);
  expect(body.request_id).toBe(answer.headers["x-request-id"]);
}

function requestText(
  target: string,
  headers: readonly string[],
  body: string | null = null,
  method = body === null ? "GET" : "POST",
): Buffer {
  const length = body === null ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const head = [
    `${method} ${target} HTTP/1.1`,
    "Host: shop.example",
    ...headers,
    ...length,
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(head.join("\r\n"), "latin1"), Buffer.from(body ?? "")]);
}

const json = fc.json({ maxDepth: 6, noUnicodeString: false });

const amount = fc.oneof(
  fc.constantFrom(
    "0",
    "0.0",
    "0.00",
    "-0.01",
    "-10",
    "1e9",
    "1E2",
    "NaN",
    "Infinity",
    "0x1F",
    "1_000",
  ),
  fc.constantFrom(
    "10.123",
    "10.00000001",
    "10000.01",
    "1000000000",
    "9".repeat(400),
    "",
    " ",
    "10 ",
  ),
  fc.constantFrom(
    "١٠",
    "１０.００",
    "10.0０",
    "10\u0000",
    "1\u200b0",
    "10,00",
    "$10",
    "10 USDC",
    "+10",
  ),
  fc.double({ noNaN: false }),
  fc.integer(),
  fc.constantFrom(null, true, false, [], ["10.00"], {}, { toString: "10.00" }),
  fc.string({ unit: "binary" }).filter((text) => !/^\d{1,12}(\.\d{1,2})?$/.test(text)),
  fc.double({ min: 10_001, max: 1e21 }).map((value) => value.toFixed(2)),
  fc.tuple(fc.nat(), fc.stringMatching(/^\d{3,40}$/)).map(([whole, part]) => `${whole}.${part}`),
);

const badMember = fc.oneof(
  fc.record({ amount_usdc: amount }),
  fc.record({ amount_usdc: amount, metadata: fc.object(), note: fc.string() }),
  fc.record({
    amount_usdc: fc.constant("10.00"),
    webhook_url: fc.oneof(
      fc.webUrl({ validSchemes: ["ftp", "file", "ws", "javascript"] }),
      fc
        .ipV4()
        .filter((ip) => ip.startsWith("10."))
        .map((ip) => `https://${ip}/`),
      fc.constantFrom(
        "https://[::1]/",
        "https://127.1/",
        "https://0/",
        "https://localhost/",
        "//x",
        "\u0000",
      ),
      fc.integer(),
      fc.constantFrom(null, [], {}, false),
    ),
  }),
  fc.record({
    amount_usdc: fc.constant("10.00"),
    metadata: fc.oneof(
      fc.constantFrom<unknown>(null, [], [1], "text", 7, true),
      fc.constant({ a: "x".repeat(9000) }),
      fc.constant(Array.from({ length: 40 }).reduce<object>((inner) => ({ inner }), {})),
    ),
  }),
  fc.record({ amount_usdc: fc.constant("10.00"), note: fc.constantFrom<unknown>(1, null, [], {}) }),
);

const malformed = fc.oneof(
  json.filter((text) => !text.startsWith("{")),
  json.map((text) => text.slice(0, -1)).filter((text) => !isJson(text)),
  fc.string({ unit: "binary" }).filter((text) => !isJson(text)),
  fc.constantFrom("", "{", "[", '{"a":', "null", "\u0000", "{}{}", "\ufeff[]", '{"__proto__":{}}'),
  fc.constantFrom(
    '{"amount_usdc":"10.00","__proto__":null}',
    '{"a":{"constructor":{"prototype":1}}}',
  ),
  fc.integer({ min: 1, max: 30_000 }).map((depth) => "[".repeat(depth) + "]".repeat(depth)),
  fc.integer({ min: 65_537, max: 200_000 }).map((length) => `{"note":"${"x".repeat(length)}"}`),
);

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("no hostile body of an order gets through", { timeout: 120_000 }, async () => {
  const shop = await openPatientShop();
  const before = await rows(shop);
  const headers = [`X-Api-Key: ${shop.apiKey}`, "Content-Type: application/json"];
  const bodies = fc.oneof(
    badMember.map((body) => JSON.stringify(body)),
    malformed,
  );
  await fc.assert(
    fc.asyncProperty(bodies, fc.boolean(), async (body, withKey) => {
      const key = withKey ? ["Idempotency-Key: hostile"] : [];
      const answer = await askRaw(shop.port, requestText("/v1/orders", [...headers, ...key], body));
      expect(answer).not.toBeNull();
      if (answer !== null) requireRefusal(answer);
    }),
    { numRuns: 2500 },
  );
  expect(await rows(shop)).toEqual(before);
  expect(shop.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test("a body of 10 MB is refused however it is sent", async () => {
  const shop = await openPatientShop();
  const before = await rows(shop);
  const headers = [`X-Api-Key: ${shop.apiKey}`, "Content-Type: application/json"];
  const big = `{"amount_usdc":"10.00","note":"${"x".repeat(10_000_000)}"}`;
  const whole = await askRaw(shop.port, requestText("/v1/orders", headers, big));
  expect(whole?.status).toBe(413);
  const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;
  const head = requestText("/v1/orders", [...headers, "Transfer-Encoding: chunked"], null, "POST");
  const chunked = Buffer.concat([head, Buffer.from(chunk.repeat(160)), Buffer.from("0\r\n\r\n")]);
  expect((await askRaw(shop.port, chunked))?.status).toBe(413);
  expect(await rows(shop)).toEqual(before);
});

const target = fc.oneof(
  fc.constantFrom(
    "/",
    "//",
    "/v1/orders/..",
    "/v1/orders/%2e%2e/%2e%2e/etc/passwd",
    "/v1/orders//x",
  ),
  fc.constantFrom(
    "/v1/orders/%00",
    "/v1/orders/%ff",
    "/v1/orders/%",
    "/v1/orders/%u0041",
    "/v1\\orders",
  ),
  fc.constantFrom("/v1/orders/;a=b", "/v1/orders/a%0d%0aX-Evil:%201", "/v1/orders/<script>"),
  fc.constantFrom("/v1/orders/__proto__", "/v1/orders/constructor", "/v1/orders/toString/stream"),
  fc.constantFrom(
    "/v1/orders?limit=__proto__",
    "/v1/orders?limit=1&limit=1",
    "/v1/orders?status[__proto__]=1&limit=x",
  ),
  fc.constantFrom(
    "/v1/orders?status=%00",
    "/v1/orders?limit=-1",
    "/v1/orders?offset=1e9",
    "/v1/orders?limit=%zz",
  ),
  fc
    .string({ minLength: 1, maxLength: 300 })
    .map((text) => `/v1/orders/x${encodeURIComponent(text)}`),
  fc.webPath().map((path) => `/nowhere${path}`),
  fc
    .string({ minLength: 1 })
    .filter((text) => !/^\d{4}-/.test(text))
    .map((text) => `/v1/orders?since_created_at=${encodeURIComponent(text)}`),
  fc
    .stringMatching(/^[!-~]{1,400}$/)
    .filter((text) => !text.startsWith("?"))
    .map((text) => `/v1/x${text}`),
);

test("no path or query trick gets through", { timeout: 120_000 }, async () => {
  const shop = await openPatientShop();
  const before = await rows(shop);
  const headers = [`X-Api-Key: ${shop.apiKey}`];
  const methods = fc.constantFrom("GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
  await fc.assert(
    fc.asyncProperty(target, methods, async (path, method) => {
      const answer = await askRaw(shop.port, requestText(path, headers, null, method));
      expect(answer).not.toBeNull();
      if (answer !== null) requireRefusal(answer);
    }),
    { numRuns: 1500 },
  );
  expect(await rows(shop)).toEqual(before);
  expect(shop.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

const badHeader = fc.oneof(
  fc.constantFrom(
    "Idempotency-Key:",
    "Idempotency-Key: \u00ff",
    "Idempotency-Key: a\r\nIdempotency-Key: b",
  ),
  fc.integer({ min: 256, max: 4000 }).map((length) => `Idempotency-Key: ${"k".repeat(length)}`),
  fc.constantFrom(
    "Content-Encoding: gzip",
    "Content-Encoding: br",
    "Expect: cake",
    "Transfer-Encoding: cow",
  ),
  fc.constantFrom("Origin: https://evil.example", "Origin: null", "Origin: \u00e9", "X-Api-Key: x"),
  fc.constantFrom(
    "X : y",
    "X\u0000: y",
    ": y",
    "X: \u0000",
    "X: a\u0001b\r\n Y",
    "Content-Length: 7",
  ),
  fc.constantFrom(
    "Content-Type: text/plain",
    "Content-Type: application/jsonp",
    "Content-Type: \u00ff",
  ),
  fc.integer({ min: 17_000, max: 60_000 }).map((length) => `X-Long: ${"x".repeat(length)}`),
  fc
    .integer({ min: 2001, max: 5000 })
    .map((count) => Array.from({ length: count }, (_, i) => `X${i}: 1`).join("\r\n")),
);

test("no header trick gets through", { timeout: 120_000 }, async () => {
  const shop = await openPatientShop();
  const before = await rows(shop);
  const good = '{"amount_usdc":"10.00"}';
  await fc.assert(
    fc.asyncProperty(badHeader, async (header) => {
      const isType = header.startsWith("Content-Type");
      const headers = [
        `X-Api-Key: ${shop.apiKey}`,
        ...(isType ? [] : ["Content-Type: application/json"]),
        header,
      ];
      const answer = await askRaw(shop.port, requestText("/v1/orders", headers, good));
      expect(answer).not.toBeNull();
      if (answer !== null) requireRefusal(answer);
    }),
    { numRuns: 600 },
  );
  expect(await rows(shop)).toEqual(before);
  expect(shop.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test("no bytes at all make the server fail", { timeout: 120_000 }, async () => {
  const shop = await openPatientShop();
  const before = await rows(shop);
  const noise = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 500 }),
    fc.string({ unit: "binary", minLength: 1 }).map((text) => Buffer.from(`${text}\r\n\r\n`)),
    fc
      .string({ maxLength: 40 })
      .map((text) => Buffer.from(`GET ${text} HTTP/1.1\r\nHost: a\r\n\r\n`, "latin1")),
  );
  await fc.assert(
    fc.asyncProperty(noise, async (bytes) => {
      // What may be the start of a request is waited for; the end of the connection settles it.
      const answer = await askRaw(
        shop.port,
        Buffer.concat([bytes, Buffer.from("\r\n\r\n\0\r\n\r\n")]),
      );
      if (answer !== null) requireRefusal(answer);
    }),
    { numRuns: 600 },
  );
  expect((await shop.ask("/healthz")).status).toBe(200);
  expect(await rows(shop)).toEqual(before);
});
