import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { purchaseCard } from "./buy.ts";
import { createClient } from "./client.ts";
import { fileJournal } from "./journal.ts";
import { API_KEY, CARD } from "./testing/peer.ts";
import type { CardBuyer } from "./testing/buyer-process.ts";
import { runBuyer } from "./testing/run-buyer.ts";
import { openPayStage, startPeerShop, type PayStage } from "./testing/stage.ts";

let place: PayStage;

beforeAll(async () => {
  place = await openPayStage();
});
beforeEach(() => place.pace(50));
afterAll(() => place.close());

const DEATHS = [
  "before purchase entry",
  "after purchase entry",
  "before payment entry",
  "after payment entry",
  "signed",
  "sent",
  "ledger",
];

/** A shop that shows no payment until it is told to, so that the first life can reach every step. */
async function newErrand() {
  let isBlind = true;
  const shop = await startPeerShop(place, { isBlind: () => isBlind });
  const { key, signer } = place.newSigner("50");
  const journalFolder = path.join(place.newFolder(), "payments");
  const common = { baseUrl: shop.baseUrl, apiKey: API_KEY, network: place.network };
  return {
    shop,
    journalFolder,
    /** Lives in a process of its own until `dieAt`. */
    live: (purchase: CardBuyer["purchase"], dieAt: string) =>
      runBuyer({ ...common, secret: key.secret(), journalFolder, purchase, dieAt }),
    /** Lives to the end, with the shop seeing again. */
    liveOn: (purchase: CardBuyer["purchase"]) => {
      isBlind = false;
      const journal = fileJournal(journalFolder);
      return purchaseCard({ ...common, signer, journal, pollMs: 50, ...purchase });
    },
  };
}

test.each(DEATHS)(
  "killed at %s and called again with the same key: one order, one payment, the card",
  { timeout: 60_000 },
  async (dieAt) => {
    const { shop, live, liveOn } = await newErrand();
    const purchase = { amountUsdc: "10.00", idempotencyKey: "agent-task-7" };
    expect(await live(purchase, dieAt)).toBe("SIGKILL");
    const [orderId = ""] = shop.orderIds;
    expect(await liveOn(purchase)).toMatchObject({ orderId, card: CARD });
    expect(shop.orderIds).toHaveLength(1);
    expect(place.paymentsOf(orderId)).toHaveLength(1);
  },
);

test("killed again and again by order id: one payment", { timeout: 90_000 }, async () => {
  const { shop, live, liveOn } = await newErrand();
  const client = createClient({ baseUrl: shop.baseUrl, apiKey: API_KEY });
  const { order_id: orderId } = await client.createOrder({ amountUsdc: "10" });
  for (const dieAt of ["before payment entry", "signed", "signed", "ledger"])
    expect(await live({ orderId }, dieAt)).toBe("SIGKILL");
  expect(await liveOn({ orderId })).toMatchObject({ orderId, card: CARD });
  expect(place.paymentsOf(orderId)).toHaveLength(1);
});

test(
  "what a killed buyer leaves behind is readable by its user alone",
  { timeout: 60_000 },
  async () => {
    const { journalFolder, live } = await newErrand();
    await live({ amountUsdc: "10.00", idempotencyKey: "k" }, "signed");
    expect(statSync(journalFolder).mode & 0o777).toBe(0o700);
    const files = readdirSync(journalFolder);
    expect(files).toHaveLength(2);
    for (const file of files)
      expect(statSync(path.join(journalFolder, file)).mode & 0o777).toBe(0o600);
  },
);
