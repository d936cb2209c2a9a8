/** A copy of the database that is put back: what happened since is neither bought nor sent back a second time. */
import { execFile } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { query } from "../world/books.ts";
import { createBuyer, type Buyer } from "../world/buyer.ts";
import { sendPayment, stroops } from "../world/pay.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { createWorld, type World } from "../world/world.ts";

const LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 120_000;
const OUT_OF_STOCK = "13.13";
const ROOT = path.join(import.meta.dirname, "..", "..");

let world: World;
let buyer: Buyer;
let shop: ShopProcess;

beforeAll(async () => {
  world = await createWorld({ closeEveryMs: 100 });
  const apiKey = await world.newApiKey();
  shop = await world.startShop();
  buyer = createBuyer(() => shop.url, apiKey);
}, 90_000);

afterAll(() => world.close());

/** An operator's command beside the shop. */
async function command(...args: readonly string[]): Promise<string> {
  const cli = path.join(ROOT, "src", "cli", "main.ts");
  const env = { PATH: process.env["PATH"] ?? "", ...world.env };
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], {
    cwd: ROOT,
    env,
  });
  return stdout;
}

const stateOf = (orderId: string): unknown =>
  query(world.databaseFile, "SELECT state FROM orders WHERE id = ?", orderId)[0]?.["state"];

test(
  "an order that was delivered and one that was refunded after the copy wait for a person, who pays what is owed",
  async () => {
    const { network, databaseFile } = world;
    const [delivered, refunded] = [await buyer.create("10.00"), await buyer.create(OUT_OF_STOCK)];
    const copy = path.join(world.folder, "copy.db");
    await command("backup", copy);

    const [happy, unlucky] = [
      await network.newPayer("10.00"),
      await network.newPayer(OUT_OF_STOCK),
    ];
    await sendPayment(network, happy, delivered.payment);
    await sendPayment(network, unlucky, refunded.payment);
    await buyer.waitFor(delivered.order_id, ["ready"]);
    await buyer.waitFor(refunded.order_id, ["refunded"]);
    const sold = world.supplier.ledger().length;
    const balances = async (): Promise<readonly (bigint | null)[]> =>
      Promise.all(
        [happy, unlucky].map(async (one) => (await network.balances(one.publicKey())).usdc),
      );
    expect(await balances()).toEqual([0n, stroops(OUT_OF_STOCK)]);

    await shop.stop();
    for (const end of ["", "-wal", "-shm"]) rmSync(databaseFile + end, { force: true });
    copyFileSync(copy, databaseFile);
    shop = await world.startShop();
    for (const { order_id } of [delivered, refunded])
      await expect.poll(() => stateOf(order_id), { timeout: LIMIT_MS }).toBe("in_review");
    expect(shop.lines.join("\n")).toContain("these books are a restored copy");
    expect(world.supplier.ledger()).toHaveLength(sold);
    expect(await balances()).toEqual([0n, stroops(OUT_OF_STOCK)]);

    // Afterwards the shop sells as before.
    const next = await buyer.create("10.00");
    await sendPayment(network, await network.newPayer("10.00"), next.payment);
    await buyer.waitFor(next.order_id, ["ready"]);

    // Nothing is lost either: what a person decides to send back is sent.
    const blocked = await command("refunds", "--state", "blocked");
    expect(blocked).toContain("restored from a copy");
    const [row] = query(
      databaseFile,
      "SELECT id FROM payouts WHERE order_id = ?",
      delivered.order_id,
    );
    await command("refunds", "retry", String(row?.["id"]));
    await expect.poll(() => stateOf(delivered.order_id), { timeout: LIMIT_MS }).toBe("refunded");
    expect(await balances()).toEqual([stroops("10.00"), stroops(OUT_OF_STOCK)]);
  },
  TEST_LIMIT_MS,
);
