import { expect, test } from "vitest";
import type { X402Challenge } from "#wire/x402";
import { countOrders, refusal } from "./test-answers.ts";
import { openX402Shop, paidOrder, paymentV1, paymentV2, PLAN } from "./test-x402.ts";

const SECRET = "0190a3c4-9f1e-7000-8000-5a4b3c2d1e0f";

test("the same client and body within a minute are one order, with the same terms", async () => {
  const { challenge, shop } = await openX402Shop();
  const first = await challenge();
  shop.world.skewMs = 59_000;
  const again = await challenge();
  expect(again.required).toEqual(first.required);
  expect(again.body.order_id).toBe(first.body.order_id);
  expect(await countOrders(shop)).toBe(1);
});

test("the minute slides: what comes after it is another purchase", async () => {
  const { challenge, shop } = await openX402Shop();
  const first = await challenge();
  shop.world.skewMs = 61_000;
  expect((await challenge()).body.order_id).not.toBe(first.body.order_id);
  expect(await countOrders(shop)).toBe(2);
});

test("once it is paid the same request is another purchase", async () => {
  const { challenge, order } = await openX402Shop();
  const first = await challenge();
  await order(undefined, paymentV2(first));
  expect((await challenge()).body.order_id).not.toBe(first.body.order_id);
});

test("where only address and user agent agree the token is not told again", async () => {
  const { challenge, order } = await openX402Shop();
  const first = await challenge();
  const neighbour = await challenge();
  expect(neighbour.body.order_id).toBe(first.body.order_id);
  expect(first.body.access_token).toBeDefined();
  expect(neighbour.body.access_token).toBeUndefined();
  // It goes to whoever pays.
  const paid = await paidOrder(await order(undefined, paymentV2(neighbour)));
  expect(paid.access_token).toBe(first.body.access_token);
});

test("another user agent, another body or another client_ref is another client", async () => {
  const { challenge, shop } = await openX402Shop();
  await challenge();
  await challenge(undefined, { "user-agent": "another agent" });
  await challenge({ plan_id: PLAN.id, client_ref: "a" });
  await challenge({ plan_id: PLAN.id, metadata: { a: 1 } });
  expect(await countOrders(shop)).toBe(4);
});

test("the order of a body's members is not its meaning", async () => {
  const { challenge, shop } = await openX402Shop();
  await challenge({ plan_id: PLAN.id, client_ref: "a" });
  await challenge({ client_ref: "a", plan_id: PLAN.id });
  expect(await countOrders(shop)).toBe(1);
});

test("a random client_ref keeps a client's token and order through another user agent", async () => {
  const { challenge, shop } = await openX402Shop();
  const body = { plan_id: PLAN.id, client_ref: SECRET };
  const first = await challenge(body);
  const again = await challenge(body, { "user-agent": "after an update" });
  expect(again.body).toEqual(first.body);
  expect(await countOrders(shop)).toBe(1);
});

test("a random Idempotency-Key brings the same order for longer than a minute", async () => {
  const { challenge, shop } = await openX402Shop();
  const headers = { "idempotency-key": SECRET };
  const first = await challenge(undefined, headers);
  shop.world.skewMs = 600_000;
  const again = await challenge(undefined, { ...headers, "user-agent": "another" });
  expect(again.body).toEqual(first.body);
  expect(await countOrders(shop)).toBe(1);
});

test("a key that others may choose too is each client's own", async () => {
  const { challenge, shop } = await openX402Shop();
  const first = await challenge(undefined, { "idempotency-key": "1" });
  const other = await challenge(undefined, { "idempotency-key": "1", "user-agent": "other" });
  expect(other.body.order_id).not.toBe(first.body.order_id);
  const again = await challenge(undefined, { "idempotency-key": "1" });
  expect(again.body.order_id).toBe(first.body.order_id);
  expect(again.body.access_token).toBeUndefined();
  expect(await countOrders(shop)).toBe(2);
});

test("two keys are two purchases of the same", async () => {
  const { challenge, shop } = await openX402Shop();
  await challenge(undefined, { "idempotency-key": `${SECRET}-1` });
  await challenge(undefined, { "idempotency-key": `${SECRET}-2` });
  expect(await countOrders(shop)).toBe(2);
});

test("a key with another body is a conflict", async () => {
  const { challenge, order } = await openX402Shop();
  const headers = { "idempotency-key": SECRET };
  await challenge(undefined, headers);
  const answer = await order({ plan_id: PLAN.id, client_ref: "x" }, headers);
  expect(answer.status).toBe(409);
  expect((await refusal(answer)).code).toBe("idempotency_conflict");
});

test("a key of an order that nobody paid in time is free again", async () => {
  const { challenge, shop } = await openX402Shop();
  const headers = { "idempotency-key": SECRET };
  const first = await challenge(undefined, headers);
  await shop.expire(first.body.order_id);
  expect((await challenge(undefined, headers)).body.order_id).not.toBe(first.body.order_id);
});

test("after the payment the key brings the paid order, not a new price", async () => {
  const { challenge, order, mine, shop } = await openX402Shop();
  const headers = { "idempotency-key": SECRET };
  const asked = await challenge(undefined, headers);
  await order(undefined, { ...headers, ...paymentV2(asked) });
  const pending = await order(undefined, headers);
  expect(pending.status).toBe(202);
  expect((await paidOrder(pending)).access_token).toBe(asked.body.access_token);
  await mine(asked.body.order_id);
  await shop.deliver(asked.body.order_id);
  const delivered = await order(undefined, headers);
  expect(delivered.status).toBe(200);
  expect((await paidOrder(delivered)).esim).toBeDefined();
});

test("a payment that is signed again under its identifier pays once", async () => {
  const x402 = await openX402Shop();
  const extensions = {
    "payment-identifier": { info: { id: "pay_7d5d747be160e280504c099d984bcfe0" } },
  };
  const first = await x402.challenge();
  await x402.order(undefined, paymentV2(first, undefined, extensions));
  // The answer is lost: the client begins anew, gets another order's terms, and signs those.
  const second = await x402.challenge();
  expect(second.body.order_id).not.toBe(first.body.order_id);
  const answer = await x402.order(undefined, paymentV2(second, undefined, extensions));
  expect(answer.status).toBe(202);
  const body = await paidOrder(answer);
  expect(body.order_id).toBe(first.body.order_id);
  expect(body.access_token).toBe(first.body.access_token);
  expect(await x402.promises(second.body.order_id)).toEqual([]);
});

test("two payments at once under one identifier, for two orders, are one payment", async () => {
  const x402 = await openX402Shop();
  const extensions = {
    "payment-identifier": { info: { id: "pay_7d5d747be160e280504c099d984bcfe0" } },
  };
  const asked = await Promise.all(
    ["-1", "-2"].map((end) => x402.challenge(undefined, { "idempotency-key": `${SECRET}${end}` })),
  );
  const ids = asked.map(({ body }) => body.order_id);
  expect(new Set(ids).size).toBe(2);
  const gate = Promise.withResolvers<void>();
  x402.chain.holdsVerdict = gate.promise;
  const answers = asked.map((each) =>
    x402.order(undefined, paymentV2(each, undefined, extensions)),
  );
  await expect.poll(() => x402.chain.verified).toBe(2);
  gate.resolve();
  const paid = await Promise.all((await Promise.all(answers)).map(paidOrder));
  expect(new Set(paid.map(({ order_id }) => order_id)).size).toBe(1);
  const promises = await Promise.all(ids.map(x402.promises));
  expect(promises.flat()).toHaveLength(1);
});

test("an identifier with another request is a conflict, before anything is carried out", async () => {
  const x402 = await openX402Shop();
  const extensions = {
    "payment-identifier": { info: { id: "pay_7d5d747be160e280504c099d984bcfe0" } },
  };
  const first = await x402.challenge();
  await x402.order(undefined, paymentV2(first, undefined, extensions));
  const body = { plan_id: PLAN.id, client_ref: "another" };
  const second = await x402.challenge(body);
  const answer = await x402.order(body, paymentV2(second, undefined, extensions));
  expect(answer.status).toBe(409);
  expect(await x402.promises(second.body.order_id)).toEqual([]);
});

test("version 1, which echoes nothing, finds its order by its key", async () => {
  const x402 = await openX402Shop();
  const headers = { "idempotency-key": SECRET };
  const asked = await x402.challenge(undefined, headers);
  await x402.challenge(undefined, { "idempotency-key": `${SECRET}-2` });
  const answer = await x402.order(undefined, { ...headers, ...paymentV1() });
  expect((await paidOrder(answer)).order_id).toBe(asked.body.order_id);
});

test("version 1 without a key may take longer than the minute to sign", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  x402.shop.world.skewMs = 120_000;
  const answer = await x402.order(undefined, paymentV1());
  expect((await paidOrder(answer)).order_id).toBe(asked.body.order_id);
});

test("an API key holds its own keys apart from everybody's", async () => {
  const { challenge, shop } = await openX402Shop();
  const other = await shop.addKey();
  const named = { "idempotency-key": SECRET };
  const bodies: X402Challenge[] = [];
  for (const key of [null, shop.apiKey, other])
    bodies.push((await challenge(undefined, { ...named, "x-api-key": key })).body);
  expect(new Set(bodies.map(({ order_id }) => order_id)).size).toBe(3);
  const again = await challenge(undefined, { ...named, "x-api-key": other });
  expect(again.body).toEqual(bodies[2]);
});

test.each(["", "ü", "x".repeat(256)])("the key %j is refused", async (key) => {
  const { order } = await openX402Shop();
  const answer = await order(undefined, { "idempotency-key": key });
  expect(answer.status).toBe(400);
  expect((await refusal(answer)).code).toBe("invalid_idempotency_key");
});

test("eight copies of a request at once make one order", async () => {
  const { challenge, shop } = await openX402Shop();
  const asked = await Promise.all(Array.from({ length: 8 }, () => challenge()));
  expect(new Set(asked.map(({ body }) => body.order_id)).size).toBe(1);
  expect(await countOrders(shop)).toBe(1);
});
