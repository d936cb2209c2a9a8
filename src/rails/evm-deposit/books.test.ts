/** Plain transfers on a real EVM chain, from the rail through the watcher into the books, and back as refunds. */
import type { Address, Hex, PrivateKeyAccount } from "viem";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ShopActions } from "../../actions/index.ts";
import { depositAddress } from "../../chains/evm/deposit-contracts.ts";
import { systemClock } from "../../clock.ts";
import type { Order } from "../../orders/order.ts";
import { evmDeposit } from "./index.ts";
import type { Rail } from "../rail.ts";
import type { PayoutRow } from "../../store/rows.ts";
import type { Store } from "../../store/tx.ts";
import { sendPayout } from "../../workers/payout.ts";
import { startWatch } from "../../workers/watch.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { newOrder, openShopStore, silentLog } from "../../../tests/fixtures/shop-store.ts";

const PRICE_ATOMIC = 10_000_000n;
const HOUR_MS = 3_600_000;
const FINAL_BLOCKS = 4;
const PATIENCE_MS = 20_000;

let stage: EvmStage;
let orders = 0;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());

interface Shop {
  readonly store: Store<ShopActions>;
  readonly rail: Rail;
  readonly order: Order;
  readonly address: Address;
  /** Resolves with the order once this holds of it. */
  readonly until: (holds: (order: Order) => boolean) => Promise<Order>;
  readonly send: (payout: PayoutRow) => Promise<void>;
}

/** A shop with one order of 10 USDC, whose rail is watched until the test ends. */
async function openShop(changes: Partial<Order> = {}): Promise<Shop> {
  const START_BLOCK = String(await stage.devnet.latestBlock());
  const config = stage.config({ FINALITY: String(FINAL_BLOCKS), START_BLOCK });
  const rail = evmDeposit.open(config, { clock: systemClock, log: silentLog });
  const store = await openShopStore();
  const order = { ...orderOn(rail), ...changes };
  await store.transact("createOrder", { order, idempotency: null });
  const usdcId = rail.assets[0]?.id ?? "";
  const terms = { holdMs: 0, dustAtomic: { [usdcId]: 1_000n }, toleranceUsdMicro: 500_000n };
  const deps = { store, clock: systemClock, log: silentLog };
  const watch = startWatch({ ...deps, rail, terms });
  onTestFinished(() => watch.stop());
  const handler = sendPayout({ ...deps, rails: new Map([[rail.id, rail]]) });
  return {
    store,
    rail,
    order,
    address: depositAddress(stage.contracts, order.id),
    until: (holds) =>
      waitFor(async () => {
        const now = await store.read.orders.byId(order.id);
        return now !== null && holds(now) ? now : null;
      }),
    send: async ({ id }) => {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      expect(await stage.miningWhile(handler(id, signal))).toEqual({ kind: "finish" });
    },
  };
}

function orderOn(rail: Rail): Order {
  const expiresAtMs = Date.now() + HOUR_MS;
  const legs = rail.assets.map(({ id: assetId, symbol, decimals }) => {
    const atomic = String(PRICE_ATOMIC);
    return { assetId, symbol, decimals, atomic, expiresAtMs, rateUsdMicro: null };
  });
  return newOrder({
    id: `ord_${++orders}`,
    quote: { legs, missing: [] },
    windowClosesAtMs: expiresAtMs,
  });
}

async function waitFor<Value>(look: () => Promise<Value | null>): Promise<Value> {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await look();
    if (value !== null) return value;
    if (Date.now() > untilMs) throw new Error("it did not happen");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function pay(to: Address, atomic: bigint, payer?: PrivateKeyAccount): Promise<Hex> {
  const { usdc: token } = stage.devnet;
  return stage.transfer({ token, to, atomic, ...(payer !== undefined && { payer }) });
}

const owed = (store: Store<ShopActions>, state: PayoutRow["state"]): Promise<PayoutRow> =>
  waitFor(async () => (await store.read.payouts.list([state], 10))[0] ?? null);

const held = (holder: string): Promise<bigint> =>
  stage.balanceOf(stage.devnet.usdc, holder as Address);

test("an order is confirming while its payment may be taken back, and paid when it may not", async () => {
  const { address, until } = await openShop();
  await pay(address, PRICE_ATOMIC);
  await until(({ state }) => state === "confirming");
  await stage.devnet.mine(FINAL_BLOCKS - 1);
  expect((await until(({ state }) => state === "paid")).payment).toMatchObject({
    atomic: PRICE_ATOMIC,
  });
});

test("a payment that the chain takes back gives the order back, and another one pays it", async () => {
  const { address, until, store, order } = await openShop();
  await pay(address, PRICE_ATOMIC);
  await until(({ state }) => state === "confirming");
  await stage.devnet.reorg(1);
  const back = await until(({ state }) => state === "awaiting_payment");
  expect(back.payment).toBeNull();
  await pay(address, PRICE_ATOMIC, await stage.newAccount());
  await stage.devnet.mine(FINAL_BLOCKS);
  await until(({ state }) => state === "paid");
  const deposits = await store.read.deposits.ofOrder(order.id);
  expect(deposits.map(({ state }) => state).toSorted()).toEqual(["dropped", "final"]);
});

test("a wallet that rounds down pays; what is paid too much goes back to the payer, once", async () => {
  const short = await openShop();
  await pay(short.address, PRICE_ATOMIC - 500_000n);
  await stage.devnet.mine(FINAL_BLOCKS);
  await short.until(({ state }) => state === "paid");

  const much = await openShop();
  const payer = await stage.newAccount();
  await pay(much.address, PRICE_ATOMIC + 2_000_000n, payer);
  await stage.devnet.mine(FINAL_BLOCKS);
  await much.until(({ state }) => state === "paid");
  const excess = await owed(much.store, "due");
  expect(excess).toMatchObject({ cause: "excess", atomic: 2_000_000n, to: payer.address });
  const before = await held(payer.address);
  await much.send(excess);
  await much.send(excess);
  expect((await held(payer.address)) - before).toBe(2_000_000n);
  expect(await owed(much.store, "final")).toMatchObject({ id: excess.id });
});

test("what comes too late or too little goes back by itself, and the order is none the wiser", async () => {
  const late = await openShop({ windowClosesAtMs: Date.now() - HOUR_MS });
  const poor = await openShop();
  const payer = await stage.newAccount();
  await pay(late.address, PRICE_ATOMIC, payer);
  await pay(poor.address, 1_000_000n, payer);
  await stage.devnet.mine(FINAL_BLOCKS);
  const before = await held(payer.address);
  for (const { store, send } of [late, poor]) await send(await owed(store, "due"));
  expect((await held(payer.address)) - before).toBe(PRICE_ATOMIC + 1_000_000n);
  expect((await poor.store.read.orders.byId(poor.order.id))?.state).toBe("awaiting_payment");
});

test("money of a contract goes to the address that the order names, or waits for a person", async () => {
  const named = await stage.newAccount();
  const shops = [await openShop({ refundTo: named.address }), await openShop()] as const;
  const payer = await stage.newAccount();
  await stage.devnet.rpc("anvil_setCode", [payer.address, "0x00"]);
  for (const { address } of shops) {
    // Half of the price, so that it goes back; from an address that has got code since it was made.
    await stage.devnet.rpc("anvil_setCode", [payer.address, "0x"]);
    await pay(address, PRICE_ATOMIC / 2n, payer);
    await stage.devnet.rpc("anvil_setCode", [payer.address, "0x00"]);
  }
  await stage.devnet.mine(FINAL_BLOCKS);
  const [withAddress, without] = shops;
  expect(await owed(withAddress.store, "due")).toMatchObject({ to: named.address });
  expect(await owed(without.store, "blocked")).toMatchObject({
    reason: expect.stringMatching(/might not reach the payer/) as string,
  });
});

test("a payment that is taken back after it was final, and sent back already, is booked as a loss", async () => {
  const { address, store, send } = await openShop();
  const payer = await stage.newAccount();
  await pay(address, 1_000_000n, payer);
  await stage.devnet.mine(FINAL_BLOCKS);
  const payout = await owed(store, "due");
  await send(payout);
  // Every block since the payment goes, the refund's too.
  const height = await stage.devnet.latestBlock();
  await stage.devnet.reorg(height - (await heightOf(store, payout)) + 1);
  await stage.devnet.mine();
  const lost = await waitFor(async () => {
    const deposit = await store.read.deposits.byId(payout.depositId);
    return deposit?.state === "final" ? null : deposit;
  });
  expect(lost.state).toBe("lost");
});

async function heightOf(store: Store<ShopActions>, payout: PayoutRow): Promise<number> {
  return (await store.read.deposits.byId(payout.depositId))?.height ?? 0;
}
