import { afterAll, beforeAll, expect, test } from "vitest";
import { createBuyer, type Buyer } from "../world/buyer.ts";
import { sendPayment, stroops } from "../world/pay.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { createWorld, type World } from "../world/world.ts";

let world: World;
let shop: ShopProcess;
let buyer: Buyer;

beforeAll(async () => {
  world = await createWorld({ closeEveryMs: 200 });
  const apiKey = await world.newApiKey();
  shop = await world.startShop();
  buyer = createBuyer(() => shop.url, apiKey);
}, 60_000);

afterAll(async () => {
  await shop.stop();
  await world.close();
});

test("an agent pays in USDC and gets a card, and the supplier sold one", async () => {
  const payer = await world.network.newPayer("50");
  const order = await buyer.create("10.00");
  await sendPayment(world.network, payer, order.payment);
  const view = await buyer.waitFor(order.order_id, ["ready", "failed", "refunded"]);
  expect(view.phase).toBe("ready");
  expect(view.card?.number).toMatch(/^\d{16}$/);
  expect(world.supplier.ledger().map(({ faceValue }) => faceValue)).toEqual(["10.00"]);
  const after = await world.network.balances(payer.publicKey());
  expect(after.usdc).toBe(stroops("40"));
});

test("an agent pays in XLM at the quoted price", async () => {
  const payer = await world.network.newPayer("1");
  const order = await buyer.create("5.00");
  expect(order.payment.xlm?.amount).toMatch(/^50\.\d+$/); // 5 USD at 0.10 USD and the spread
  await sendPayment(world.network, payer, order.payment, { asset: "xlm" });
  const view = await buyer.waitFor(order.order_id, ["ready", "failed", "refunded"]);
  expect(view.phase).toBe("ready");
  expect(view.payment_asset).toBe("xlm_soroban");
});

test("when the supplier refuses, the buyer's money is back on chain, in the asset that was paid", async () => {
  const payer = await world.network.newPayer("50");
  const order = await buyer.create("13.13"); // this face value is out of stock at the simulator
  await sendPayment(world.network, payer, order.payment);
  const view = await buyer.waitFor(order.order_id, ["ready", "refunded"]);
  expect(view.phase).toBe("refunded");
  expect(view.refund?.amount).toBe("13.13");
  expect(view.refund?.stellar_txid).toMatch(/^[0-9a-f]{64}$/);
  expect((await world.network.balances(payer.publicKey())).usdc).toBe(stroops("50"));
});

test("a card that cannot be activated is refunded and not bought a second time", async () => {
  const payer = await world.network.newPayer("100");
  const order = await buyer.create("66.60");
  await sendPayment(world.network, payer, order.payment);
  const view = await buyer.waitFor(order.order_id, ["ready", "refunded"]);
  expect(view.phase).toBe("refunded");
  expect(view.card).toBeUndefined();
  expect(world.supplier.ledger().filter((sold) => sold.faceValue === "66.60")).toHaveLength(1);
  expect((await world.network.balances(payer.publicKey())).usdc).toBe(stroops("100"));
});

test("a second payment of the same order goes back by itself", async () => {
  const payer = await world.network.newPayer("50");
  const order = await buyer.create("10.00");
  await sendPayment(world.network, payer, order.payment);
  await buyer.waitFor(order.order_id, ["ready"]);
  await sendPayment(world.network, payer, order.payment);
  await expect
    .poll(async () => (await world.network.balances(payer.publicKey())).usdc, { timeout: 20_000 })
    .toBe(stroops("30"));
  await expect
    .poll(async () => (await world.network.balances(payer.publicKey())).usdc, { timeout: 20_000 })
    .toBe(stroops("40"));
});
