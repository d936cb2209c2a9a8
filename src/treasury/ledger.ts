/** Why money goes back: the order failed, more was paid than asked, or the deposit is no order's. */
export type PayoutCause = "order_failed" | "excess" | "unmatched";

/**
 * The double-entry ledger: what happened to money, as postings that sum to zero per entry and asset.
 * A positive posting means that the account holds (or was spent) more, a negative one that it owes more.
 *
 * Accounts: `held:<rail>` what the receiver and the treasury have on chain · `owed:orders`, `owed:excess`,
 * `owed:unmatched` what is to be delivered or sent back · `revenue` · `cost:<supplier>`,
 * `supplier:<supplier>` what goods cost and from whose balance.
 */
export interface Posting {
  readonly account: string;
  readonly assetId: string;
  readonly atomic: bigint;
}

/** One entry; `id` makes a repeated posting a no-op. */
export interface Entry {
  readonly id: string;
  readonly postings: readonly Posting[];
}

const USD_ID = "iso4217:USD";

/** A deposit arrived: a payment (price, excess to return, dust that is kept), or unmatched as a whole. */
export function depositEntry(deposit: {
  readonly id: string;
  readonly railId: string;
  readonly assetId: string;
  readonly atomic: bigint;
  readonly match: { readonly priceAtomic: bigint; readonly keptAtomic: bigint } | null;
}): Entry {
  const { assetId, atomic, match } = deposit;
  const owed =
    match === null
      ? [{ account: "owed:unmatched", assetId, atomic: -atomic }]
      : [
          { account: "owed:orders", assetId, atomic: -match.priceAtomic },
          {
            account: "owed:excess",
            assetId,
            atomic: match.priceAtomic + match.keptAtomic - atomic,
          },
          { account: "revenue", assetId, atomic: -match.keptAtomic },
        ];
  return {
    id: `deposit:${deposit.id}`,
    postings: [{ account: `held:${deposit.railId}`, assetId, atomic }, ...owed].filter(isNotZero),
  };
}

/** Goods were handed over: the price is ours now. */
export function deliveryEntry(order: {
  readonly id: string;
  readonly assetId: string;
  readonly priceAtomic: bigint;
}): Entry {
  const { assetId, priceAtomic } = order;
  return {
    id: `delivered:${order.id}`,
    postings: [
      { account: "owed:orders", assetId, atomic: priceAtomic },
      { account: "revenue", assetId, atomic: -priceAtomic },
    ],
  };
}

/** A supplier sold us something. */
export function purchaseEntry(attempt: {
  readonly id: string;
  readonly supplierId: string;
  readonly costUsdMicro: bigint;
}): Entry {
  const { supplierId, costUsdMicro } = attempt;
  return {
    id: `purchase:${attempt.id}`,
    postings: [
      { account: `cost:${supplierId}`, assetId: USD_ID, atomic: costUsdMicro },
      { account: `supplier:${supplierId}`, assetId: USD_ID, atomic: -costUsdMicro },
    ],
  };
}

const OWED: Readonly<Record<PayoutCause, string>> = {
  order_failed: "owed:orders",
  excess: "owed:excess",
  unmatched: "owed:unmatched",
};

/** A payout became final. */
export function payoutEntry(payout: {
  readonly id: string;
  readonly railId: string;
  readonly assetId: string;
  readonly atomic: bigint;
  readonly cause: PayoutCause;
}): Entry {
  const { assetId, atomic } = payout;
  return {
    id: `payout:${payout.id}`,
    postings: [
      { account: OWED[payout.cause], assetId, atomic },
      { account: `held:${payout.railId}`, assetId, atomic: -atomic },
    ],
  };
}

function isNotZero(posting: Posting): boolean {
  return posting.atomic !== 0n;
}
