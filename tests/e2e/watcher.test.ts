/** The watcher holds nothing itself: killed, replayed, lied to or cut off, the books come out the same. */
import { cpSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Keypair } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { fundAccounts } from "../../devnet/stellar/index.ts";
import { query, supplierDoubts, unsettled, type Row } from "../world/books.ts";
import { createBuyer, whileDown, type Buyer } from "../world/buyer.ts";
import { startForgetfulServer } from "../world/forgetful-server.ts";
import {
  sendPayment,
  signPayment,
  stroops,
  submitPayment,
  type PaymentTerms,
} from "../world/pay.ts";
import type { Environment, ShopProcess } from "../world/shop-process.ts";
import { createWorld, type World } from "../world/world.ts";

const LEDGER_MS = 100;
const LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 120_000;

let world: World;
let buyer: Buyer;
/** One at a time: they share their data. */
let shop: ShopProcess;

beforeAll(async () => {
  world = await createWorld({ closeEveryMs: LEDGER_MS });
  const apiKey = await world.newApiKey();
  shop = await world.startShop();
  buyer = createBuyer(() => shop.url, apiKey);
}, 90_000);

afterAll(() => world.close());

async function restart(extra?: Environment): Promise<void> {
  await shop.kill();
  shop = await world.startShop(extra);
}

/** New accounts with XLM alone. */
function newPayers(count: number): readonly Keypair[] {
  const payers = Array.from({ length: count }, () => Keypair.random());
  fundAccounts(
    world.network.devnet.chain,
    payers.map((payer) => payer.publicKey()),
  );
  return payers;
}

function untilInLedger(hash: string): Promise<void> {
  const { history } = world.network.devnet.chain;
  return expect
    .poll(() => history.transaction(hash)?.successful, { timeout: LIMIT_MS, interval: 10 })
    .toBe(true);
}

/** How to pay for an order that the shop has never made. */
function termsOf(orderId: string): PaymentTerms {
  return {
    contract_id: world.network.receiverId,
    order_id: orderId,
    usdc: { amount: "5.00" },
  };
}

async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(supplierDoubts(world.databaseFile, world.supplier.ledger())).toEqual([]);
}

test(
  "a watcher that is killed twice in a stream of payments misses none and books none twice",
  async () => {
    const payers = newPayers(9);
    const orders = await Promise.all(payers.map(() => buyer.create("5.00")));
    const hashes: string[] = [];
    let restarting = Promise.resolve();
    for (const [index, payer] of payers.entries()) {
      const terms = orders[index]?.payment;
      if (terms === undefined) throw new Error("fewer orders than payers");
      hashes.push(await sendPayment(world.network, payer, terms, { asset: "xlm" }));
      await untilInLedger(hashes.at(-1) ?? "");
      // Payments go on while nobody watches.
      if (index === 2 || index === 5) {
        await restarting;
        restarting = restart();
      }
    }
    await restarting;
    for (const { order_id } of orders)
      expect((await buyer.waitFor(order_id, ["ready", "refunded"])).phase).toBe("ready");
    const booked = query(world.databaseFile, "SELECT tx_id FROM deposits ORDER BY height");
    expect(booked.map((row) => row["tx_id"])).toEqual(hashes);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "servers that refuse, drop their answers and repeat pages change nothing but the time it takes",
  async () => {
    const { network } = world;
    const { faults } = network.devnet;
    const [good, failing] = await Promise.all([buyer.create("5.00"), buyer.create("13.13")]);
    const payers = newPayers(2) as [Keypair, Keypair];
    const before = await network.balances(payers[1].publicKey());
    const payments = [
      await signPayment(network, payers[0], good.payment, { asset: "xlm" }),
      await signPayment(network, payers[1], failing.payment, { asset: "xlm" }),
    ];
    const events = { method: "getEvents" };
    const burst = { kind: "http_status", status: 503 } as const;
    for (const payment of payments) await submitPayment(network, payment);
    for (let round = 0; round < 3; round++) {
      faults.plan(burst, { ...events, times: 2 });
      faults.plan({ kind: "repeat_page" }, { times: 2 });
      faults.plan({ kind: "drop_answer" }, { ...events, times: 2 });
      faults.plan({ kind: "repeat_page" });
    }
    faults.plan({ kind: "drop_answer" }, { method: "sendTransaction" });
    faults.plan({ kind: "not_found" }, { times: 2 });
    faults.plan(burst, { method: "getLedgerEntries", times: 2 });
    expect((await buyer.waitFor(good.order_id, ["ready", "refunded"])).phase).toBe("ready");
    const view = await buyer.waitFor(failing.order_id, ["ready", "refunded"]);
    expect(view.phase).toBe("refunded");
    await expectSettled();
    await expect.poll(() => faults.planned(), { timeout: LIMIT_MS }).toEqual([]);
    const fees = before.xlm - (await network.balances(payers[1].publicKey())).xlm;
    expect(fees).toBeGreaterThan(0n); // of its own payment, and nothing else is gone
    expect(fees).toBeLessThan(stroops("1"));
  },
  TEST_LIMIT_MS,
);

test(
  "a payment for no order is listed, and goes back when an operator says so",
  async () => {
    const { network } = world;
    const payer = await network.newPayer("30");
    await sendPayment(network, payer, termsOf("ord_of_somebody_else"));
    const listed = async (): Promise<readonly Row[]> =>
      (JSON.parse(await world.command("unmatched", "--json")) as readonly Row[]).filter(
        ({ orderRef }) => orderRef === "ord_of_somebody_else",
      );
    await expect.poll(listed, { timeout: LIMIT_MS }).toHaveLength(1);
    const [deposit] = await listed();
    expect(deposit).toMatchObject({ reason: "order_unknown", payout: null, atomic: "50000000" });
    expect((await network.balances(payer.publicKey())).usdc).toBe(stroops("25"));
    await world.command("unmatched", "refund", String(deposit?.["id"]));
    await expect
      .poll(async () => (await network.balances(payer.publicKey())).usdc, { timeout: LIMIT_MS })
      .toBe(stroops("30"));
    await expectSettled();
    const again = world.command("unmatched", "refund", String(deposit?.["id"]));
    await expect(again).rejects.toThrow("its refund is final already");
  },
  TEST_LIMIT_MS,
);

test(
  "a payment after the window is filed as paid_late and goes back by itself",
  async () => {
    await restart({ VEND402_PAYMENT_WINDOW: "1s" });
    const payer = await world.network.newPayer("5");
    const order = await buyer.create("5.00");
    await buyer.waitFor(order.order_id, ["expired"]);
    const hash = await sendPayment(world.network, payer, order.payment);
    const filed = () =>
      query(world.databaseFile, "SELECT reason FROM deposits WHERE tx_id = ?", hash);
    await expect.poll(filed, { timeout: LIMIT_MS }).toEqual([{ reason: "paid_late" }]);
    await expect
      .poll(async () => (await world.network.balances(payer.publicKey())).usdc, {
        timeout: LIMIT_MS,
      })
      .toBe(stroops("5"));
    await expectSettled();
    expect((await buyer.get(order.order_id)).phase).toBe("expired");
  },
  TEST_LIMIT_MS,
);

/** Every table but the cursors, as it stands. */
function contentsOf(databaseFile: string): Readonly<Record<string, readonly Row[]>> {
  const names = query(
    databaseFile,
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('cursors', 'sqlite_sequence') AND name NOT LIKE 'sqlite_stat%'",
  ).map((row) => String(row["name"]));
  return Object.fromEntries(
    names.map((name) => [name, query(databaseFile, `SELECT * FROM ${name}`)]),
  );
}

function heightOf(databaseFile: string): number {
  return Number(query(databaseFile, "SELECT height FROM cursors")[0]?.["height"] ?? 0);
}

test(
  "all events read again from the beginning change nothing",
  async () => {
    const { network } = world;
    const orphan = await network.newPayer("5");
    await sendPayment(network, orphan, termsOf("ord_of_nobody"));
    const count = () =>
      query(world.databaseFile, "SELECT id FROM deposits WHERE order_ref = 'ord_of_nobody'").length;
    await expect.poll(count, { timeout: LIMIT_MS }).toBe(1);
    await shop.stop();
    const before = contentsOf(world.databaseFile);
    const takings = await network.takings();
    expect(before["deposits"]?.length).toBeGreaterThanOrEqual(12);

    const copy = path.join(world.folder, "copy");
    cpSync(path.dirname(world.databaseFile), copy, { recursive: true });
    const copyFile = path.join(copy, path.basename(world.databaseFile));
    const db = new DatabaseSync(copyFile);
    db.exec("DELETE FROM cursors");
    db.close();
    const tip = network.devnet.chain.history.latest.sequence;
    const second = await world.startShop({ VEND402_DATA: copy });
    await expect.poll(() => heightOf(copyFile), { timeout: LIMIT_MS }).toBeGreaterThan(tip);
    await second.stop();
    expect(contentsOf(copyFile)).toEqual(before);
    expect(await network.takings()).toBe(takings);
    shop = await world.startShop();
  },
  TEST_LIMIT_MS,
);

interface Status {
  readonly ok: boolean;
  readonly stellar_watcher: { readonly stalled: boolean; readonly gap: string | null };
}

async function readStatus(): Promise<Status> {
  const answer = await whileDown(() => fetch(`${shop.url}/status`));
  return (await answer.json()) as Status;
}

test(
  "with history missing the watcher stands still and says so; when it is back nothing was skipped",
  async () => {
    const { network } = world;
    const { chain } = network.devnet;
    const server = await startForgetfulServer(network.devnet);
    onTestFinished(() => server.close());
    await restart({ VEND402_STELLAR_RPC: server.url });
    const [first, second] = await Promise.all([buyer.create("5.00"), buyer.create("5.00")]);
    const payers = newPayers(2) as [Keypair, Keypair];

    // The shop falls behind, and what it has not read is gone when it looks again.
    const refused = { kind: "http_status", status: 503 } as const;
    server.faults.plan(refused, { method: "getEvents", times: 1_000_000 });
    await untilInLedger(await sendPayment(network, payers[0], first.payment, { asset: "xlm" }));
    server.forgetBefore(chain.history.latest.sequence);
    server.faults.clear();

    const watcher = async () => (await readStatus()).stellar_watcher;
    await expect
      .poll(watcher, { timeout: LIMIT_MS, interval: 250 })
      .toMatchObject({ stalled: true, gap: expect.stringContaining("are unread") as unknown });
    expect((await readStatus()).ok).toBe(false);
    const alarms = shop.lines.filter((line) => line.includes("the chain's history has a gap"));
    expect(alarms).toHaveLength(1);
    await expect(buyer.create("5.00")).rejects.toThrow("service_temporarily_unavailable");
    const heightAtGap = heightOf(world.databaseFile);
    await untilInLedger(await sendPayment(network, payers[1], second.payment, { asset: "xlm" }));
    expect((await buyer.get(second.order_id)).phase).toBe("awaiting_payment");
    expect(heightOf(world.databaseFile)).toBe(heightAtGap);

    server.forgetBefore(1);
    for (const { order_id } of [first, second])
      expect((await buyer.waitFor(order_id, ["ready", "expired"])).phase).toBe("ready");
    await expect
      .poll(watcher, { timeout: LIMIT_MS, interval: 250 })
      .toMatchObject({ stalled: false, gap: null });
  },
  TEST_LIMIT_MS,
);
