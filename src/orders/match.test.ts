import fc from "fast-check";
import { expect, test } from "vitest";
import { TRANSITIONS, type OrderState } from "./lifecycle.ts";
import { matchDeposit, type MatchableDeposit } from "./match.ts";
import { newOrder, NOW_MS, RAIL_ID, USDC, XLM } from "../../tests/fixtures/shop-store.ts";
import type { Order, Payment } from "./order.ts";

const PRICE = 100_000_000n;
const { windowClosesAtMs: WINDOW_CLOSES_MS } = newOrder();
const XLM_EXPIRES_MS = NOW_MS + 600_000;

const payment: Payment = {
  depositId: "d",
  railId: RAIL_ID,
  assetId: USDC.id,
  symbol: "USDC",
  atomic: PRICE,
  priceAtomic: PRICE,
  from: "G",
};

function orderIn(state: OrderState, changes: Partial<Order> = {}): Order {
  return newOrder({ state, ...changes });
}

function deposit(changes: Partial<MatchableDeposit> = {}): MatchableDeposit {
  return {
    assetId: USDC.id,
    atomic: PRICE,
    paidAtMs: WINDOW_CLOSES_MS,
    toleranceUsdMicro: 0n,
    ...changes,
  };
}

const open = orderIn("awaiting_payment");

// oxfmt-ignore
test.each([
  ["no order",                                   null,                                      deposit(),                                        "order_unknown"],
  ["an order that has a payment",                orderIn("paid", { payment }),              deposit(),                                        "duplicate"],
  ["a delivered order, late",                    orderIn("delivered", { payment }),         deposit({ paidAtMs: WINDOW_CLOSES_MS + 99_999 }),                 "duplicate"],
  ["an expired order, after the window",         orderIn("expired"),                        deposit({ paidAtMs: WINDOW_CLOSES_MS + 1 }),   "paid_late"],
  ["an expired order, inside the window",        orderIn("expired"),                        deposit(),                                        "order_closed"],
  ["a rejected order",                           orderIn("rejected"),                       deposit(),                                        "order_closed"],
  ["an order that waits for approval",           orderIn("awaiting_approval"),              deposit(),                                        "order_closed"],
  ["an open order, after the window",            open,                                      deposit({ paidAtMs: WINDOW_CLOSES_MS + 1 }),   "paid_late"],
  ["an open order, wrong asset",                 open,                                      deposit({ assetId: "other" }),                    "wrong_asset"],
  ["an open order, wrong asset and late",        open,                                      deposit({ assetId: "other", paidAtMs: WINDOW_CLOSES_MS + 99_999 }), "paid_late"],
  ["an open order, after the asset's quote",     open,                                      deposit({ assetId: XLM.id, atomic: 1_000_000_000n, paidAtMs: XLM_EXPIRES_MS + 1 }), "paid_late"],
  ["an open order, one base unit short",         open,                                      deposit({ atomic: PRICE - 1n }),                         "underpaid"],
  ["an open order, nothing",                     open,                                      deposit({ atomic: 0n }),                          "underpaid"],
  ["an open order, the other asset's amount",    open,                                      deposit({ assetId: XLM.id, paidAtMs: NOW_MS }),        "underpaid"],
] as const)("a deposit for %s is unmatched", (_name, order, paid, reason) => {
  expect(matchDeposit(order, paid)).toEqual({ kind: "unmatched", reason });
});

test("the exact price in the last instant of the window is accepted", () => {
  expect(matchDeposit(open, deposit())).toEqual({
    kind: "accepted",
    priceAtomic: PRICE,
    excessAtomic: 0n,
  });
});

test("the last instant of a volatile asset's quote is accepted", () => {
  const paid = deposit({ assetId: XLM.id, atomic: 1_000_000_000n, paidAtMs: XLM_EXPIRES_MS });
  expect(matchDeposit(open, paid).kind).toBe("accepted");
});

const anyState = fc.constantFrom(...new Set(TRANSITIONS.flatMap(([from, , to]) => [from, to])));
const anyDeposit = fc.record({
  assetId: fc.constantFrom(USDC.id, XLM.id, "other"),
  atomic: fc.bigInt({ min: 0n, max: 10n ** 20n }),
  paidAtMs: fc.integer({ min: NOW_MS, max: WINDOW_CLOSES_MS + 3_600_000 }),
  toleranceUsdMicro: fc.constant(0n),
});
const anyPayment = fc.constantFrom(null, payment);

test("only an order that waits for its payment accepts one, and never less than the price", () => {
  fc.assert(
    fc.property(anyState, anyPayment, anyDeposit, (state, paid, seen) => {
      const match = matchDeposit(orderIn(state, { payment: paid }), seen);
      if (match.kind === "unmatched") return;
      expect(["awaiting_payment", "confirming"]).toContain(state);
      expect(paid).toBeNull();
      expect(seen.paidAtMs).toBeLessThanOrEqual(WINDOW_CLOSES_MS);
      expect(match.excessAtomic).toBeGreaterThanOrEqual(0n);
    }),
  );
});

test("every base unit of an accepted deposit is price or excess", () => {
  const price = fc.bigInt({ min: 1n, max: 10n ** 20n });
  fc.assert(
    fc.property(price, fc.bigInt({ min: 0n, max: 10n ** 20n }), (priceAtomic, over) => {
      const legs = open.quote.legs
        .filter(({ symbol }) => symbol === "USDC")
        .map((leg) => ({ ...leg, atomic: priceAtomic.toString() }));
      const order = orderIn("awaiting_payment", { quote: { legs, missing: [] } });
      const match = matchDeposit(order, deposit({ atomic: priceAtomic + over }));
      expect(match).toEqual({ kind: "accepted", priceAtomic, excessAtomic: over });
    }),
  );
});

const HALF_A_DOLLAR = 500_000n;

// oxfmt-ignore
test.each([
  ["50 cents off 10 dollars",            10_000_000n, 9_500_000n,  "accepted"],
  ["a base unit more than that",         10_000_000n, 9_499_999n,  "underpaid"],
  ["a tenth off 55 cents",                  550_000n,   495_000n,  "accepted"],
  ["50 cents off 55 cents",                 550_000n,    50_000n,  "underpaid"],
] as const)("where wallets round, %s is %s", (_name, priceUsdMicro, atomic, verdict) => {
  const legs = open.quote.legs.map((leg) => ({ ...leg, atomic: priceUsdMicro.toString() }));
  const order = orderIn("awaiting_payment", { priceUsdMicro, quote: { legs, missing: [] } });
  const match = matchDeposit(order, deposit({ atomic, toleranceUsdMicro: HALF_A_DOLLAR }));
  const accepted = { kind: "accepted", priceAtomic: atomic, excessAtomic: 0n };
  const unmatched = { kind: "unmatched", reason: "underpaid" };
  expect(match).toEqual(verdict === "accepted" ? accepted : unmatched);
});
