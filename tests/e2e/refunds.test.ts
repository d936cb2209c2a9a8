/** Refunds that cannot be paid at once: a treasury that is short, a payee who cannot receive. */
import { Address, type Keypair, Operation } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CreateOrderResponse } from "#wire";
import { runOperation } from "../../devnet/stellar/index.ts";
import { heldAtomic, query, unsettled, type Row } from "../world/books.ts";
import { createBuyer, type Buyer } from "../world/buyer.ts";
import { sendPayment, stroops } from "../world/pay.ts";
import type { ShopProcess } from "../world/shop-process.ts";
import { createWorld, type World } from "../world/world.ts";

const LEDGER_MS = 100;
const LIMIT_MS = 30_000;
const TEST_LIMIT_MS = 120_000;
const OUT_OF_STOCK = "13.13";

let world: World;
let buyer: Buyer;
let shop: ShopProcess;

beforeAll(async () => {
  world = await createWorld({ closeEveryMs: LEDGER_MS });
  const apiKey = await world.newApiKey();
  shop = await world.startShop();
  buyer = createBuyer(() => shop.url, apiKey);
}, 90_000);

afterAll(() => world.close());

const usdcOf = async (account: Keypair): Promise<bigint | null> =>
  (await world.network.balances(account.publicKey())).usdc;

/** An order that will fail, paid while no shop runs; what is done then happens before the shop sees the payment. */
async function payWhileClosed(
  payer: Keypair,
  meanwhile: () => Promise<void>,
): Promise<CreateOrderResponse> {
  const order = await buyer.create(OUT_OF_STOCK);
  await shop.stop();
  const hash = await sendPayment(world.network, payer, order.payment);
  const { history } = world.network.devnet.chain;
  await expect
    .poll(() => history.transaction(hash)?.successful, { timeout: LIMIT_MS, interval: 10 })
    .toBe(true);
  await meanwhile();
  shop = await world.startShop();
  return order;
}

/** Everything the treasury has in USDC goes back to the issuer; returns how much that was. */
async function emptyTreasury(): Promise<string> {
  const { cast, usdc } = world.network;
  const has = (await usdcOf(cast.treasury)) ?? 0n;
  const amount = `${has / 10_000_000n}.${String(has % 10_000_000n).padStart(7, "0")}`;
  const destination = cast.issuer.publicKey();
  await world.network.send(cast.treasury, [
    Operation.payment({ destination, asset: usdc, amount }),
  ]);
  return amount;
}

async function fundTreasury(amount: string): Promise<void> {
  const { cast, usdc } = world.network;
  const destination = cast.treasury.publicKey();
  await world.network.send(cast.issuer, [Operation.payment({ destination, asset: usdc, amount })]);
}

/** As anybody may. */
function sweep(): void {
  const { cast, devnet, receiverId, usdc } = world.network;
  const operation = Operation.invokeContractFunction({
    contract: receiverId,
    function: "sweep",
    args: [new Address(usdc.contractId(devnet.passphrase)).toScVal()],
  });
  runOperation(devnet.chain, cast.keeper, operation);
}

async function expectSettled(): Promise<void> {
  await expect.poll(() => unsettled(world.databaseFile), { timeout: LIMIT_MS }).toEqual([]);
  expect(await world.network.takings()).toBe(heldAtomic(world.databaseFile, "USDC"));
}

test(
  "an empty treasury pays a refund out of the receiver, however small it is",
  async () => {
    const payer = await world.network.newPayer("3");
    const amount = await emptyTreasury();
    const { payment } = await buyer.create("5.00");
    await sendPayment(world.network, payer, payment, { amountAtomic: stroops("3") });
    await expect.poll(() => usdcOf(payer), { timeout: LIMIT_MS, interval: 10 }).toBe(0n);
    await expect.poll(() => usdcOf(payer), { timeout: LIMIT_MS }).toBe(stroops("3"));
    await fundTreasury(amount);
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a refund that the treasury cannot pay waits with an alert and is paid once there is money",
  async () => {
    const payer = await world.network.newPayer(OUT_OF_STOCK);
    let amount = "";
    const order = await payWhileClosed(payer, async () => {
      sweep();
      amount = await emptyTreasury();
    });
    const isAlerted = (): boolean =>
      shop.lines.some(
        (line) => line.includes('"level":"error"') && line.includes("the treasury is short"),
      );
    await expect.poll(isAlerted, { timeout: LIMIT_MS }).toBe(true);
    expect((await buyer.get(order.order_id)).status).toBe("refund_pending");
    expect(await usdcOf(payer)).toBe(0n);
    await fundTreasury(amount);
    const view = await buyer.waitFor(order.order_id, ["ready", "refunded"]);
    expect(view.phase).toBe("refunded");
    expect(await usdcOf(payer)).toBe(stroops(OUT_OF_STOCK));
    await expectSettled();
  },
  TEST_LIMIT_MS,
);

test(
  "a payee without a trustline is a case for a person, who sends the refund once it can be received",
  async () => {
    const { network } = world;
    const payer = await network.newPayer(OUT_OF_STOCK);
    const asset = network.usdc;
    const order = await payWhileClosed(payer, async () => {
      await network.send(payer, [Operation.changeTrust({ asset, limit: "0" })]);
    });
    const stateOf = (): unknown =>
      query(world.databaseFile, "SELECT state FROM orders WHERE id = ?", order.order_id)[0]?.[
        "state"
      ];
    await expect.poll(stateOf, { timeout: LIMIT_MS }).toBe("in_review");
    const view = await buyer.get(order.order_id);
    expect(view.phase).toBe("processing");
    expect(view.note).toMatch(/operator/);
    const listed = await world.command("refunds", "--state", "blocked", "--json");
    const [blocked, ...others] = JSON.parse(listed) as readonly Row[];
    expect(others).toEqual([]);
    expect(blocked).toMatchObject({ orderId: order.order_id, state: "blocked" });
    expect(blocked?.["reason"]).toMatch(/no trustline/);

    await network.send(payer, [Operation.changeTrust({ asset })]);
    await world.command("refunds", "retry", String(blocked?.["id"]));
    expect((await buyer.waitFor(order.order_id, ["ready", "refunded"])).phase).toBe("refunded");
    expect(await usdcOf(payer)).toBe(stroops(OUT_OF_STOCK));
    await expectSettled();
  },
  TEST_LIMIT_MS,
);
