import { openJournal } from "./journal.ts";

/** A card that was sold, with its secrets. Leaves this folder only as an API answer. */
export interface Card {
  readonly id: string;
  readonly reference: string;
  readonly faceValue: string;
  readonly cost: string;
  readonly currency: string;
  readonly number: string;
  readonly cvv: string;
  readonly expMonth: number;
  readonly expYear: number;
  readonly soldAtMs: number;
  /** Null until the card is active. */
  readonly activatedAtMs: number | null;
}

/** What was really sold, without the secrets: the truth that a test compares the shop with. */
export interface SoldCard {
  readonly cardId: string;
  readonly reference: string;
  /** Decimal text with two decimals, in `currency`. */
  readonly faceValue: string;
  /** What the supplier took from the balance: decimal text with two decimals, in `currency`. */
  readonly cost: string;
  readonly currency: string;
  readonly status: "issued" | "active";
  readonly soldAtMs: number;
  /** Null until the card is active. */
  readonly activatedAtMs: number | null;
}

type Line =
  | { readonly event: "sold"; readonly card: Card }
  | { readonly event: "activated"; readonly cardId: string; readonly atMs: number }
  | { readonly event: "reset" };

export interface Ledger {
  sell(card: Card): void;
  /** The card as it is afterwards; unchanged when it was active already. */
  activate(card: Card, atMs: number): Card;
  reset(): void;
  byId(cardId: string): Card | null;
  /** Cards in the order of sale; more than one only when the supplier sold twice. */
  byReference(reference: string): readonly Card[];
  cards(): readonly Card[];
}

/** The cards sold so far, kept in `<dataDir>/cards.ndjson` or, for null, in memory only. */
export function openLedger(dataDir: string | null): Ledger {
  const cards = new Map<string, Card>();
  const write = openJournal<Line>(dataDir, "cards.ndjson", (line) => apply(cards, line));

  return {
    sell: (card) => write({ event: "sold", card }),
    activate: (card, atMs) => {
      const known = cards.get(card.id) ?? card;
      if (known.activatedAtMs !== null) return known;
      write({ event: "activated", cardId: card.id, atMs });
      return cards.get(card.id) ?? known;
    },
    reset: () => write({ event: "reset" }),
    byId: (cardId) => cards.get(cardId) ?? null,
    byReference: (reference) => [...cards.values()].filter((card) => card.reference === reference),
    cards: () => [...cards.values()],
  };
}

export function withoutSecrets(card: Card): SoldCard {
  return {
    cardId: card.id,
    reference: card.reference,
    faceValue: card.faceValue,
    cost: card.cost,
    currency: card.currency,
    status: card.activatedAtMs === null ? "issued" : "active",
    soldAtMs: card.soldAtMs,
    activatedAtMs: card.activatedAtMs,
  };
}

function apply(cards: Map<string, Card>, line: Line): void {
  switch (line.event) {
    case "sold":
      cards.set(line.card.id, line.card);
      return;
    case "activated": {
      const card = cards.get(line.cardId);
      if (card !== undefined) cards.set(card.id, { ...card, activatedAtMs: line.atMs });
      return;
    }
    case "reset":
      cards.clear();
  }
}
