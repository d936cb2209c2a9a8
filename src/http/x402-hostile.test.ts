import { request } from "node:http";
import { expect, test } from "vitest";
import { DEFAULT_LIMITS } from "./deps.ts";
import { countOrders, refusal } from "./test-answers.ts";
import { askRaw } from "./test-raw.ts";
import {
  encodeHeader,
  openX402Shop,
  ORDER_URL,
  paymentV1,
  paymentV2,
  PLAN,
  promisePayload,
} from "./test-x402.ts";

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

const GARBAGE: readonly (readonly [string, string])[] = [
  ["no base64", "{}"],
  ["base64 of no JSON", Buffer.from("hello").toString("base64")],
  ["base64 of bytes", Buffer.from([0xff, 0xfe, 0x00]).toString("base64")],
  ["a cut text", encodeHeader({ x402Version: 2 }).slice(0, -3)],
  ["a list", encodeHeader([])],
  ["a number", encodeHeader(2)],
  ["null", encodeHeader(null)],
  ["no version", encodeHeader({ payload: {} })],
  ["version 3", encodeHeader({ x402Version: 3, accepted: {}, payload: {} })],
  ["a version as text", encodeHeader({ x402Version: "2", accepted: {}, payload: {} })],
  ["no payload", encodeHeader({ x402Version: 2, accepted: {} })],
  [
    "a payload that is text",
    encodeHeader({ x402Version: 1, scheme: "exact", network: "polygon", payload: "x" }),
  ],
  ["nothing accepted", encodeHeader({ x402Version: 2, payload: {} })],
  ["version 1 without a network", encodeHeader({ x402Version: 1, scheme: "exact", payload: {} })],
  [
    "a deep payload",
    Buffer.from(`{"x402Version":2,"accepted":{},"payload":{"a":${nested(2000)}}}`).toString(
      "base64",
    ),
  ],
  ["a prototype", Buffer.from('{"__proto__":{"x402Version":2}}').toString("base64")],
];

test.each(GARBAGE)("a payment that is %s gets the terms, not an error", async (_, header) => {
  const { shop, order } = await openX402Shop();
  for (const name of ["payment-signature", "x-payment"]) {
    const answer = await order(undefined, { [name]: header });
    expect(answer.status).toBe(402);
    const body = (await answer.json()) as { error: string };
    expect(body.error).toBe("invalid_payload");
    expect(answer.headers.get("payment-required")).not.toBeNull();
  }
  expect(await countOrders(shop)).toBe(1);
});

test("the same garbage at an order's own address gets that order's terms", async () => {
  const { challenge, shop } = await openX402Shop();
  const { body } = await challenge();
  for (const [, header] of GARBAGE) {
    const answer = await shop.ask(body.pay_url, {
      method: "POST",
      headers: { "x-api-key": null, "payment-signature": header },
    });
    expect(answer.status).toBe(402);
    expect(((await answer.json()) as { order_id: string }).order_id).toBe(body.order_id);
  }
});

test("a payload of well-formed nonsense is refused, and nothing is stored of it", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const [accepted] = asked.required.accepts;
  const payloads = [{}, { authorization: null }, { authorization: { value: {} } }, { x: 1 }];
  for (const payload of payloads) {
    const message = { x402Version: 2, accepted, payload };
    const answer = await x402.order(undefined, { "payment-signature": encodeHeader(message) });
    expect(answer.status).toBe(402);
  }
  expect(await x402.promises(asked.body.order_id)).toEqual([]);
});

test("a payment header that comes twice counts as unreadable", async () => {
  const { challenge, shop } = await openX402Shop();
  const asked = await challenge();
  const value = paymentV2(asked)["payment-signature"] ?? "";
  const status = await new Promise<number>((resolve, reject) => {
    const call = request(
      `${shop.url}${asked.body.pay_url}`,
      { method: "POST", headers: { "payment-signature": [value, value] } },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    call.on("error", reject);
    call.end();
  });
  expect(status).toBe(402);
});

test("headers beyond the server's limit are a clear 4xx and make no order", async () => {
  const { shop } = await openX402Shop();
  const body = JSON.stringify({ plan_id: PLAN.id });
  const answer = await askRaw(
    shop.port,
    [
      `POST ${ORDER_URL} HTTP/1.1`,
      "Host: shop.example",
      "Content-Type: application/json",
      `Content-Length: ${body.length}`,
      `PAYMENT-SIGNATURE: ${"A".repeat(40_000)}`,
      "",
      body,
    ].join("\r\n"),
  );
  expect(answer?.status).toBe(431);
  expect(await countOrders(shop)).toBe(0);
});

test("a long payment is read, one that is too long gets the terms again", async () => {
  const { challenge, order } = await openX402Shop();
  const asked = await challenge();
  const padded = (length: number) => ({ ...promisePayload(), padding: "x".repeat(length) });
  expect((await order(undefined, paymentV1(padded(10_700)))).status).toBe(402);
  expect((await order(undefined, paymentV2(asked, padded(5_000)))).status).toBe(202);
});

test.each([
  ["no JSON", "{", 400],
  ["a list", "[]", 400],
  ["text", '"x"', 400],
  ["a deep object", `{"plan_id":"${PLAN.id}","metadata":{"a":${nested(40)}}}`, 400],
  ["a prototype", '{"__proto__":{"plan_id":"x"}}', 400],
  ["too long a body", `{"plan_id":"${"x".repeat(70_000)}"}`, 413],
])("a body that is %s is refused and nothing is stored", async (_, body, status) => {
  const { order, shop } = await openX402Shop();
  const answer = await order(body);
  expect(answer.status).toBe(status);
  await refusal(answer);
  expect(await countOrders(shop)).toBe(0);
});

test("an echo of an order id that could be no id asks nobody for it", async () => {
  const { challenge, order } = await openX402Shop();
  const asked = await challenge();
  const [terms] = asked.required.accepts;
  for (const orderId of ["' OR 1=1 --", "x".repeat(500), "../../etc"]) {
    const accepted = { ...terms, extra: { ...terms?.extra, orderId } };
    const message = { x402Version: 2, accepted, payload: promisePayload() };
    const answer = await order(undefined, { "payment-signature": encodeHeader(message) });
    expect(answer.status).toBe(402);
  }
});

test("payments from one address are bounded, for each may cost a look at the chain", async () => {
  const limits = { ...DEFAULT_LIMITS, walkInPayments: { count: 2, windowMs: 60_000 } };
  const { challenge, order } = await openX402Shop({ settings: { limits } });
  const asked = await challenge();
  await order(undefined, paymentV2(asked));
  await order(undefined, paymentV2(asked));
  const over = await order(undefined, paymentV2(asked));
  expect(over.status).toBe(429);
});
