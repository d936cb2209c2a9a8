import fc from "fast-check";
import { expect, test } from "vitest";
import { newOrder } from "../../tests/fixtures/shop-store.ts";
import { isFinal, TRANSITIONS, type OrderState } from "./lifecycle.ts";
import { FINAL_X402_STATUSES } from "#wire/x402";
import {
  confirmationsAt,
  NO_PAYMENT,
  viewX402Order,
  x402StatusOf,
  x402Tag,
  type X402Extras,
} from "./view-x402.ts";

const STATES = [...new Set(TRANSITIONS.flatMap(([from, , to]) => [from, to]))];
const extras: X402Extras = { payment: NO_PAYMENT, refunds: [], isOwn: false, goods: null };

test.each<[OrderState, string]>([
  ["awaiting_payment", "PENDING_PAYMENT"],
  ["confirming", "PENDING_PAYMENT"],
  ["paid", "PAID"],
  ["fulfilling", "PROVISIONING"],
  ["in_review", "PROVISIONING"],
  ["refund_due", "PROVISIONING"],
  ["refunding", "PROVISIONING"],
  ["delivered", "DELIVERED"],
  ["refunded", "REFUNDED"],
  ["expired", "EXPIRED"],
])("%s reads %s", (state, status) => {
  expect(x402StatusOf({ state })).toBe(status);
});

test("a status is final when the order is", () => {
  expect(STATES.length).toBeGreaterThan(10);
  for (const state of STATES)
    expect(FINAL_X402_STATUSES.includes(x402StatusOf({ state }))).toBe(isFinal(state));
});

test("a promise that is under way shows as seen, so that nobody pays again", () => {
  const payment = { ...NO_PAYMENT, railId: "eip155:137/x402", symbol: "USDC", txId: "0x1" };
  const view = viewX402Order(newOrder({ state: "confirming" }), { ...extras, payment });
  expect(view.payment).toMatchObject({ state: "seen", rail: "eip155:137/x402", tx_id: "0x1" });
  expect(viewX402Order(newOrder(), extras).payment.state).toBe("none");
});

test("goods show in no state but delivered", () => {
  const card = { number: "4111111111111111", cvv: "123", expiry: "12/34", brand: "USD Visa Card" };
  for (const state of STATES) {
    const view = viewX402Order(newOrder({ state }), { ...extras, goods: { card } });
    expect(view.card).toEqual(state === "delivered" ? card : undefined);
  }
});

test("confirmations count the payment's own block, and stop at what is required", () => {
  expect(confirmationsAt(100, 99, 6)).toBe(0);
  expect(confirmationsAt(100, 100, 6)).toBe(1);
  expect(confirmationsAt(100, 104, 6)).toBe(5);
  expect(confirmationsAt(100, 500, 6)).toBe(6);
  expect(confirmationsAt(100, 500, null)).toBe(401);
  expect(confirmationsAt(100, null, 6)).toBeNull();
});

test("the tag differs whenever the view does", () => {
  const anyExtras = fc.record({
    seq: fc.integer({ min: 1, max: 9 }),
    confirmations: fc.option(fc.integer({ min: 0, max: 6 })),
    refunds: fc.array(fc.constantFrom("due", "sent", "final", "held"), { maxLength: 2 }),
  });
  const refund = (state: "due" | "sent" | "final" | "held") => ({
    reason: "excess" as const,
    state,
    amount: "1.00",
    asset: "USDC",
    rail: "r",
    tx_id: null,
  });
  fc.assert(
    fc.property(anyExtras, anyExtras, (a, b) => {
      const tagOf = ({ seq, confirmations, refunds }: typeof a) =>
        x402Tag(
          { seq },
          { payment: { ...NO_PAYMENT, confirmations }, refunds: refunds.map(refund) },
          false,
        );
      const isSame =
        a.seq === b.seq &&
        (a.confirmations ?? 0) === (b.confirmations ?? 0) &&
        a.refunds.join() === b.refunds.join();
      expect(tagOf(a) === tagOf(b)).toBe(isSame);
    }),
  );
});

test("what a client attached to its order is shown to it alone", () => {
  const order = newOrder({ metadata: { job: 7 } });
  expect(viewX402Order(order, extras).metadata).toBeUndefined();
  expect(viewX402Order(order, { ...extras, isOwn: true }).metadata).toEqual({ job: 7 });
});
