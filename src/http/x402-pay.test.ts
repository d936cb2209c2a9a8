import { decodePaymentResponseHeader } from "@x402/core/http";
import { expect, test } from "vitest";
import type { X402OrderView } from "#wire/x402";
import { failed, unknown } from "../outcome.ts";
import { refusal } from "./test-answers.ts";
import {
  BUYER,
  decodeHeader,
  encodeHeader,
  NETWORK,
  openX402Shop,
  ORDER_URL,
  paidOrder,
  paymentV1,
  paymentV2,
  PLAN,
  promisePayload,
  type X402Shop,
} from "./test-x402.ts";

const walkIn = { "x-api-key": null };

async function promisesOf({ promises }: X402Shop, orderId: string): Promise<readonly string[]> {
  return (await promises(orderId)).map(({ state }) => state);
}

async function readOrder({ shop }: X402Shop, url: string): Promise<X402OrderView> {
  return (await (await shop.ask(url, { headers: walkIn })).json()) as X402OrderView;
}

test("a paid repeat is answered with 202, the order and the transaction", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const answer = await x402.order(undefined, paymentV2(asked));
  expect(answer.status).toBe(202);
  expect(answer.headers.get("location")).toBe(asked.body.status_url);
  expect(answer.headers.get("retry-after")).toBe("1");
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const body = await paidOrder(answer);
  expect(body).toMatchObject({
    order_id: asked.body.order_id,
    status: "PENDING_PAYMENT",
    plan_id: PLAN.id,
    payment: { state: "seen", rail: "eip155:137/x402", tx_id: `0xtx_${asked.body.order_id}` },
    access_token: asked.body.access_token,
  });
  const header = answer.headers.get("payment-response") ?? "";
  expect(decodePaymentResponseHeader(header)).toEqual({
    success: true,
    payer: BUYER,
    transaction: `0xtx_${asked.body.order_id}`,
    network: NETWORK,
    amount: "2040000",
  });
});

test("version 1 pays the order that the same client asked for", async () => {
  const x402 = await openX402Shop();
  const { body } = await x402.challenge();
  const answer = await x402.order(undefined, paymentV1());
  expect(answer.status).toBe(202);
  expect((await paidOrder(answer)).order_id).toBe(body.order_id);
  expect(decodeHeader(answer, "x-payment-response")).toMatchObject({
    success: true,
    network: "polygon",
  });
});

test.each(["GET", "POST"])("an order is paid at its own address, by %s", async (method) => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const answer = await x402.shop.ask(asked.body.pay_url, {
    method,
    headers: { ...walkIn, ...paymentV2(asked) },
  });
  expect(answer.status).toBe(202);
  expect(await promisesOf(x402, asked.body.order_id)).toEqual(["settling"]);
});

test("goods that are ready within the wait come with the answer", async () => {
  const x402 = await openX402Shop({ times: { goodsWaitMs: 5_000 } });
  const asked = await x402.challenge();
  const orderId = asked.body.order_id;
  const unsubscribe = x402.shop.store.onCommit(({ jobKinds }) => {
    if (!jobKinds.includes("settle")) return;
    unsubscribe();
    void x402.mine(orderId).then(() => x402.shop.deliver(orderId));
  });
  const answer = await x402.order(undefined, paymentV2(asked));
  expect(answer.status).toBe(200);
  expect(answer.headers.get("retry-after")).toBeNull();
  const body = await paidOrder(answer);
  expect(body).toMatchObject({
    status: "DELIVERED",
    payment: { state: "final", paid: "2.04", asset: "USDC", confirmations: 6, required: 6 },
    esim: { iccid: "89999000000000000016", countries: ["JP", "KR"], data_bytes: 1_073_741_824 },
  });
});

test("a settlement that is not through yet is 202, never another 402", async () => {
  const x402 = await openX402Shop();
  x402.chain.sendsAtOnce = false;
  const asked = await x402.challenge();
  const answer = await x402.order(undefined, paymentV2(asked));
  expect(answer.status).toBe(202);
  expect(decodeHeader(answer, "payment-response")).toMatchObject({
    success: false,
    errorReason: "settlement_pending",
    transaction: "",
  });
  expect(await paidOrder(answer)).toMatchObject({ payment: { state: "seen", tx_id: null } });
});

test("a payment that certainly failed is 402 with the same order and the same terms", async () => {
  const x402 = await openX402Shop();
  x402.chain.verdict = failed("insufficient_funds", "final");
  const asked = await x402.challenge();
  const answer = await x402.order(undefined, paymentV2(asked));
  expect(answer.status).toBe(402);
  expect(decodeHeader(answer, "payment-response")).toEqual({
    success: false,
    errorReason: "insufficient_funds",
    payer: BUYER,
    transaction: "",
    network: NETWORK,
  });
  const required = decodeHeader(answer, "payment-required") as { error: string };
  expect(required).toEqual({ ...asked.required, error: "insufficient_funds" });
  expect(await promisesOf(x402, asked.body.order_id)).toEqual([]);
  x402.chain.verdict = { kind: "done", value: null };
  expect((await x402.order(undefined, paymentV2(asked))).status).toBe(202);
});

test("a settlement that fails while the client waits is 402 with the reason", async () => {
  const x402 = await openX402Shop({ times: { settleWaitMs: 5_000 } });
  x402.chain.sendsAtOnce = false;
  const asked = await x402.challenge();
  const unsubscribe = x402.shop.store.onCommit(({ jobKinds }) => {
    if (!jobKinds.includes("settle")) return;
    unsubscribe();
    void x402.fail(asked.body.order_id, "transaction_failed");
  });
  const answer = await x402.order(undefined, paymentV2(asked));
  expect(answer.status).toBe(402);
  expect(decodeHeader(answer, "payment-response")).toMatchObject({
    success: false,
    errorReason: "transaction_failed",
  });
  expect(await promisesOf(x402, asked.body.order_id)).toEqual(["failed"]);
});

test.each([
  ["nobody can be asked", unknown("no endpoint answers")],
  ["the endpoint is overloaded", failed("busy", "retry")],
])("when %s nothing is charged and the buyer is not blamed", async (_, verdict) => {
  const x402 = await openX402Shop();
  x402.chain.verdict = verdict;
  const asked = await x402.challenge();
  const headers = paymentV2(asked);
  const answer = await x402.order(undefined, headers);
  expect(answer.status).toBe(502);
  expect(answer.headers.get("retry-after")).toBe("2");
  expect(await refusal(answer)).toMatchObject({
    code: "facilitator_unavailable",
    retryable: true,
    order_id: asked.body.order_id,
  });
  expect(await promisesOf(x402, asked.body.order_id)).toEqual([]);
  x402.chain.verdict = { kind: "done", value: null };
  expect((await x402.order(undefined, headers)).status).toBe(202);
});

test("a rail that is not watched takes no payment", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  x402.chain.isOpen = false;
  expect((await x402.order(undefined, paymentV2(asked))).status).toBe(502);
  expect(await promisesOf(x402, asked.body.order_id)).toEqual([]);
});

test("a missing allowance is 412, and the same payment is good once it is there", async () => {
  const x402 = await openX402Shop();
  x402.chain.verdict = failed("permit2_allowance_required", "final");
  const asked = await x402.challenge({ plan_id: PLAN.id, asset: "USDT" });
  const headers = paymentV2(asked);
  const answer = await x402.order({ plan_id: PLAN.id, asset: "USDT" }, headers);
  expect(answer.status).toBe(412);
  expect(decodeHeader(answer, "payment-required")).toMatchObject({
    error: "permit2_allowance_required",
    accepts: asked.required.accepts,
  });
  expect(await refusal(answer)).toMatchObject({
    code: "permit2_allowance_required",
    pay_url: asked.body.pay_url,
  });
  x402.chain.verdict = { kind: "done", value: null };
  expect((await x402.order({ plan_id: PLAN.id, asset: "USDT" }, headers)).status).toBe(202);
});

test.each([
  ["less", { value: "2039999" }, "invalid_exact_evm_payload_authorization_value"],
  ["more", { value: "2040001" }, "invalid_exact_evm_payload_authorization_value"],
  ["somebody else", { to: BUYER }, "invalid_exact_evm_payload_recipient_mismatch"],
])("a promise to pay %s is refused before anybody is asked", async (_, changes, reason) => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const answer = await x402.order(undefined, paymentV2(asked, promisePayload(changes)));
  expect(answer.status).toBe(402);
  expect(((await answer.json()) as { error: string }).error).toBe(reason);
  expect(x402.chain.verified).toBe(0);
});

test("an echo that is not what was offered is refused", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const [terms] = asked.required.accepts;
  for (const change of [{ amount: "1" }, { payTo: BUYER }, { maxTimeoutSeconds: 1 }]) {
    const accepted = { ...terms, ...change };
    const message = { x402Version: 2, accepted, payload: promisePayload() };
    const answer = await x402.order(undefined, { "payment-signature": encodeHeader(message) });
    expect(answer.status).toBe(402);
  }
  const asset = terms?.asset.replaceAll("c", "C");
  const more = { ...terms, asset, extra: { ...terms?.extra, added: "by the client" } };
  const message = { x402Version: 2, accepted: more, payload: promisePayload() };
  const answer = await x402.order(undefined, { "payment-signature": encodeHeader(message) });
  expect(answer.status).toBe(202);
});

test("after the window a payment is refused with 410 before anything is carried out", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  x402.shop.world.skewMs = 900_001;
  const answer = await x402.order(undefined, paymentV2(asked));
  expect(answer.status).toBe(410);
  expect(await refusal(answer)).toMatchObject({
    code: "quote_expired",
    order_id: asked.body.order_id,
  });
  expect(await promisesOf(x402, asked.body.order_id)).toEqual([]);
  expect((await x402.shop.ask(asked.body.pay_url, { headers: walkIn })).status).toBe(410);
});

test("a payment at the last moment of the window is taken", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  x402.shop.world.skewMs = 890_000;
  expect((await x402.order(undefined, paymentV2(asked))).status).toBe(202);
});

test("confirmations are counted until the payment is final", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const { order_id: orderId, status_url: url } = asked.body;
  await x402.order(undefined, paymentV2(asked));
  await x402.mine(orderId, { isFinal: false });
  expect((await readOrder(x402, url)).payment).toMatchObject({
    state: "seen",
    confirmations: 1,
    required: 6,
  });
  x402.chain.headHeight = 103;
  expect((await readOrder(x402, url)).payment).toMatchObject({ confirmations: 4 });
  await x402.mine(orderId, { isFinal: true });
  expect(await readOrder(x402, url)).toMatchObject({
    status: "PAID",
    payment: { state: "final", confirmations: 6 },
  });
});

test("a payment that the chain takes back is under way again, and a client still must not pay", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const { order_id: orderId, status_url: url } = asked.body;
  await x402.order(undefined, paymentV2(asked));
  await x402.mine(orderId, { isFinal: false });
  x402.chain.sendsAtOnce = false;
  await x402.reorganize();
  expect(await readOrder(x402, url)).toMatchObject({
    status: "PENDING_PAYMENT",
    payment: { state: "seen", tx_id: null, confirmations: null },
  });
  expect((await x402.order(undefined, paymentV2(asked))).status).toBe(202);
  expect(await promisesOf(x402, orderId)).toEqual(["settling"]);
  await x402.mine(orderId, { txId: "0xagain", isFinal: true });
  expect(await readOrder(x402, url)).toMatchObject({
    status: "PAID",
    payment: { tx_id: "0xagain" },
  });
});

test("an order that nobody knows cannot be paid", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const answer = await x402.shop.ask(`${ORDER_URL}/ord_unknown/pay`, {
    method: "POST",
    headers: { ...walkIn, ...paymentV2(asked) },
  });
  expect(answer.status).toBe(404);
});

test("a payment for an order of another shop is answered with a new order's terms", async () => {
  const x402 = await openX402Shop();
  const other = await openX402Shop();
  const asked = await other.challenge();
  const answer = await x402.order(undefined, paymentV2(asked));
  expect(answer.status).toBe(402);
  const body = (await answer.json()) as { error: string; order_id: string };
  expect(body.error).toBe("no_matching_payment_requirements");
  expect(body.order_id).not.toBe(asked.body.order_id);
});

test("the refund of an order that failed is shown to who paid again", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const { order_id: orderId } = asked.body;
  const headers = paymentV2(asked);
  await x402.order(undefined, headers);
  await x402.mine(orderId);
  await x402.shop.giveUp(orderId);
  const due = await x402.order(undefined, headers);
  expect(due.status).toBe(202);
  expect(await paidOrder(due)).toMatchObject({
    status: "PROVISIONING",
    refunds: [{ reason: "fulfilment_failed", state: "due", amount: "2.04", asset: "USDC" }],
  });
  await x402.shop.signRefund(orderId);
  await x402.shop.confirmRefund(orderId);
  const over = await x402.order(undefined, headers);
  expect(over.status).toBe(200);
  expect(await paidOrder(over)).toMatchObject({
    status: "REFUNDED",
    refunds: [{ state: "final", tx_id: `refund_of_${orderId}` }],
  });
});
