/** What a buyer signs, and what not. */
import { expect, test } from "vitest";
import { PaymentRefusedError } from "../pay/errors.ts";
import { errorOf, isPayment, openEsimStage } from "../testing/esim-stage.ts";
import { formatAtomic, parseAtomic } from "./amount.ts";
import { AllowanceRequiredError } from "./approval.ts";
import { createEsimOrder, payEsimOrder, purchaseEsim } from "./buy.ts";

test.each([
  ["6.21", 6, 6_210_000n, "6.21"],
  ["10", 6, 10_000_000n, "10.00"],
  ["0.5", 18, 500_000_000_000_000_000n, "0.50"],
  ["2.123", 6, 2_123_000n, "2.123"],
  ["7", 0, 7n, "7.00"],
])("%s at %i decimals is %i base units", (text, decimals, atomic, shown) => {
  expect(parseAtomic(text, decimals)).toBe(atomic);
  expect(formatAtomic(atomic, decimals)).toBe(shown);
});

test.each([
  ["1.234", 2],
  ["1e3", 6],
  ["-1", 6],
  ["", 6],
  ["1,5", 6],
])("%s at %i decimals is no amount", (text, decimals) => {
  expect(parseAtomic(text, decimals)).toBeNull();
});

test("a limit that is no amount is refused before anything is sent", async () => {
  const stage = await openEsimStage();
  const error = await errorOf(purchaseEsim({ ...stage.buyer(), maxUsd: "lots" }));
  expect(error.code).toBe("invalid_option");
  expect(await stage.countOrders()).toBe(0);
});

test.each([
  ["amount_over_cap", { maxUsd: "2.03" }],
  ["asset_not_offered", { network: "eip155:8453" }],
  ["asset_not_offered", { asset: "DAI" }],
] as const)("%s: nothing is signed for %o", async (code, limits) => {
  const stage = await openEsimStage();
  const error = await errorOf(purchaseEsim({ ...stage.buyer(), ...limits }));
  expect(error).toBeInstanceOf(PaymentRefusedError);
  expect(error.code).toBe(code);
  expect(stage.sent).toEqual([]);
});

test("a token that nobody knows is not paid, unless the caller vouches for it", async () => {
  const unknown = "0x00000000000000000000000000000000000000aa";
  const stage = await openEsimStage({
    wrap: (deps) => ({
      ...deps,
      rails: deps.rails.map((rail) => ({
        ...rail,
        instructions: (order) => {
          const text = JSON.stringify(rail.instructions(order));
          return JSON.parse(text.replaceAll(/0x(?:3c499c|c2132d)[0-9a-f]{34}/g, unknown)) as never;
        },
      })),
    }),
  });
  const error = await errorOf(purchaseEsim(stage.buyer()));
  expect(error.code).toBe("wrong_asset");
  expect(stage.sent).toEqual([]);
  const tokens = [{ network: "eip155:137", address: unknown, symbol: "TEST", decimals: 6 }];
  const { orderId } = await createEsimOrder(stage.buyer());
  await payEsimOrder({ ...stage.buyer(), orderId, tokens });
  expect(stage.sent[0]?.accepted.asset).toBe(unknown);
  const tiny = [{ network: "eip155:137", address: unknown, symbol: "TEST", decimals: 2 }];
  expect((await errorOf(purchaseEsim({ ...stage.buyer(), tokens: tiny }))).code).toBe(
    "amount_over_cap",
  );
});

test("USDT goes through Permit2; what that lacks is said, and afterwards the same promise is sent", async () => {
  const answer = { error: "permit2_allowance_required", message: "Approve first." };
  const stage = await openEsimStage({
    traffic: (request, pass) =>
      isPayment(request) ? Promise.resolve(Response.json(answer, { status: 412 })) : pass(),
  });
  const options = { ...stage.buyer(), asset: ["USDT"], idempotencyKey: "trip" };
  const error = await errorOf(purchaseEsim(options));
  expect(error).toBeInstanceOf(AllowanceRequiredError);
  expect(error).toMatchObject({
    code: "permit2_allowance_required",
    network: "eip155:137",
    token: "0xc2132d05d31c914a87c6611c10748aeb04b58e8f",
    spender: "0x000000000022D473030F116dDEE9F6B43aC78BA3",
    amount: "2.04",
  });
  const { nonce = "0" } = stage.sent[0]?.payload.permit2Authorization ?? {};
  expect(BigInt(nonce)).toBe(BigInt(error.purchase?.paymentHash ?? 1));
  await errorOf(purchaseEsim(options));
  expect(new Set(stage.sent.map(({ header }) => header)).size).toBe(1);
  expect(stage.signatures()).toBe(1);
});
