import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCreatedOrder, parseOrder, parseOrderList, parseUsage } from "./answers.ts";
import { BadAnswerError } from "./errors.ts";
import { CARD, CONTRACT_ID, ORDER_ID, orderIn, PAYABLE, PAYMENT } from "./testing/peer.ts";

/** The error of an action that must throw one. */
function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return null;
}

test.each<readonly [string, unknown]>([
  ["not a JSON object", []],
  ["phase", { ...PAYABLE, phase: undefined }],
  ["cannot be in phase", { ...PAYABLE, phase: "processing" }],
  ["order_id", { ...PAYABLE, order_id: "../../etc" }],
  ["amount_usdc", { ...PAYABLE, amount_usdc: 10 }],
  ["payment is not", { ...PAYABLE, payment: null }],
  ["payment.type", { ...PAYABLE, payment: { ...PAYMENT, type: "invoice" } }],
  ["contract_id", { ...PAYABLE, payment: { ...PAYMENT, contract_id: `${CONTRACT_ID}A` } }],
  ["another order's", { ...PAYABLE, payment: { ...PAYMENT, order_id: "0198c0de" } }],
  ["amount", { ...PAYABLE, payment: { ...PAYMENT, usdc: { ...PAYMENT.usdc, amount: "1e9" } } }],
  ["asset", { ...PAYABLE, payment: { ...PAYMENT, usdc: { amount: "1", asset: "USDC" } } }],
  ["expires_at", { ...PAYABLE, expires_at: 7 }],
  ["cvv", { ...PAYABLE, phase: "ready", card: { ...CARD, cvv: "" } }],
])("a created order whose fault is %s is refused by that name, without its card", (what, body) => {
  const error = errorOf(() => parseCreatedOrder(body));
  expect(error).toBeInstanceOf(BadAnswerError);
  expect(String(error)).toContain(what);
  expect(String(error)).not.toContain(CARD.number);
});

test.each<readonly [string, unknown]>([
  ["another order", { ...orderIn("processing"), order_id: "other" }],
  ["without payment", { ...orderIn("awaiting_payment"), payment: undefined }],
  ["card", { ...orderIn("ready"), card: undefined }],
  ["stellar_txid", { ...orderIn("refunded"), refund: { stellar_txid: 7 } }],
  ["error is not a text", { ...orderIn("failed"), error: { a: 1 } }],
])("an order whose fault is %s is refused", (what, body) => {
  expect(() => parseOrder(body, ORDER_ID)).toThrow(what);
});

test("an order of an older shop, with fewer members and words of its own, is read", () => {
  const old = { ...orderIn("failed"), status: "failed", amount_usdc: "10", new_member: [1] };
  expect(parseOrder(old, ORDER_ID)).toEqual(old);
  const { network_passphrase: _without, ...payment } = PAYMENT;
  const created = {
    ...PAYABLE,
    budget: undefined,
    payment: { ...payment, xlm: { amount: "64.5161290" } },
  };
  expect(parseCreatedOrder(created)).toMatchObject({ phase: "awaiting_payment" });
});

test("whatever JSON a shop answers, it is read or refused as a bad answer", () => {
  const order = fc.record({
    order_id: fc.constantFrom(ORDER_ID, 7),
    phase: fc.constantFrom("ready", "awaiting_payment", "awaiting_approval", "x"),
    status: fc.constantFrom("delivered", 1),
    amount_usdc: fc.constantFrom("1", 1),
    card: fc.oneof(fc.jsonValue(), fc.constant(CARD)),
    payment: fc.oneof(
      fc.jsonValue(),
      fc.constant(PAYMENT),
      fc.record({ ...constants(PAYMENT), usdc: fc.jsonValue(), xlm: fc.jsonValue() }),
    ),
    refund: fc.jsonValue(),
  });
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), order, fc.array(order)), (json) => {
      for (const parse of [
        parseCreatedOrder,
        parseOrderList,
        parseUsage,
        (body: unknown) => parseOrder(body, ORDER_ID),
      ]) {
        const error = errorOf(() => parse(json));
        expect(error === null || error instanceof BadAnswerError).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

function constants(values: object): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, fc.constant(value)]),
  );
}
