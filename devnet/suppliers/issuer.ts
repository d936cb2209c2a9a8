import { testCardNumber } from "./card-number.ts";
import type { Clock } from "./clock.ts";
import { formatCents, type Cents } from "./decimal.ts";
import type { Card, Ledger } from "./ledger.ts";
import { decimalDigits, hexDigits, uniform } from "./random.ts";

/** What the issuer charges and has; amounts in cents of USD. */
export interface Terms {
  readonly minFaceCents: Cents;
  readonly maxFaceCents: Cents;
  /** Resellers earn this off the face value; 200 is 2 %. */
  readonly discountBps: bigint;
  readonly feeCents: Cents;
  readonly openingBalanceCents: Cents;
  readonly stock: number;
}

export interface IssueRequest {
  readonly reference: string;
  readonly faceCents: Cents;
}

/** How an issue request ended. `replayed`: the reference was known, and this is its card. */
export type Issued =
  | { readonly kind: "sold" | "replayed"; readonly card: Card }
  | { readonly kind: "reference_reused" | "out_of_stock" | "insufficient_balance" };

/** How the caller wants one sale to run. */
export interface IssueManner {
  /** Milliseconds until the card exists. */
  readonly takesMs: number;
  /** Sell even when the reference has a card: a supplier that does not deduplicate. */
  readonly ignoresReference: boolean;
  /** Ends the sale without a card: the supplier was switched off. */
  readonly signal: AbortSignal;
}

interface Sale {
  readonly reference: string;
  readonly faceCents: Cents;
  readonly costCents: Cents;
  readonly card: Promise<Card>;
}

export interface Issuer {
  readonly terms: Terms;
  costCents(faceCents: Cents): Cents;
  /** What is left to sell, sales in progress taken off. */
  stock(): number;
  balanceCents(): Cents;
  /** A sale runs to its end whether or not the client still listens, as it does at a real issuer. */
  issue(request: IssueRequest, manner: IssueManner): Promise<Issued>;
  isInProgress(reference: string): boolean;
  activate(card: Card): Card;
}

const CENTS_BPS = 10_000n;

/** The issuer's business: prices, stock, balance, sales. Knows nothing of HTTP or faults. */
export function openIssuer(seed: string, terms: Terms, ledger: Ledger, clock: Clock): Issuer {
  const sales = new Set<Sale>();

  // Rounded up: a fraction of a cent is the issuer's.
  const costCents = (faceCents: Cents): Cents =>
    (faceCents * (CENTS_BPS - terms.discountBps) + CENTS_BPS - 1n) / CENTS_BPS + terms.feeCents;
  const stock = (): number => terms.stock - ledger.cards().length - sales.size;
  const balanceCents = (): Cents => {
    const spent = ledger
      .cards()
      .reduce((sum, card) => sum + BigInt(card.cost.replace(".", "")), 0n);
    const reserved = [...sales].reduce((sum, sale) => sum + sale.costCents, 0n);
    return terms.openingBalanceCents - spent - reserved;
  };

  function startSale(request: IssueRequest, manner: IssueManner): Sale {
    const cost = costCents(request.faceCents);
    const finish = async (): Promise<Card> => {
      try {
        await clock.sleep(manner.takesMs, manner.signal);
        manner.signal.throwIfAborted();
        const ordinal = ledger.byReference(request.reference).length + 1;
        const card = makeCard(
          [seed, "card", request.reference, ordinal],
          request,
          cost,
          clock.now(),
        );
        ledger.sell(card);
        return card;
      } finally {
        // In the same turn as the ledger's line: the card leaves the reserved balance as it is spent.
        sales.delete(sale);
      }
    };
    const sale: Sale = { ...request, costCents: cost, card: finish() };
    sales.add(sale);
    return sale;
  }

  function known(request: IssueRequest): Promise<Issued> | null {
    const reused: Issued = { kind: "reference_reused" };
    const [card] = ledger.byReference(request.reference);
    if (card !== undefined) {
      const isSame = card.faceValue === formatCents(request.faceCents);
      return Promise.resolve(isSame ? { kind: "replayed", card } : reused);
    }
    const sale = [...sales].find((running) => running.reference === request.reference);
    if (sale === undefined) return null;
    if (sale.faceCents !== request.faceCents) return Promise.resolve(reused);
    return sale.card.then((sold): Issued => ({ kind: "replayed", card: sold }));
  }

  async function issue(request: IssueRequest, manner: IssueManner): Promise<Issued> {
    const answered = manner.ignoresReference ? null : known(request);
    if (answered !== null) return answered;
    if (stock() < 1) return { kind: "out_of_stock" };
    if (balanceCents() < costCents(request.faceCents)) return { kind: "insufficient_balance" };
    return { kind: "sold", card: await startSale(request, manner).card };
  }

  return {
    terms,
    costCents,
    stock,
    balanceCents,
    issue,
    isInProgress: (reference) => [...sales].some((sale) => sale.reference === reference),
    activate: (card) => ledger.activate(card, clock.now()),
  };
}

const VALID_YEARS = 3;

function makeCard(
  labels: [string, string, string, number],
  request: IssueRequest,
  costCents: Cents,
  soldAtMs: number,
): Card {
  const soldAt = new Date(soldAtMs);
  return {
    id: `card_${hexDigits(24, ...labels, "id")}`,
    reference: request.reference,
    faceValue: formatCents(request.faceCents),
    cost: formatCents(costCents),
    currency: "USD",
    number: testCardNumber(...labels),
    cvv: decimalDigits(3, ...labels, "cvv"),
    expMonth: 1 + Math.floor(uniform(...labels, "month") * 12),
    expYear: soldAt.getUTCFullYear() + VALID_YEARS,
    soldAtMs,
    activatedAtMs: null,
  };
}
