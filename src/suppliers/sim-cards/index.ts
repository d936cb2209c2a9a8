import { assert } from "../../errors.ts";
import type { JsonObject } from "../../json.ts";
import { formatDecimal, parseDecimal, USD } from "../../money.ts";
import { done, unknown, type Outcome } from "../../outcome.ts";
import type { Goods } from "../../products/product.ts";
import { isCallableUrl, type SupplierModule } from "../module.ts";
import type { Offer, StageInput, StageOutput, Supplier } from "../supplier.ts";
import { createSimCardsClient, type SimCardsClient, type SimCardsSettings } from "./client.ts";
import type { Card, Offers } from "./wire.ts";

const ID = "sim-cards";
const PRODUCT = "prepaid-card";
/** What buyers read, whatever the supplier's catalogue calls it. */
const BRAND = "USD Visa Card";

/** The 99th percentile of issuing is 48 s, of activation 23 s. */
const DEFAULT_TIMEOUTS = {
  issueTimeoutMs: 60_000,
  activateTimeoutMs: 30_000,
  readTimeoutMs: 8_000,
} as const;

/**
 * The simulated card supplier of `devnet/suppliers`, over HTTP. Its API has the shape that issuers' APIs
 * have, so this is also the adapter to start a real one from. See docs/adapters/sim-cards.md.
 */
export const simCards: SupplierModule = {
  id: ID,
  settings: [
    { name: "url", isSecret: false, must: "an http or https URL", accepts: isCallableUrl },
    {
      name: "api_key",
      isSecret: true,
      must: "8 to 200 visible ASCII characters",
      accepts: (text) => /^[!-~]{8,200}$/.test(text),
    },
  ],
  open: (texts) => {
    const { url = "", api_key: apiKey = "" } = texts;
    return openSimCards({ ...DEFAULT_TIMEOUTS, url: url.replace(/\/+$/, ""), apiKey });
  },
};

export function openSimCards(settings: SimCardsSettings): Supplier {
  const client = createSimCardsClient(settings);
  return {
    id: ID,
    products: [PRODUCT],
    placement: "dedupes",
    // A request that has arrived shows in the look-up at once; what is left is its way through the network.
    lookupWindowMs: 5_000,
    stages: [
      {
        name: "issue",
        timeoutMs: settings.issueTimeoutMs,
        retryPausesMs: [400, 400],
        run: (input) => issue(client, input),
      },
      {
        name: "activate",
        timeoutMs: settings.activateTimeoutMs + 2 * settings.readTimeoutMs,
        retryPausesMs: [400],
        run: (input) => activate(client, input),
      },
    ],
    find: (input) => find(client, input),
    offers: (signal) => offers(client, signal),
  };
}

async function issue(client: SimCardsClient, input: StageInput): Promise<Outcome<StageOutput>> {
  const purchase = { reference: input.attemptId, faceValue: faceValueOf(input) };
  const issued = await client.issue(purchase, input.signal);
  return issued.kind === "done" ? issueOutput(input, issued.value, []) : issued;
}

/** A look-up that could not be made says nothing about the purchase, so it is never `failed`. */
async function find(
  client: SimCardsClient,
  input: StageInput,
): Promise<Outcome<StageOutput | null>> {
  const found = await client.find(input.attemptId, input.signal);
  if (found.kind !== "done") return unknown(`look-up: ${found.reason}`);
  const [first, ...duplicates] = found.value.cards;
  if (first !== undefined) return issueOutput(input, first, duplicates);
  return found.value.in_progress ? unknown("look-up: the sale is in progress") : done(null);
}

function issueOutput(
  input: StageInput,
  card: Card,
  duplicates: readonly Card[],
): Outcome<StageOutput> {
  if (!isCardOf(card, input)) return unknown("answered with another purchase");
  const state = { ...stateOf(card), duplicateCardIds: duplicates.map((extra) => extra.id) };
  return done({ goods: goodsOf(card), state, costUsdMicro: usdMicro(card.cost) });
}

/** Verifies the card and activates it if needed; an answer that is lost is read back once. */
async function activate(client: SimCardsClient, input: StageInput): Promise<Outcome<StageOutput>> {
  const cardId = input.previous["cardId"];
  assert(typeof cardId === "string", "the issue stage stored no card id");

  const before = await client.card(cardId, input.signal);
  if (before.kind !== "done") return before;
  if (before.value.status === "active") return activeOutput(input, before.value);

  const activated = await client.activate(cardId, input.signal);
  if (activated.kind === "done") return activeOutput(input, activated.value);
  if (activated.kind === "failed") return activated;
  const after = await client.card(cardId, input.signal);
  return after.kind === "done" && after.value.status === "active"
    ? activeOutput(input, after.value)
    : activated;
}

function activeOutput(input: StageInput, card: Card): Outcome<StageOutput> {
  if (!isCardOf(card, input) || card.id !== input.previous["cardId"]) {
    return unknown("answered with another purchase");
  }
  if (card.status !== "active") return unknown("activation was answered, the card is not active");
  const state = { ...input.previous, ...stateOf(card) };
  return done({ goods: null, state, costUsdMicro: usdMicro(card.cost) });
}

/** Health, balance and offers together: all must be readable, since any may be what stops a purchase. */
async function offers(
  client: SimCardsClient,
  signal: AbortSignal,
): Promise<Outcome<readonly Offer[]>> {
  const [health, balance, listed] = await Promise.all([
    client.health(signal),
    client.balance(signal),
    client.offers(signal),
  ]);
  if (health.kind !== "done") return health;
  if (balance.kind !== "done") return balance;
  if (listed.kind !== "done") return listed;
  const { currency, available } = balance.value;
  const balanceUsdMicro = currency === USD.symbol ? usdMicro(available) : null;
  return done(
    listed.value.offers
      .filter((offer) => offer.currency === USD.symbol)
      .map((offer) => offerOf(offer, balanceUsdMicro)),
  );
}

function offerOf(offer: Offers["offers"][number], balanceUsdMicro: bigint | null): Offer {
  return {
    kind: "face",
    product: PRODUCT,
    minFaceUsdMicro: usdMicro(offer.min_face_value),
    maxFaceUsdMicro: usdMicro(offer.max_face_value),
    feeUsdMicro: usdMicro(offer.fee),
    costBps: decimalOf(offer.cost_percent, PERCENT_DECIMALS),
    stock: offer.stock,
    balanceUsdMicro,
  };
}

/** 98.00 percent are 9800 parts per 10,000. */
const PERCENT_DECIMALS = 2;
const CENT_DECIMALS = 2;

function isCardOf(card: Card, input: StageInput): boolean {
  return (
    card.reference === input.attemptId &&
    card.currency === USD.symbol &&
    card.face_value === faceValueOf(input)
  );
}

/** "25.00", as the API writes it. */
function faceValueOf(input: StageInput): string {
  const face = input.request["faceUsdMicro"];
  assert(typeof face === "string", "a card is ordered without a face value");
  return formatDecimal(BigInt(face), USD.decimals, CENT_DECIMALS);
}

function stateOf(card: Card): JsonObject {
  return { cardId: card.id, status: card.status };
}

function goodsOf(card: Card): Goods {
  const month = String(card.exp_month).padStart(2, "0");
  const year = String(card.exp_year).slice(-2);
  return { number: card.number, cvv: card.cvv, expiry: `${month}/${year}`, brand: BRAND };
}

function usdMicro(text: string): bigint {
  return decimalOf(text, USD.decimals);
}

function decimalOf(text: string, decimals: number): bigint {
  const atomic = parseDecimal(text, decimals);
  assert(atomic !== null, "a decimal passed its schema and is not one");
  return atomic;
}
