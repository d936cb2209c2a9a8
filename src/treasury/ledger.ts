/** Why money goes back: the order failed, more was paid than asked, or the deposit is no order's. */
export type PayoutCause = "order_failed" | "excess" | "unmatched";

/**
 * The double-entry ledger: what happened to money, as postings that sum to zero per entry and asset.
 * A positive posting means that the account holds (or was spent) more, a negative one that it owes more.
 *
 * Accounts: `held:<rail>` what the receiver and the treasury have on chain · `owed:orders`, `owed:excess`,
 * `owed:unmatched` what is to be delivered or sent back · `revenue` · `lost:<rail>` what the chain took back
 * after it had counted as final · `cost:<supplier>`,
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

/** A deposit as far as the ledger looks at it. */
export interface BookedDeposit {
  readonly id: string;
  readonly railId: string;
  readonly assetId: string;
  readonly atomic: bigint;
  /** Null where blocks are never replaced, so that a deposit is booked once. */
  readonly blockHash: string | null;
  /** When it is booked: what was taken back may come again, and is an entry of its own then. */
  readonly bookedAtMs: number;
}

function occurrence({ id, blockHash, bookedAtMs }: BookedDeposit): string {
  return blockHash === null ? id : `${id}@${bookedAtMs}`;
}

/** A deposit is final: a payment (price, excess to return, dust that is kept), or unmatched as a whole. */
export function depositEntry(
  deposit: BookedDeposit & {
    readonly match: { readonly priceAtomic: bigint; readonly keptAtomic: bigint } | null;
  },
): Entry {
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
    id: `deposit:${occurrence(deposit)}`,
    postings: [{ account: `held:${deposit.railId}`, assetId, atomic }, ...owed].filter(isNotZero),
  };
}

/** The chain took a deposit back, and nothing was done for it yet: its entry is undone. */
export function undoneDepositEntry(deposit: Parameters<typeof depositEntry>[0]): Entry {
  const { id, postings } = depositEntry(deposit);
  return {
    id: `undone:${id}`,
    postings: postings.map((posting) => ({ ...posting, atomic: -posting.atomic })),
  };
}

/** The chain took a deposit back after goods or money had gone out for it. */
export function lossEntry(deposit: BookedDeposit): Entry {
  const { railId, assetId, atomic } = deposit;
  return {
    id: `lost:${occurrence(deposit)}`,
    postings: [
      { account: `lost:${railId}`, assetId, atomic },
      { account: `held:${railId}`, assetId, atomic: -atomic },
    ],
  };
}

/** A deposit that was booked as lost is on the chain again, in the same transaction or another. */
export function recoveryEntry(deposit: BookedDeposit): Entry {
  const { postings } = lossEntry(deposit);
  return {
    id: `recovered:${occurrence(deposit)}`,
    postings: postings.map((posting) => ({ ...posting, atomic: -posting.atomic })),
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

/** A supplier took back what it had sold us. */
export function salvageEntry(attempt: Parameters<typeof purchaseEntry>[0]): Entry {
  const { postings } = purchaseEntry(attempt);
  return {
    id: `salvaged:${attempt.id}`,
    postings: postings.map((posting) => ({ ...posting, atomic: -posting.atomic })),
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
