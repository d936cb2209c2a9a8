/** Many buyers at the same moment: nobody waits for anybody else. */
import { Keypair } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OrderPhase } from "#wire";
import { fundAccounts } from "../../devnet/stellar/index.ts";
import { supplierDoubts, unsettled } from "../world/books.ts";
import { createBuyer, type Buyer } from "../world/buyer.ts";
import { signPayment, submitPayment } from "../world/pay.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { watchOrder, type Witness } from "../world/witness.ts";
import { createWorld, type World } from "../world/world.ts";

const ORDERS = 50;
const LEDGER_MS = 500;
const SUPPLIER_MS = 5_000;
const PROCESSING_LIMIT_MS = 1_000;

let world: World;
let shop: ShopProcess;
let buyer: Buyer;
let apiKey: string;

beforeAll(async () => {
  const supplier = { issueLatencyMs: SUPPLIER_MS, activateLatencyMs: 0, readLatencyMs: 0 };
  world = await createWorld({ closeEveryMs: LEDGER_MS, supplier });
  apiKey = await world.newApiKey();
  shop = await world.startShop();
  buyer = createBuyer(() => shop.url, apiKey);
}, 90_000);

afterAll(async () => {
  await shop.stop();
  await world.close();
});

/** When the stream first showed the phase; NaN when it never did. */
function shownAtMs({ frames }: Witness, phase: OrderPhase): number {
  return frames.find(({ view }) => view.phase === phase)?.atMs ?? Number.NaN;
}

test("50 orders paid in one ledger are all processing within a second and delay each other nowhere", async () => {
  const { network } = world;
  const { chain } = network.devnet;
  const payers = Array.from({ length: ORDERS }, () => Keypair.random());
  fundAccounts(
    chain,
    payers.map((payer) => payer.publicKey()),
  );
  const orders = await Promise.all(payers.map(() => buyer.create("5.00")));
  const witnesses = orders.map(({ order_id }) =>
    watchOrder({ url: () => shop.url, apiKey }, order_id),
  );
  const payments = await Promise.all(
    payers.map((payer, index) => {
      const terms = orders[index]?.payment;
      if (terms === undefined) throw new Error("fewer orders than payers");
      return signPayment(network, payer, terms, { asset: "xlm" });
    }),
  );
  await expect
    .poll(() => witnesses.every(({ frames }) => frames.length > 0), { timeout: 30_000 })
    .toBe(true);

  network.pace("manual");
  await Promise.all(payments.map((payment) => submitPayment(network, payment)));
  const ledger = chain.closeLedger();
  const closedAtMs = performance.now();
  network.pace(LEDGER_MS);
  expect(ledger.transactions.filter(({ successful }) => successful)).toHaveLength(ORDERS);

  await Promise.all(witnesses.map((witness) => witness.ended(60_000)));
  const afterMs = (phase: OrderPhase): readonly number[] =>
    witnesses.map((witness) => shownAtMs(witness, phase) - closedAtMs).toSorted((a, b) => a - b);
  const processing = afterMs("processing");
  const ready = afterMs("ready");
  expect(processing.at(-1)).toBeLessThan(PROCESSING_LIMIT_MS);
  // One after the other would take fifty times as long as one.
  expect(ready.at(-1)).toBeLessThan(2.5 * SUPPLIER_MS);
  expect(ready[0]).toBeGreaterThan(SUPPLIER_MS);

  expect(witnesses.flatMap((witness) => witness.contradictions())).toEqual([]);
  await expect.poll(() => unsettled(world.databaseFile), { timeout: 30_000 }).toEqual([]);
  expect(supplierDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
  expect(world.supplier.ledger()).toHaveLength(ORDERS);
}, 120_000);
