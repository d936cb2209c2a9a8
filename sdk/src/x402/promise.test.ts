/** When a second promise may be signed: hardly ever. */
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, onTestFinished, test, vi } from "vitest";
import { ESIM } from "../../../src/http/test-x402.ts";
import { done, failed } from "../../../src/outcome.ts";
import { PaymentFailedError, PaymentUnknownError, WalletError } from "../pay/errors.ts";
import { systemRuntime } from "../runtime.ts";
import { errorOf, isPayment, openEsimStage } from "../testing/esim-stage.ts";
import { createEsimOrder, payEsimOrder, purchaseEsim, waitForEsim } from "./buy.ts";

test("a payment that the shop did not carry out is an error; called again, the same promise is tried again", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  stage.chain.verdict = failed("insufficient_funds", "final");
  const options = { ...stage.buyer(), idempotencyKey: "trip" };
  const error = await errorOf(purchaseEsim(options));
  expect(error).toBeInstanceOf(PaymentFailedError);
  expect(error).toMatchObject({ reason: "insufficient_funds", retryable: true });
  expect(error.purchase).toMatchObject({
    idempotencyKey: "trip",
    paymentHash: expect.stringMatching(/^0x/) as string,
  });
  stage.chain.verdict = done(null);
  expect((await purchaseEsim(options)).esim.iccid).toBe(ESIM.iccid);
  expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
  expect(stage.signatures()).toBe(1);
});

test("another promise is signed only when the first failed and its time is over, and with the same nonce", async () => {
  const stage = await openEsimStage();
  stage.chain.verdict = failed("insufficient_funds", "final");
  const options = { ...stage.buyer(), idempotencyKey: "trip" };
  await errorOf(purchaseEsim(options));
  await errorOf(purchaseEsim(options));
  expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
  expect(stage.signatures()).toBe(1);
  // Everybody's clock but the shop's: the order's window is as long as a promise.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 950_000 });
  onTestFinished(() => void vi.useRealTimers());
  stage.shop.world.skewMs = -950_000;
  await errorOf(purchaseEsim(options, { ...systemRuntime, nowMs: () => Date.now() }));
  const promises = stage.sent.map(({ payload }) => payload.authorization);
  expect(stage.sent.at(-1)?.header).not.toBe(stage.sent[0]?.header);
  expect(new Set(promises.map((promise) => promise?.["nonce"])).size).toBe(1);
});

test("a 402 that does not say that the payment failed leads to no second signature, ever", async () => {
  let isStripping = true;
  const stage = await openEsimStage({
    traffic: async (request, pass) => {
      if (!isPayment(request) || !isStripping) return pass();
      // A proxy that loses headers: the shop sees no payment, and asks for one.
      return fetch(request.url, {
        method: "POST",
        body: "{}",
        headers: { "content-type": "application/json" },
      });
    },
  });
  stage.deliverAll();
  const options = { ...stage.buyer(), idempotencyKey: "trip" };
  const later = { ...systemRuntime, nowMs: () => Date.now() + 900_000 };
  for (const runtime of [systemRuntime, systemRuntime, later])
    expect(await errorOf(purchaseEsim(options, runtime))).toBeInstanceOf(PaymentUnknownError);
  expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
  expect(stage.signatures()).toBe(1);
  isStripping = false;
  expect((await purchaseEsim(options)).esim.iccid).toBe(ESIM.iccid);
});

test.each(["settlement_pending", "invalid_exact_evm_nonce_already_used"])(
  "a 402 that says %s is not taken for a failure",
  async (errorReason) => {
    const response = { success: false, errorReason, transaction: "", network: "eip155:137" };
    const stage = await openEsimStage({
      traffic: async (request, pass) => {
        if (!isPayment(request)) return pass();
        const asked = await fetch(request.url);
        const headers = new Headers(asked.headers);
        headers.set("payment-response", Buffer.from(JSON.stringify(response)).toString("base64"));
        return new Response(await asked.text(), { status: 402, headers });
      },
    });
    expect(await errorOf(purchaseEsim(stage.buyer()))).toBeInstanceOf(PaymentUnknownError);
    expect(stage.sent).toHaveLength(1);
  },
);

test("while nobody can check the payment, the same promise is sent until somebody can", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  stage.chain.verdict = failed("rpc down", "retry");
  const buying = purchaseEsim(stage.buyer());
  await expect.poll(() => stage.sent.length, { timeout: 5_000 }).toBeGreaterThan(0);
  stage.chain.verdict = done(null);
  expect((await buying).esim.iccid).toBe(ESIM.iccid);
  expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
  expect(stage.signatures()).toBe(1);
});

test("a promise that could not be carried out after all can be sent again", async () => {
  const stage = await openEsimStage();
  const options = stage.buyer();
  const { orderId, accessToken } = await createEsimOrder(options);
  await payEsimOrder({ ...options, orderId });
  await stage.fail(orderId, "insufficient_funds");
  stage.deliverAll();
  await payEsimOrder({ ...options, orderId });
  expect((await waitForEsim({ ...options, orderId, accessToken: accessToken ?? "" })).iccid).toBe(
    ESIM.iccid,
  );
  expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
  expect(stage.signatures()).toBe(1);
});

test("a wallet that refuses is named, and the purchase can be continued", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const options = { ...stage.buyer(), idempotencyKey: "trip" };
  const { address } = privateKeyToAccount(generatePrivateKey());
  const account = { address, signTypedData: () => Promise.reject(new Error("user said no")) };
  const error = await errorOf(purchaseEsim({ ...options, account }));
  expect(error).toBeInstanceOf(WalletError);
  expect(error.message).toContain("user said no");
  expect((await purchaseEsim(options)).orderId).toBe(error.purchase?.orderId);
});

test("limits hold for what an earlier call settled and did not sign", async () => {
  const stage = await openEsimStage();
  const options = { ...stage.buyer(), idempotencyKey: "trip" };
  const { address } = privateKeyToAccount(generatePrivateKey());
  const account = { address, signTypedData: () => Promise.reject(new Error("no")) };
  await errorOf(purchaseEsim({ ...options, account }));
  const error = await errorOf(purchaseEsim({ ...options, maxUsd: "1.00" }));
  expect(error.code).toBe("amount_over_cap");
  expect(stage.sent).toEqual([]);
});
