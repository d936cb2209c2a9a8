import { expect, test } from "vitest";
import { createClient, openShop, type ShopOptions } from "./client.ts";
import {
  ApiError,
  AuthenticationError,
  BadAnswerError,
  IdempotencyConflictError,
  InvalidOptionError,
  NetworkError,
  RateLimitError,
  ShopUnavailableError,
  SpendLimitError,
  type Vend402Error,
} from "./errors.ts";
import { clientOf } from "./client.ts";
import { systemRuntime } from "./runtime.ts";
import {
  answerJson,
  API_KEY,
  CARD,
  ORDER_ID,
  orderIn,
  PAYABLE,
  startPeer,
  type Peer,
} from "./testing/peer.ts";

/** A client that notes how long it would have slept instead of sleeping. */
function hastyClient(peer: Peer, options: Partial<ShopOptions> = {}) {
  const sleptMs: number[] = [];
  const sleep = (ms: number) => {
    sleptMs.push(ms);
    return Promise.resolve();
  };
  const runtime = { ...systemRuntime, random: () => 1, sleep };
  return {
    sleptMs,
    client: clientOf(openShop({ baseUrl: peer.baseUrl, apiKey: API_KEY, ...options }, runtime)),
  };
}

const keys = (peer: Peer) => peer.requests.map(({ headers }) => headers["idempotency-key"]);

test("an order is created with the key, a fresh idempotency key and the request in wire form", async () => {
  const peer = await startPeer((_request, response) => answerJson(response, 201, PAYABLE));
  const client = createClient({ baseUrl: peer.baseUrl, apiKey: API_KEY });
  const order = await client.createOrder({
    amountUsdc: "10",
    metadata: { trip: 1 },
    webhookUrl: "https://a.example/",
    note: "Taxi",
  });
  expect(order).toEqual(PAYABLE);
  const [request] = peer.requests;
  expect(request?.headers).toMatchObject({
    "x-api-key": API_KEY,
    "content-type": "application/json",
  });
  expect(JSON.parse(request?.body ?? "")).toEqual({
    amount_usdc: "10",
    metadata: { trip: 1 },
    webhook_url: "https://a.example/",
    note: "Taxi",
  });
  await client.createOrder({ amountUsdc: "10" });
  expect(keys(peer)[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  expect(keys(peer)[1]).not.toBe(keys(peer)[0]);
});

test("held and sandbox orders are told apart by their phase", async () => {
  const held = {
    order_id: ORDER_ID,
    phase: "awaiting_approval",
    approval_request_id: "a1",
    amount_usdc: "10.00",
    message: "m",
    note: "n",
    expires_at: "2099-01-01T00:00:00.000Z",
  };
  const sandbox = {
    order_id: ORDER_ID,
    status: "delivered",
    phase: "ready",
    amount_usdc: "10",
    sandbox: true,
    card: CARD,
  };
  const answers = [held, sandbox];
  const peer = await startPeer((_request, response) =>
    answerJson(response, answers.length === 2 ? 202 : 201, answers.shift()),
  );
  const client = createClient({ baseUrl: peer.baseUrl, apiKey: API_KEY });
  expect((await client.createOrder({ amountUsdc: "10" })).phase).toBe("awaiting_approval");
  expect(await client.createOrder({ amountUsdc: "10" })).toMatchObject({
    phase: "ready",
    card: CARD,
  });
});

test.each([429, 502, 503, 504])(
  "status %i is retried twice with the same key and then thrown",
  async (status) => {
    const peer = await startPeer((_request, response) =>
      answerJson(response, status, { error: "later", message: "Later." }),
    );
    const { client, sleptMs } = hastyClient(peer);
    const error = await client
      .createOrder({ amountUsdc: "10", idempotencyKey: "k-1" })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(status === 429 ? RateLimitError : ShopUnavailableError);
    expect(error).toMatchObject({
      status,
      retryable: true,
      purchase: { orderId: null, idempotencyKey: "k-1", paymentHash: null },
    });
    expect(keys(peer)).toEqual(["k-1", "k-1", "k-1"]);
    expect(sleptMs).toEqual([500, 1000]);
  },
);

test("a lost connection is retried with the same key until the order's answer arrives", async () => {
  let asked = 0;
  const peer = await startPeer((_request, response) => {
    if (++asked < 3) response.destroy();
    else answerJson(response, 201, PAYABLE);
  });
  const { client } = hastyClient(peer);
  await expect(client.createOrder({ amountUsdc: "10" })).resolves.toMatchObject({
    order_id: ORDER_ID,
  });
  expect(new Set(keys(peer)).size).toBe(1);
  expect(keys(peer)).toHaveLength(3);
});

test("Retry-After is waited, and a long one is left to the caller", async () => {
  let retryAfter = "2";
  const peer = await startPeer((_request, response) =>
    answerJson(response, 503, {}, { "Retry-After": retryAfter }),
  );
  const { client, sleptMs } = hastyClient(peer);
  await expect(client.usage()).rejects.toMatchObject({ retryAfterS: 2 });
  expect(sleptMs).toEqual([2500, 3000]);
  retryAfter = "3600";
  await expect(client.usage()).rejects.toMatchObject({ retryAfterS: 3600, retryable: true });
  expect(sleptMs).toHaveLength(2);
  retryAfter = new Date(Date.now() + 5_000_000).toUTCString();
  const error = await client.usage().catch((caught: unknown) => caught);
  expect((error as Vend402Error).retryAfterS).toBeGreaterThan(4_990);
});

test("refusals are not retried and carry what the shop said", async () => {
  const body = {
    error: "spend_limit_exceeded",
    message: "Over the limit.",
    limit: "50.00",
    spent: "45.00",
    retryable: false,
    request_id: "r-1",
    docs: "https://shop.example/docs",
    title: "t",
    type: "x",
    status: 403,
    detail: "d",
    code: "spend_limit_exceeded",
  };
  const peer = await startPeer((_request, response) => answerJson(response, 403, body));
  const { client } = hastyClient(peer);
  const error = await client.createOrder({ amountUsdc: "10" }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(SpendLimitError);
  expect(error).toMatchObject({
    limit: "50.00",
    spent: "45.00",
    requestId: "r-1",
    docs: "https://shop.example/docs",
    retryable: false,
  });
  expect((error as Error).message).toMatchInlineSnapshot(`
    "Over the limit.

      status   403
      code     spend_limit_exceeded
      limit    50.00
      spent    45.00
      request  r-1

    Next: buy a smaller amount, or ask the owner of the key for a higher limit.
    Docs: https://shop.example/docs"
  `);
  expect(peer.requests).toHaveLength(1);
});

test("the classes of refusals follow the code and the status", async () => {
  const answers: readonly (readonly [number, object, unknown])[] = [
    [401, { error: "invalid_api_key", message: "m" }, AuthenticationError],
    [409, { error: "idempotency_conflict", message: "m" }, IdempotencyConflictError],
    [400, { error: "invalid_amount", message: "m" }, ApiError],
    [302, {}, ApiError],
    [500, { error: "internal_error" }, ApiError],
  ];
  for (const [status, body, kind] of answers) {
    const peer = await startPeer((_request, response) => answerJson(response, status, body));
    const error = await hastyClient(peer)
      .client.usage()
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(kind);
    expect(peer.requests).toHaveLength(1);
  }
});

test("a redirect is not followed: the key stays with its host", async () => {
  const elsewhere = await startPeer((_request, response) => answerJson(response, 200, {}));
  const peer = await startPeer((_request, response) =>
    response.writeHead(307, { Location: elsewhere.baseUrl }).end(),
  );
  await expect(hastyClient(peer).client.usage()).rejects.toMatchObject({ status: 307 });
  expect(elsewhere.requests).toEqual([]);
});

test("text of the shop cannot steer a terminal or flood it", async () => {
  const peer = await startPeer((_request, response) =>
    answerJson(response, 400, {
      error: "no\u001b[2J",
      message: `\u001b]0;x\u0007${"a".repeat(9000)}`,
      fact: "\u202Eevil",
    }),
  );
  const error = await hastyClient(peer)
    .client.usage()
    .catch((caught: unknown) => caught);
  for (const character of ["\u001b", "\u0007", "\u202E"])
    expect((error as Error).message).not.toContain(character);
  expect((error as Error).message.length).toBeLessThan(1000);
  expect(error).toMatchObject({ code: "http_400" });
});

test("a server that does not answer in time, or not at all, is a network error that can be retried", async () => {
  const silent = await startPeer(() => undefined);
  const slowBody = await startPeer((_request, response) => void response.writeHead(200).write("{"));
  for (const peer of [silent, slowBody])
    await expect(hastyClient(peer, { timeoutMs: 60 }).client.usage()).rejects.toMatchObject({
      name: "NetworkError",
      code: "timeout",
      retryable: true,
    });
  const closed = { baseUrl: "http://127.0.0.1:1/v1" } as Peer;
  await expect(hastyClient(closed).client.usage()).rejects.toThrow(NetworkError);
});

test("an answer that never ends is cut at 1 MiB", async () => {
  const peer = await startPeer((_request, response) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    const more = () => {
      while (!response.destroyed && response.write("9".repeat(65_536)));
    };
    response.on("drain", more);
    more();
  });
  await expect(hastyClient(peer).client.usage()).rejects.toThrow(BadAnswerError);
});

test("orders are read and listed, with the filters in wire form", async () => {
  const row = {
    id: ORDER_ID,
    status: "delivered",
    amount_usdc: "10",
    payment_asset: "usdc_soroban",
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: "2026-01-01T00:00:00.000Z",
  };
  const peer = await startPeer((request, response) =>
    answerJson(
      response,
      200,
      request.path.startsWith("/v1/orders?") || request.path === "/v1/orders"
        ? [row]
        : orderIn("processing"),
    ),
  );
  const client = createClient({ baseUrl: peer.baseUrl, apiKey: API_KEY });
  expect((await client.getOrder(ORDER_ID)).phase).toBe("processing");
  expect(await client.listOrders()).toEqual([row]);
  await client.listOrders({
    status: "delivered",
    limit: 5,
    offset: 2,
    sinceUpdatedAt: new Date(0),
  });
  expect(peer.requests.at(-1)?.path).toBe(
    "/v1/orders?status=delivered&limit=5&offset=2&since_updated_at=1970-01-01T00%3A00%3A00.000Z",
  );
});

test("the usage of a key is read", async () => {
  const usage = {
    api_key_id: "key_1",
    label: null,
    budget: PAYABLE.budget,
    orders: {
      total: 1,
      delivered: 1,
      failed: 0,
      refunded: 0,
      expired: 0,
      rejected: 0,
      in_progress: 0,
    },
  };
  const peer = await startPeer((_request, response) => answerJson(response, 200, usage));
  await expect(createClient({ baseUrl: peer.baseUrl, apiKey: API_KEY }).usage()).resolves.toEqual(
    usage,
  );
});

test("unusable options are refused before anything is sent, without showing the key", () => {
  const good = { baseUrl: "https://shop.example", apiKey: API_KEY };
  expect(openShop(good).baseUrl).toBe("https://shop.example/v1");
  expect(openShop({ ...good, baseUrl: "https://shop.example/cards/v1/" }).baseUrl).toBe(
    "https://shop.example/cards/v1",
  );
  expect(openShop({ ...good, baseUrl: "http://10.0.0.1", allowInsecureHttp: true }).baseUrl).toBe(
    "http://10.0.0.1/v1",
  );
  for (const bad of [
    "shop.example",
    "ftp://shop.example",
    "http://shop.example",
    "http://127.0.0.1.evil.example",
    "https://u:p@shop.example",
    "",
  ])
    expect(() => openShop({ ...good, baseUrl: bad }), bad).toThrow(InvalidOptionError);
  for (const apiKey of ["", "with space", "line\nbreak", "ключ"])
    expect(() => openShop({ ...good, apiKey })).toThrow(InvalidOptionError);
  expect(() => openShop({ ...good, apiKey: "secret\n" })).not.toThrow(/secret/);
});

test("amounts, order ids and idempotency keys of the wrong form are refused locally", async () => {
  const client = createClient({ baseUrl: "https://shop.example", apiKey: API_KEY });
  for (const amountUsdc of ["", "10.001", "-1", "1e2", "10,00", 10 as unknown as string])
    await expect(client.createOrder({ amountUsdc })).rejects.toThrow(InvalidOptionError);
  for (const idempotencyKey of ["", "x".repeat(256), "a b", "ä"])
    await expect(client.createOrder({ amountUsdc: "10", idempotencyKey })).rejects.toThrow(
      InvalidOptionError,
    );
  for (const orderId of ["", "../x", "a/b", "x".repeat(65)])
    await expect(client.getOrder(orderId)).rejects.toThrow(InvalidOptionError);
});
