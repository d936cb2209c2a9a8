import fc from "fast-check";
import { expect, test } from "vitest";
import {
  deliveryEntry,
  depositEntry,
  lossEntry,
  payoutEntry,
  purchaseEntry,
  recoveryEntry,
  undoneDepositEntry,
  type Entry,
  type PayoutCause,
  type Posting,
} from "./ledger.ts";

const railId = "stellar:testnet/contract";
const assetId = "stellar:testnet/asset:USDC-G";

function sums(postings: readonly Posting[], of: (posting: Posting) => string): Map<string, bigint> {
  const totals = new Map<string, bigint>();
  for (const posting of postings)
    totals.set(of(posting), (totals.get(of(posting)) ?? 0n) + posting.atomic);
  return totals;
}

function expectZeroSum(entry: Entry): void {
  for (const total of sums(entry.postings, (posting) => posting.assetId).values())
    expect(total).toBe(0n);
}

/** What is left on each account once all entries are booked, without the empty ones. */
function balances(entries: readonly Entry[]): Record<string, bigint> {
  const postings = entries.flatMap((entry) => entry.postings);
  const totals = sums(postings, (posting) => posting.account);
  return Object.fromEntries([...totals].filter(([, total]) => total !== 0n));
}

/** A deposit of a rail whose blocks are never replaced. */
const booked = { id: "d", railId, assetId, blockHash: null, bookedAtMs: 0 };

const money = fc.bigInt({ min: 0n, max: 10n ** 30n });

test("the postings of every entry sum to zero per asset", () => {
  const cause = fc.constantFrom<PayoutCause>("order_failed", "excess", "unmatched");
  fc.assert(
    fc.property(money, money, cause, (priceAtomic, over, why) => {
      const atomic = priceAtomic + over;
      const deposit = { ...booked, atomic };
      expectZeroSum(depositEntry({ ...deposit, match: { priceAtomic, keptAtomic: 0n } }));
      expectZeroSum(depositEntry({ ...deposit, match: null }));
      expectZeroSum(undoneDepositEntry({ ...deposit, match: { priceAtomic, keptAtomic: 0n } }));
      expectZeroSum(lossEntry(deposit));
      expectZeroSum(recoveryEntry(deposit));
      expectZeroSum(deliveryEntry({ id: "o", assetId, priceAtomic }));
      expectZeroSum(payoutEntry({ id: "p", railId, assetId, atomic, cause: why }));
      expectZeroSum(purchaseEntry({ id: "a", supplierId: "s", costUsdMicro: atomic }));
    }),
  );
});

test("a deposit is held, and owed as the order's price and its excess", () => {
  fc.assert(
    fc.property(money, money, (priceAtomic, over) => {
      const atomic = priceAtomic + over;
      const entry = depositEntry({
        ...booked,
        id: "d",
        atomic,
        match: { priceAtomic, keptAtomic: 0n },
      });
      const left = balances([entry]);
      expect(left[`held:${railId}`] ?? 0n).toBe(atomic);
      expect(left["owed:orders"] ?? 0n).toBe(-priceAtomic);
      expect(left["owed:excess"] ?? 0n).toBe(-over);
    }),
  );
});

const paid = depositEntry({
  ...booked,
  id: "d",
  atomic: 12n,
  match: { priceAtomic: 10n, keptAtomic: 0n },
});
const excess = payoutEntry({ id: "e", railId, assetId, atomic: 2n, cause: "excess" });

test("an order that is delivered and its excess returned leaves its price as revenue", () => {
  const delivered = deliveryEntry({ id: "o", assetId, priceAtomic: 10n });
  expect(balances([paid, excess, delivered])).toEqual({ [`held:${railId}`]: 10n, revenue: -10n });
});

test("an order that is refunded leaves nothing held and nothing owed", () => {
  const refund = payoutEntry({ id: "p", railId, assetId, atomic: 10n, cause: "order_failed" });
  expect(balances([paid, excess, refund])).toEqual({});
});

test("an unmatched payment is owed until it went back", () => {
  const seen = depositEntry({ ...booked, id: "u", atomic: 7n, match: null });
  expect(balances([seen])).toEqual({ [`held:${railId}`]: 7n, "owed:unmatched": -7n });
  const back = payoutEntry({ id: "q", railId, assetId, atomic: 7n, cause: "unmatched" });
  expect(balances([seen, back])).toEqual({});
});

test("goods cost what the supplier was owed for them, in dollars", () => {
  expect(balances([purchaseEntry({ id: "a", supplierId: "s", costUsdMicro: 9_900_000n })])).toEqual(
    { "cost:s": 9_900_000n, "supplier:s": -9_900_000n },
  );
});

test("excess that is not worth sending back is revenue at once", () => {
  const match = { priceAtomic: 10n, keptAtomic: 2n };
  const kept = depositEntry({ ...booked, id: "d", atomic: 12n, match });
  expect(balances([kept])).toEqual({
    [`held:${railId}`]: 12n,
    "owed:orders": -10n,
    revenue: -2n,
  });
});

test("a deposit of nothing books nothing", () => {
  expect(depositEntry({ ...booked, id: "z", atomic: 0n, match: null }).postings).toEqual([]);
});

test("entries of different facts never share an id", () => {
  const ids = [
    depositEntry({ ...booked, id: "x", atomic: 1n, match: null }),
    deliveryEntry({ id: "x", assetId, priceAtomic: 1n }),
    purchaseEntry({ id: "x", supplierId: "s", costUsdMicro: 1n }),
    payoutEntry({ id: "x", railId, assetId, atomic: 1n, cause: "excess" }),
  ].map((entry) => entry.id);
  expect(new Set(ids).size).toBe(4);
});

test("a deposit that is undone, or lost and recovered, leaves the books as before", () => {
  const fresh = { ...booked, blockHash: "0xb", atomic: 12n };
  const match = { priceAtomic: 10n, keptAtomic: 1n };
  const first = depositEntry({ ...fresh, match });
  const undone = undoneDepositEntry({ ...fresh, match, bookedAtMs: 1 });
  expect(balances([first, undone])).toEqual({});
  const lost = lossEntry(fresh);
  expect(balances([lost])).toEqual({ [`held:${railId}`]: -12n, [`lost:${railId}`]: 12n });
  expect(balances([lost, recoveryEntry({ ...fresh, bookedAtMs: 2 })])).toEqual({});
});

test("what comes again after it was taken back is an entry of its own", () => {
  const seen = { ...booked, blockHash: "0xb", atomic: 12n, match: null };
  expect(depositEntry(seen).id).not.toBe(depositEntry({ ...seen, bookedAtMs: 1 }).id);
  expect(depositEntry(seen).id).not.toBe(depositEntry({ ...seen, blockHash: null }).id);
});
