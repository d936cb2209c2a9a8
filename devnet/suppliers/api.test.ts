import { afterEach, expect, test } from "vitest";
import { checkDigit } from "./card-number.ts";
import type { CardSupplier, CardSupplierOptions } from "./index.ts";
import { startFast, type TestClient } from "./test-client.ts";

const started: CardSupplier[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((supplier) => supplier.close()));
});

async function start(
  options: Partial<CardSupplierOptions> = {},
): Promise<CardSupplier & { readonly client: TestClient }> {
  const supplier = await startFast(options);
  started.push(supplier);
  return supplier;
}

test("a card is issued, read, activated and paid from the balance", async () => {
  const supplier = await start();
  const { client } = supplier;

  const issued = await client.issue("order-1");
  expect(issued.status).toBe(201);
  expect(issued.body).toMatchObject({
    reference: "order-1",
    status: "issued",
    brand: "TEST",
    currency: "USD",
    face_value: "25.00",
    cost: "24.60",
    activated_at: null,
  });
  const id = String(issued.body["id"]);
  expect((await client.get(`/v1/cards/${id}`)).body).toEqual(issued.body);

  const activated = await client.post(`/v1/cards/${id}/activate`);
  expect(activated.status).toBe(200);
  expect(activated.body).toMatchObject({ id, status: "active", number: issued.body["number"] });

  expect((await client.get("/v1/balance")).body).toEqual({
    currency: "USD",
    available: "99975.40",
  });
  expect(supplier.ledger()).toMatchObject([
    { cardId: id, reference: "order-1", faceValue: "25.00", cost: "24.60", status: "active" },
  ]);
  expect(JSON.stringify(supplier.ledger())).not.toContain(String(issued.body["number"]));
});

test("card numbers carry a test prefix and a valid check digit, and no two are the same", async () => {
  const { client } = await start();
  const numbers = new Set<string>();
  for (let index = 0; index < 50; index += 1) {
    const { body } = await client.issue(`order-${index}`, "5.00");
    const number = String(body["number"]);
    expect(number).toMatch(/^(400000|424242)\d{10}$/);
    expect(number.at(-1)).toBe(String(checkDigit(number.slice(0, -1))));
    expect(body["cvv"]).toMatch(/^\d{3}$/);
    numbers.add(number);
  }
  expect(numbers.size).toBe(50);
});

test("the check digit is the one of the published example", () => {
  expect(checkDigit("7992739871")).toBe(3);
  expect(checkDigit("424242424242424")).toBe(2);
});

test("the same reference is the same card, the second time with 200", async () => {
  const supplier = await start();
  const first = await supplier.client.issue("order-1");
  const again = await supplier.client.issue("order-1");
  expect([first.status, again.status]).toEqual([201, 200]);
  expect(again.body).toEqual(first.body);
  expect(supplier.ledger()).toHaveLength(1);
});

test("a reference with another body is refused and sells nothing", async () => {
  const supplier = await start({ issueLatencyMs: 20 });
  const pending = supplier.client.issue("order-1", "25.00");
  const duringSale = await supplier.client.issue("order-1", "30.00");
  await pending;
  const afterSale = await supplier.client.issue("order-1", "30.00");
  for (const refused of [duringSale, afterSale]) {
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({ code: "reference_reused" });
  }
  expect(supplier.ledger()).toHaveLength(1);
});

test("requests for one reference that race share one card", async () => {
  const supplier = await start({ issueLatencyMs: 20 });
  const replies = await Promise.all([1, 2, 3].map(() => supplier.client.issue("order-1")));
  expect(new Set(replies.map((reply) => reply.body["id"])).size).toBe(1);
  expect(replies.filter((reply) => reply.status === 201)).toHaveLength(1);
  expect(supplier.ledger()).toHaveLength(1);
});

test("a sale goes on when the client has given up, and the look-up finds it", async () => {
  const finishSale = Promise.withResolvers<void>();
  const clock = {
    now: () => 1_800_000_000_000,
    sleep: (ms: number) => (ms === 17_000 ? finishSale.promise : Promise.resolve()),
  };
  const supplier = await start({ clock, issueLatencyMs: 17_000 });
  const giveUp = new AbortController();
  const given = fetch(`${supplier.url}/v1/cards`, {
    method: "POST",
    headers: { authorization: `Bearer ${supplier.apiKey}`, "idempotency-key": "order-1" },
    body: JSON.stringify({ reference: "order-1", face_value: "25.00", currency: "USD" }),
    signal: giveUp.signal,
  });
  await expect.poll(() => supplier.calls().issue, { timeout: 5_000 }).toBe(1);
  giveUp.abort();
  await expect(given).rejects.toThrow("aborted");

  const lookUp = "/v1/cards?reference=order-1";
  expect((await supplier.client.get(lookUp)).body).toEqual({ cards: [], in_progress: true });
  finishSale.resolve();
  await expect.poll(() => supplier.ledger().length, { timeout: 5_000 }).toBe(1);
  expect((await supplier.client.get(lookUp)).body).toMatchObject({
    cards: [{ reference: "order-1", status: "issued" }],
    in_progress: false,
  });
});

test("a reference that was never seen is found as nothing", async () => {
  const { client } = await start();
  expect((await client.get("/v1/cards?reference=order-9")).body).toEqual({
    cards: [],
    in_progress: false,
  });
});

test("activation may be repeated and keeps its first time", async () => {
  const { client } = await start();
  const { body } = await client.issue("order-1");
  const path = `/v1/cards/${String(body["id"])}/activate`;
  const first = await client.post(path);
  const again = await client.post(path);
  expect(again.status).toBe(200);
  expect(again.body).toEqual(first.body);
});

test("the offer names its range, price and stock, and quotes a face value", async () => {
  const { client } = await start({ stock: 2 });
  await client.issue("order-1");
  const { body } = await client.get("/v1/offers?face_value=100.00");
  expect(body).toEqual({
    offers: [
      {
        id: "prepaid-usd",
        currency: "USD",
        min_face_value: "5.00",
        max_face_value: "500.00",
        cost_percent: "98.00",
        fee: "0.10",
        stock: 1,
        quote: { face_value: "100.00", cost: "98.10" },
      },
    ],
  });
});

test("the cost is rounded up to whole cents", async () => {
  const { client } = await start();
  // 98 % of 5.01 is 4.9098; with the fee 5.01.
  expect((await client.issue("order-1", "5.01")).body).toMatchObject({ cost: "5.01" });
});

/** The problem codes of two sales at the same time; undefined for the one that succeeds. */
async function raceTwo(client: TestClient): Promise<readonly unknown[]> {
  const replies = await Promise.all([client.issue("order-1"), client.issue("order-2")]);
  return replies.map((reply) => reply.body["code"]);
}

test("cards are sold out with the last one, sales in progress counted", async () => {
  const supplier = await start({ stock: 1, issueLatencyMs: 20 });
  const codes = await raceTwo(supplier.client);
  expect(codes).toEqual(expect.arrayContaining([undefined, "out_of_stock"]));
});

test("an account without money buys nothing, sales in progress counted", async () => {
  const supplier = await start({ balance: "30.00", issueLatencyMs: 20 });
  const codes = await raceTwo(supplier.client);
  expect(codes).toEqual(expect.arrayContaining([undefined, "insufficient_balance"]));
  expect(supplier.balance()).toBe("5.40");
});

test.each([
  ["a number", 25],
  ["below the range", "4.99"],
  ["above the range", "500.01"],
  ["three decimals", "25.001"],
  ["an exponent", "1e2"],
  ["negative", "-25.00"],
  ["missing", undefined],
])("a face value that is %s is refused", async (_, faceValue) => {
  const supplier = await start();
  const reply = await supplier.client.post(
    "/v1/cards",
    { reference: "order-1", face_value: faceValue, currency: "USD" },
    { "idempotency-key": "order-1" },
  );
  expect(reply.status).toBe(422);
  expect(reply.body).toMatchObject({
    code: "invalid_face_value",
    detail: "face_value: a decimal text from 5.00 to 500.00.",
  });
  expect(supplier.ledger()).toEqual([]);
});

test.each([
  ["no body", undefined, { "idempotency-key": "order-1" }],
  ["a list", [1], { "idempotency-key": "order-1" }],
  ["a text", "order-1", { "idempotency-key": "order-1" }],
  ["no reference", { face_value: "25.00", currency: "USD" }, { "idempotency-key": "order-1" }],
  ["a reference with a slash", { reference: "a/b", currency: "USD" }, { "idempotency-key": "a/b" }],
  ["no idempotency key", { reference: "order-1", face_value: "25.00", currency: "USD" }, {}],
  [
    "another idempotency key",
    { reference: "order-1", face_value: "25.00", currency: "USD" },
    { "idempotency-key": "order-2" },
  ],
  [
    "another currency",
    { reference: "order-1", face_value: "25.00", currency: "EUR" },
    { "idempotency-key": "order-1" },
  ],
])("an issue request with %s is malformed", async (_, body, headers: Record<string, string>) => {
  const supplier = await start();
  const reply = await supplier.client.post("/v1/cards", body, headers);
  expect(reply.status).toBe(400);
  expect(reply.body).toMatchObject({ code: "invalid_request" });
  expect(supplier.ledger()).toEqual([]);
});

test.each([
  ["GET", "/", 404, "not_found"],
  ["GET", "/v1/none", 404, "not_found"],
  ["GET", "/v1/cards/card_none", 404, "not_found"],
  ["POST", "/v1/cards/card_none/activate", 404, "not_found"],
  ["POST", "/v1/cards/card_none/activate/now", 404, "not_found"],
  ["GET", "/v1/cards", 400, "invalid_request"],
  ["DELETE", "/v1/cards", 405, "method_not_allowed"],
  ["POST", "/v1/offers", 405, "method_not_allowed"],
])("%s %s is answered with %i %s", async (method, path, status, code) => {
  const { url, apiKey } = await start();
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}` },
  });
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(response.headers.get("x-request-id")).toMatch(/^req_\d+$/);
  expect(await response.json()).toMatchObject({ status, code });
});

test("a body that is not JSON or far too long is refused", async () => {
  const { url, apiKey } = await start();
  const send = (body: string): Promise<Response> =>
    fetch(`${url}/v1/cards`, {
      method: "POST",
      headers: { authorization: `Bearer ${apiKey}` },
      body,
    });
  expect((await send('{"reference":')).status).toBe(400);
  expect((await send("x".repeat(100_000))).status).toBe(413);
});

test.each([
  ["missing", undefined],
  ["wrong", "Bearer wrong"],
  ["bare", "the-key"],
])("an API key that is %s is refused and never echoed", async (_, authorization) => {
  const { url } = await start({ apiKey: "the-key" });
  const response = await fetch(`${url}/v1/balance`, {
    headers: authorization === undefined ? {} : { authorization },
  });
  const text = await response.text();
  expect(response.status).toBe(401);
  expect(JSON.parse(text)).toMatchObject({ code: "unauthorized" });
  expect(text).not.toContain("the-key");
});

test("two suppliers with one seed sell the same card and share the key", async () => {
  const [one, two] = [await start({ seed: "a" }), await start({ seed: "a" })];
  const other = await start({ seed: "b" });
  expect(one.apiKey).toBe(two.apiKey);
  expect(one.apiKey).not.toBe(other.apiKey);
  const [first, same, different] = await Promise.all(
    [one, two, other].map(async ({ client }) => (await client.issue("order-1")).body["number"]),
  );
  expect(first).toBe(same);
  expect(different).not.toBe(first);
});
