import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createClient } from "./client.ts";
import { API_KEY, CARD } from "./testing/peer.ts";
import type { BuyerOrders } from "./testing/buyer-process.ts";
import { openPayStage, startPeerShop, type PayStage } from "./testing/stage.ts";

let place: PayStage;

beforeAll(async () => {
  place = await openPayStage();
});
beforeEach(() => place.pace(50));
afterAll(() => place.close());

const PROGRAM = path.join(import.meta.dirname, "testing", "buyer-process.ts");

/** Runs the buyer; resolves with its output, or with the signal that killed it. */
async function runBuyer(orders: BuyerOrders): Promise<{ signal: string | null; output: unknown }> {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env["PATH"], BUYER: JSON.stringify(orders) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, complaints, [, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit") as Promise<[number | null, string | null]>]);
  if (signal === null && output === "") throw new Error(complaints);
  return { signal, output: output === "" ? null : (JSON.parse(output) as unknown) };
}

const DEATHS = ["before purchase entry", "after purchase entry", "quote", "before payment entry", "after payment entry", "signed", "sent", "ledger"];

test.each(DEATHS)("killed at %s and called again with the same key: one order, one payment, the card", async (dieAt) => {
  // A shop that shows nothing until the second life leaves the first one time to reach every step.
  let isBlind = true;
  const shop = await startPeerShop(place, { isBlind: () => isBlind });
  const { key } = place.newSigner("50");
  const orders = {
    baseUrl: shop.baseUrl,
    apiKey: API_KEY,
    secret: key.secret(),
    network: place.network,
    journalFolder: place.newFolder(),
    purchase: { amountUsdc: "10.00", idempotencyKey: "agent-task-7" },
  };
  expect(await runBuyer({ ...orders, dieAt })).toEqual({ signal: "SIGKILL", output: null });
  isBlind = false;
  const [orderId = ""] = shop.orderIds;
  expect(await runBuyer({ ...orders, dieAt: null })).toEqual({ signal: null, output: { orderId, card: CARD } });
  expect(shop.orderIds).toHaveLength(1);
  expect(place.paymentsOf(orderId)).toHaveLength(1);
});

test("killed again and again by order id: one payment", async () => {
  let isBlind = true;
  const shop = await startPeerShop(place, { isBlind: () => isBlind });
  const { key } = place.newSigner("50");
  const { order_id: orderId } = await createClient({ baseUrl: shop.baseUrl, apiKey: API_KEY }).createOrder({ amountUsdc: "10" });
  const orders = {
    baseUrl: shop.baseUrl,
    apiKey: API_KEY,
    secret: key.secret(),
    network: place.network,
    journalFolder: place.newFolder(),
    purchase: { orderId },
  };
  for (const dieAt of ["before payment entry", "signed", "signed", "sent", "ledger"])
    expect((await runBuyer({ ...orders, dieAt })).signal).toBe("SIGKILL");
  isBlind = false;
  expect((await runBuyer({ ...orders, dieAt: null })).output).toEqual({ orderId, card: CARD });
  expect(place.paymentsOf(orderId)).toHaveLength(1);
});

test("what a killed buyer leaves behind is readable by its user alone", async () => {
  const shop = await startPeerShop(place);
  const { key } = place.newSigner("50");
  const journalFolder = path.join(place.newFolder(), "payments");
  await runBuyer({
    baseUrl: shop.baseUrl,
    apiKey: API_KEY,
    secret: key.secret(),
    network: place.network,
    journalFolder,
    purchase: { amountUsdc: "10.00", idempotencyKey: "k" },
    dieAt: "signed",
  });
  expect(statSync(journalFolder).mode & 0o777).toBe(0o700);
  const files = readdirSync(journalFolder);
  expect(files).toHaveLength(2);
  for (const file of files) expect(statSync(path.join(journalFolder, file)).mode & 0o777).toBe(0o600);
});
