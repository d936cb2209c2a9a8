import {
  isPaymentRequiredV1,
  isPaymentRequiredV2,
  PaymentRequiredSchema,
} from "@x402/core/schemas";
import { decodePaymentRequiredHeader } from "@x402/core/http";
import { expect, test } from "vitest";
import type { X402Challenge } from "#wire/x402";
import { DEFAULT_LIMITS } from "./deps.ts";
import { countOrders, refusal } from "./test-answers.ts";
import { openX402Shop, ORDER_URL, PLAN } from "./test-x402.ts";

test("a 402 has a stored order behind it, and its terms in both versions", async () => {
  const { shop, challenge } = await openX402Shop();
  const { answer, body, required } = await challenge({ plan_id: PLAN.id, metadata: { job: 7 } });
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("location")).toBe(body.status_url);
  const stored = await shop.store.read.orders.byId(body.order_id);
  expect(stored).toMatchObject({
    state: "awaiting_payment",
    keyId: "key_walk_in",
    product: "travel-esim",
    priceUsdMicro: 2_040_000n,
    metadata: { job: 7 },
  });
  expect(stored?.windowClosesAtMs).toBe((stored?.createdAtMs ?? 0) + 900_000);
  expect(required).toMatchObject({
    x402Version: 2,
    error: "payment_required",
    resource: { url: `https://shop.example${ORDER_URL}`, mimeType: "application/json" },
  });
  expect(required.accepts.map(({ amount, extra }) => [amount, extra["orderId"]])).toEqual([
    ["2040000", body.order_id],
    ["2040000", body.order_id],
  ]);
  expect(body).toMatchObject({
    x402Version: 1,
    error: "payment_required",
    status: "PENDING_PAYMENT",
    access_token: expect.stringMatching(/^[\w-]{43}$/) as string,
    status_url: `${ORDER_URL}/${body.order_id}`,
    pay_url: `${ORDER_URL}/${body.order_id}/pay`,
    price: { amount: "2.04", currency: "USD" },
    expires_at: new Date(stored?.windowClosesAtMs ?? 0).toISOString(),
  });
});

test("the published schemas of x402 take the header and the body", async () => {
  const { challenge } = await openX402Shop();
  const { answer, body, required } = await challenge();
  expect(isPaymentRequiredV2(required)).toBe(true);
  expect(isPaymentRequiredV1(body)).toBe(true);
  expect(PaymentRequiredSchema.parse(required).accepts).toHaveLength(2);
  const header = answer.headers.get("payment-required") ?? "";
  expect(decodePaymentRequiredHeader(header)).toEqual(required);
});

test("version 1 is offered what it knows: signed transfers, by its own names of networks", async () => {
  const { challenge } = await openX402Shop();
  const { body, required } = await challenge();
  const [usdc] = required.accepts;
  expect(body.accepts).toEqual([
    expect.objectContaining({
      network: "polygon",
      maxAmountRequired: "2040000",
      asset: usdc?.asset,
      payTo: usdc?.payTo,
      resource: required.resource.url,
      extra: { name: "USD Coin", version: "2", orderId: body.order_id },
    }),
  ]);
});

test("the other rails stand beside as plain ways to pay", async () => {
  const { challenge } = await openX402Shop();
  const { body } = await challenge();
  expect(body.deposits.map(({ type }) => type)).toEqual(["soroban_contract", "evm_deposit"]);
});

test("a shop without x402 rails still asks for its payment, in the body alone", async () => {
  const { order } = await openX402Shop({
    wrap: (deps) => ({ ...deps, rails: deps.rails.filter(({ x402 }) => x402 === undefined) }),
  });
  const answer = await order();
  expect(answer.status).toBe(402);
  expect(answer.headers.get("payment-required")).toBeNull();
  const body = (await answer.json()) as X402Challenge;
  expect(body.accepts).toEqual([]);
  expect(body.deposits).toHaveLength(2);
});

test("a rail that would not see a payment is not offered", async () => {
  const { chain, order } = await openX402Shop();
  chain.isOpen = false;
  const answer = await order();
  expect(answer.headers.get("payment-required")).toBeNull();
});

test("one rail or one asset can be asked for", async () => {
  const { challenge, order } = await openX402Shop();
  const one = await challenge({ plan_id: PLAN.id, rail: "eip155:137/x402", asset: "USDT" });
  expect(one.required.accepts.map(({ extra }) => extra["assetTransferMethod"])).toEqual([
    "permit2",
  ]);
  expect(one.body.deposits).toEqual([]);
  const network = await challenge({ plan_id: PLAN.id, rail: "eip155:137" });
  expect(network.body.deposits.map(({ type }) => type)).toEqual(["evm_deposit"]);
  for (const wrong of [{ rail: "eip155:1" }, { asset: "DOGE" }]) {
    const answer = await order({ plan_id: PLAN.id, ...wrong });
    expect(answer.status).toBe(400);
    expect((await refusal(answer)).code).toBe("invalid_request");
  }
});

test("the terms of an order stay as they were", async () => {
  const { challenge, shop } = await openX402Shop();
  const first = await challenge();
  shop.world.skewMs = 50_000;
  const again = await shop.ask(first.body.pay_url, { headers: { "x-api-key": null } });
  expect(again.headers.get("payment-required")).toBe(first.answer.headers.get("payment-required"));
});

test("a card is sold too, to who has no key", async () => {
  const { challenge, shop } = await openX402Shop();
  const { body } = await challenge({ product: "prepaid-card", amount_usdc: "25.00" });
  expect(body.price.amount).toBe("25.00");
  expect((await shop.store.read.orders.byId(body.order_id))?.product).toBe("prepaid-card");
});

test("with a key the order is the key's, and counts in its budget", async () => {
  const { challenge, order, shop } = await openX402Shop({ key: { limitUsdMicro: 3_000_000n } });
  const headers = { "x-api-key": shop.apiKey };
  const { body } = await challenge(undefined, headers);
  expect((await shop.store.read.orders.byId(body.order_id))?.keyId).toBe("key_1");
  const over = await order({ plan_id: PLAN.id, client_ref: "another purchase" }, headers);
  expect(over.status).toBe(403);
  expect((await refusal(over)).code).toBe("spend_limit_exceeded");
});

test("a key that is sent must be right", async () => {
  const { order, shop } = await openX402Shop();
  const answer = await order(undefined, { "x-api-key": `vend402_${"0".repeat(48)}` });
  expect(answer.status).toBe(401);
  expect(await countOrders(shop)).toBe(0);
});

test.each<[string, object, number, string]>([
  ["nothing", {}, 400, "invalid_request"],
  ["a plan that is not on sale", { plan_id: "jp-1mb-1d-00000000" }, 404, "plan_unknown"],
  ["a plan with a strange id", { plan_id: "x".repeat(300) }, 400, "invalid_request"],
  ["two of a plan", { plan_id: PLAN.id, quantity: 2 }, 400, "invalid_request"],
  ["a card without an amount", { product: "prepaid-card" }, 400, "invalid_amount"],
  ["a card of a number", { product: "prepaid-card", amount_usdc: 10 }, 400, "invalid_amount"],
  ["a card and a plan", { product: "prepaid-card", plan_id: PLAN.id }, 400, "invalid_request"],
  ["an unknown product", { product: "car" }, 400, "invalid_request"],
  [
    "a webhook inside",
    { plan_id: PLAN.id, webhook_url: "http://127.0.0.1" },
    400,
    "invalid_webhook_url",
  ],
  ["metadata that is text", { plan_id: PLAN.id, metadata: "x" }, 400, "invalid_metadata"],
  ["a refund to nowhere", { plan_id: PLAN.id, refund_address: "home" }, 400, "invalid_request"],
  [
    "a refund to nobody",
    { plan_id: PLAN.id, refund_address: `0x${"0".repeat(40)}` },
    400,
    "invalid_request",
  ],
])("%s is refused before a payment is asked for", async (_, body, status, code) => {
  const { order, shop } = await openX402Shop();
  const answer = await order(body);
  expect(answer.status).toBe(status);
  expect((await refusal(answer)).code).toBe(code);
  expect(answer.headers.get("payment-required")).toBeNull();
  expect(await countOrders(shop)).toBe(0);
});

test("while nothing can be delivered nothing is sold", async () => {
  const { order, shop } = await openX402Shop();
  shop.world.availability = { kind: "unavailable", retryAfterS: 20 };
  const answer = await order();
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toBe("20");
  expect(await countOrders(shop)).toBe(0);
});

test("an address that asks for too many orders is told to come again", async () => {
  const { order } = await openX402Shop({
    settings: {
      limits: {
        ...DEFAULT_LIMITS,
        walkInOrders: { count: 1, windowMs: 60_000 },
      },
    },
  });
  expect((await order()).status).toBe(402);
  expect((await order()).status).toBe(402); // the same order again is not a new one
  const other = await order({ plan_id: PLAN.id, client_ref: "other" });
  expect(other.status).toBe(429);
  expect((await refusal(other)).code).toBe("too_many_requests");
});

test("a refund address is kept with the order", async () => {
  const { challenge, shop } = await openX402Shop();
  const refund_address = `0x${"ab".repeat(20)}`;
  const { body } = await challenge({ plan_id: PLAN.id, refund_address });
  expect((await shop.store.read.orders.byId(body.order_id))?.refundTo).toBe(refund_address);
});
