import { expect, test } from "vitest";
import { FINAL_PHASES, type Card, type RefundView } from "#wire";
import { newOrder, NOW_MS, RAIL_ID, USDC } from "../../tests/fixtures/shop-store.ts";
import { isFinal, TRANSITIONS, type OrderState } from "./lifecycle.ts";
import type { Order, Payment } from "./order.ts";
import { statesOfStatus, viewBudget, viewListItem, viewOrder, wordsOf } from "./view.ts";

const states: readonly OrderState[] = [
  ...new Set(TRANSITIONS.flatMap(([from, , to]) => [from, to])),
];
const card: Card = { number: "4111111111111111", cvv: "123", expiry: "12/30", brand: "Visa" };
const refund: RefundView = {
  stellar_txid: "ab",
  rail: "stellar:testnet/contract",
  tx_id: "ab",
  amount: "10.00",
  asset: "USDC",
};
const payment: Payment = {
  depositId: "d",
  railId: RAIL_ID,
  assetId: USDC.id,
  symbol: "USDC",
  atomic: 100_000_000n,
  priceAtomic: 100_000_000n,
  from: "G",
};
const extras = { card, refund };

function paidIn(state: OrderState, changes: Partial<Order> = {}): Order {
  return newOrder({ state, payment, ...changes });
}

// oxfmt-ignore
test.each([
  ["awaiting_approval", null,    "awaiting_approval", "awaiting_approval"],
  ["awaiting_payment",  null,    "pending_payment",   "awaiting_payment"],
  ["confirming",        null,    "ordering",          "processing"],
  ["paid",              null,    "ordering",          "processing"],
  ["fulfilling",        null,    "ordering",          "processing"],
  ["fulfilling",        "issue", "stage1_done",       "processing"],
  ["paid",              "issue", "ordering",          "processing"],
  ["in_review",         null,    "ordering",          "processing"],
  ["delivered",         "activate", "delivered",      "ready"],
  ["refund_due",        "issue", "refund_pending",    "failed"],
  ["refunding",         null,    "refund_pending",    "failed"],
  ["refunded",          null,    "refunded",          "refunded"],
  ["rejected",          null,    "rejected",          "rejected"],
  ["expired",           null,    "expired",           "expired"],
] as const)("%s after stage %s reads %s, %s", (state, stage, status, phase) => {
  expect(wordsOf({ state, stage })).toEqual([status, phase]);
});

test("a phase is final on the wire exactly when the state is", () => {
  for (const state of states) {
    const [, phase] = wordsOf({ state, stage: null });
    expect([state, FINAL_PHASES.includes(phase)]).toEqual([state, isFinal(state)]);
  }
});

test("the card is shown only with the phase ready, even when the caller has it earlier", () => {
  for (const state of states) {
    const view = viewOrder(paidIn(state), extras);
    expect([state, "card" in view]).toEqual([state, state === "delivered"]);
    expect(JSON.stringify(viewListItem(paidIn(state)))).not.toContain(card.number);
  }
});

test("how to pay is shown only while a payment is welcome", () => {
  for (const state of states) {
    const view = viewOrder(newOrder({ state }), { card: null, refund: null });
    expect([state, "payment" in view]).toEqual([state, state === "awaiting_payment"]);
  }
});

test("a resuming client never reads awaiting_payment once a deposit is known", () => {
  const paying = TRANSITIONS.filter(
    ([, event]) => event === "deposit_matched" || event === "payment_confirmed",
  );
  const phases = paying.map(([, , to]) => wordsOf({ state: to, stage: null })[1]);
  expect(new Set(phases)).toEqual(new Set(["processing"]));
});

test("a failed order says why, in our words, until and after the refund", () => {
  const error = "No supplier could deliver.";
  for (const state of ["refund_due", "refunding", "refunded"] as const)
    expect(viewOrder(paidIn(state, { error }), extras).error).toBe(error);
  expect(viewOrder(paidIn("refund_due"), extras).error).toBe("The order could not be fulfilled.");
  expect(viewOrder(paidIn("fulfilling", { error }), extras)).not.toHaveProperty("error");
});

test("the refund's transaction is shown once the refund is final", () => {
  expect(viewOrder(paidIn("refunded"), extras).refund).toEqual(refund);
  expect(viewOrder(paidIn("refunding"), extras)).not.toHaveProperty("refund");
});

test("metadata comes back as it was sent, and is absent when none was", () => {
  const metadata = { run: "7" };
  expect(viewOrder(newOrder({ metadata }), extras).metadata).toEqual(metadata);
  expect(viewOrder(newOrder(), extras)).not.toHaveProperty("metadata");
});

test.each([
  ["unpaid", newOrder(), "usdc"],
  [
    "unpaid, XLM alone",
    newOrder({ quote: { legs: newOrder().quote.legs.slice(1), missing: [] } }),
    "xlm",
  ],
  ["paid in USDC", paidIn("paid"), "usdc_soroban"],
  ["paid in XLM", paidIn("paid", { payment: { ...payment, symbol: "XLM" } }), "xlm_soroban"],
] as const)("the payment asset of an order that is %s", (_name, order, asset) => {
  expect(viewOrder(order, extras).payment_asset).toBe(asset);
  expect(viewListItem(order).payment_asset).toBe(asset);
});

test("an open order on the wire", () => {
  expect(viewOrder(newOrder(), { card: null, refund: null })).toMatchInlineSnapshot(`
    {
      "amount_usdc": "10.00",
      "created_at": "2027-01-15T08:00:00.000Z",
      "expires_at": "2027-01-15T10:00:00.000Z",
      "order_id": "ord_1",
      "payment": {
        "type": "soroban_contract",
      },
      "payment_asset": "usdc",
      "payment_options": [
        {
          "type": "soroban_contract",
        },
      ],
      "phase": "awaiting_payment",
      "status": "pending_payment",
      "updated_at": "2027-01-15T08:00:00.000Z",
    }
  `);
});

test("a list row has the wire's own members", () => {
  expect(viewListItem(paidIn("delivered", { updatedAtMs: NOW_MS + 5 }))).toEqual({
    id: "ord_1",
    status: "delivered",
    amount_usdc: "10.00",
    payment_asset: "usdc_soroban",
    created_at: "2027-01-15T08:00:00.000Z",
    updated_at: "2027-01-15T08:00:00.005Z",
  });
});

test("a status filter names the states that show it, and older words are understood", () => {
  expect(statesOfStatus("pending_payment")).toEqual(["awaiting_payment"]);
  expect(statesOfStatus("ordering")).toEqual(["confirming", "paid", "fulfilling", "in_review"]);
  expect(statesOfStatus("refund_pending")).toEqual(["refund_due", "refunding"]);
  expect(statesOfStatus("failed")).toEqual(["refund_due", "refunding"]);
  expect(statesOfStatus("payment_confirmed")).toEqual(["paid", "fulfilling"]);
  expect(statesOfStatus("stage1_done")).toEqual(["fulfilling"]);
});

test.each(["", "nonsense", "toString", "__proto__", "PAID"])("%j is no status", (status) => {
  expect(statesOfStatus(status)).toBeNull();
});

test("every status that an order shows can be filtered by, and finds its state", () => {
  for (const state of states) {
    const [status] = wordsOf({ state, stage: null });
    expect(statesOfStatus(status)).toContain(state);
  }
});

test("a budget counts settled and reserved money and never shows less than nothing left", () => {
  const key = { spentUsdMicro: 25_000_000n, inFlightUsdMicro: 10_500_000n };
  expect(viewBudget({ ...key, limitUsdMicro: 100_000_000n })).toEqual({
    spent_usdc: "25.00",
    in_flight_usdc: "10.50",
    committed_usdc: "35.50",
    limit_usdc: "100.00",
    remaining_usdc: "64.50",
  });
  expect(viewBudget({ ...key, limitUsdMicro: 20_000_000n }).remaining_usdc).toBe("0.00");
  expect(viewBudget({ ...key, limitUsdMicro: null })).toMatchObject({
    limit_usdc: null,
    remaining_usdc: null,
  });
});
