import { type Address, beginCell, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Purse, purseOf } from "../../../devnet/ton/test-clients.ts";
import { done, expecting, readAll, signal } from "../../../tests/contracts/rail-bench.ts";
import { openTonStage, sendMessage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { forwarderOf, sweepMessage } from "../../chains/ton/forwarder.ts";
import { orderPayload, sweptPayload } from "../../chains/ton/payload.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { DepositPage, ExpectedOrder, Rail } from "../rail.ts";
import { tonJetton } from "../ton-jetton/index.ts";
import { parseCursor } from "./cursor.ts";
import { tonDeposit } from "./index.ts";

const log = createLog({ level: "error", now: () => 0, write: () => {} });
const HOUR_MS = 3_600_000;

let stage: TonStage;
let stranger: Purse;
let orders = 0;

beforeAll(async () => {
  stage = await openTonStage();
  stranger = await purseOf(stage.devnet, { ton: toNano("100"), jetton: 1_000_000_000n });
});
afterAll(() => stage.close());

const newOrder = (): string => `ord_${++orders}`;
const addressOf = (order: string): Address => forwarderOf(stage.treasury, order).address;
const pay = (order: string, atomic: bigint): ReturnType<TonStage["pay"]> =>
  stage.pay({ atomic, to: addressOf(order) });

/** Our own clock, which can be put on. */
let aheadMs = 0;
const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };

function openRail(changes: Readonly<Record<string, string>> = {}, pageLimit?: number): Rail {
  const tuning = pageLimit === undefined ? {} : { pageLimit };
  return tonDeposit.open(stage.config(changes, tuning), { clock, log });
}

interface Watching {
  readonly rail: Rail;
  /** Reads one page. */
  read(orders: readonly ExpectedOrder[]): Promise<DepositPage>;
  readonly cursor: () => string | null;
}

function watching(rail: Rail = openRail(), start: string | null = null): Watching {
  let cursor = start;
  return {
    rail,
    async read(expected) {
      const read = await rail.readDeposits(cursor, signal, async () => expected);
      if (read.kind !== "done") throw new Error(read.reason);
      ({ cursor } = read.value);
      return read.value;
    },
    cursor: () => cursor,
  };
}

const open = (...ids: readonly string[]): readonly ExpectedOrder[] =>
  ids.map((id) => ({ id, windowClosesAtMs: Number.MAX_SAFE_INTEGER }));

/** Somebody empties an order's address, as anybody may. */
async function sweepByHand(order: string, atomic: bigint): Promise<void> {
  const forwarder = forwarderOf(stage.treasury, order);
  const jettonWallet = stage.devnet.jettonWalletOf(forwarder.address);
  const { body, init } = sweepMessage(forwarder, { jettonWallet, atomic, valueNano: 0n });
  await sendMessage(stage, stranger, {
    to: forwarder.address,
    value: toNano("0.1"),
    body,
    ...(init && { init }),
  });
}

test("what comes to an order's address is the order's, whatever is written on it", async () => {
  const [order, other] = [newOrder(), newOrder()];
  const watch = watching();
  await watch.read(open(order, other));
  const plain = await pay(order, 5n);
  const { txId } = await stage.pay({
    atomic: 6n,
    to: addressOf(order),
    payload: orderPayload(other),
  });
  const { deposits } = await watch.read(open(order, other));
  expect(deposits).toMatchObject([
    { ...plain, orderRef: order, isFinal: true, isPayerSafe: true, amount: { atomic: 5n } },
    { txId, orderRef: order, amount: { atomic: 6n } },
  ]);
});

test("a reader that is restarted at every page tells each payment once, over many addresses", async () => {
  const many = Array.from({ length: 6 }, newOrder);
  for (const order of [...many, ...many]) await pay(order, 3n);
  const seen: string[] = [];
  let cursor: string | null = null;
  for (;;) {
    const watch = watching(openRail({}, 1), cursor);
    const page = await watch.read(open(...many));
    seen.push(...page.deposits.map(({ txId }) => txId));
    cursor = watch.cursor();
    if (page.isCaughtUp) break;
  }
  expect(seen).toHaveLength(12);
  expect(new Set(seen).size).toBe(12);
  expect(parseCursor(cursor ?? "")?.told.size).toBe(6);
});

test("a page that was never written down comes again", async () => {
  const order = newOrder();
  const rail = openRail();
  const start = await watching(rail).read(open(order));
  await pay(order, 4n);
  for (let again = 0; again < 3; again++) {
    const { deposits } = await readAll(
      { ...rail, readDeposits: (at, stop) => rail.readDeposits(at, stop, expecting([order])) },
      start.cursor,
    );
    expect(deposits).toMatchObject([{ orderRef: order, amount: { atomic: 4n } }]);
  }
});

test("money on an address that nobody watches is told when somebody sweeps it, once, by this rail alone", async () => {
  const order = newOrder();
  const watch = watching();
  const jetton = tonJetton.open(stage.config(), { clock, log });
  await watch.read([]);
  const paid = [await pay(order, 7n), await pay(order, 8n)];
  expect((await watch.read([])).deposits).toEqual([]);
  const before = (await readAll(jetton, null)).cursor;
  await sweepByHand(order, 15n);
  const told = [...(await watch.read([])).deposits, ...(await watch.read([])).deposits];
  expect(told).toMatchObject(paid.map(({ txId }) => ({ txId, orderRef: order })));
  const main = await readAll(jetton, before);
  expect([main.deposits, main.unreadable]).toEqual([[], []]);
  expect((await readAll(openRail(), watch.cursor())).deposits).toEqual([]);
});

test("what a sweep leads to is told to its end, though a page is too small and the reader is restarted", async () => {
  const order = newOrder();
  const first = watching();
  await first.read([]);
  const paid = [await pay(order, 1n), await pay(order, 2n), await pay(order, 3n)];
  await sweepByHand(order, 6n);
  const told: string[] = [];
  let cursor = first.cursor();
  for (let restarts = 0; restarts < 5; restarts++) {
    const watch = watching(openRail({}, 1), cursor);
    const { deposits } = await watch.read([]);
    told.push(...deposits.map(({ txId }) => txId));
    cursor = watch.cursor();
  }
  expect(told).toEqual(paid.map(({ txId }) => txId));
});

test("no page says that a window has passed while payments wait for the next page", async () => {
  const [one, other] = [newOrder(), newOrder()];
  const start = await watching().read(open(one, other));
  const watch = watching(openRail({}, 1), start.cursor);
  await pay(one, 1n);
  await pay(other, 1n);
  stage.devnet.advanceTime(100);
  const small = await watch.read(open(one, other));
  expect([small.deposits.length, small.chainTimeMs]).toEqual([1, start.chainTimeMs]);
  const last = await watch.read(open(one, other));
  expect(last.deposits).toHaveLength(1);
  expect(last.chainTimeMs).toBeGreaterThanOrEqual(start.chainTimeMs + 90_000);
});

test("a transfer that only says it is a sweep is a payment like any other", async () => {
  const order = newOrder();
  const watch = watching();
  await watch.read([]);
  const jetton = tonJetton.open(stage.config(), { clock, log });
  const before = (await readAll(jetton, null)).cursor;
  const { txId } = await stage.pay({ atomic: 9n, payload: sweptPayload(order) });
  expect((await readAll(jetton, before)).deposits).toMatchObject([{ txId, orderRef: "" }]);
  expect((await watch.read([])).deposits).toEqual([]);
});

test("a shop without deposit addresses takes a sweep for nothing that it can book", async () => {
  const order = newOrder();
  const jetton = tonJetton.open(stage.config({ KEEPER_KEY: "" }), { clock, log });
  const before = (await readAll(jetton, null)).cursor;
  await pay(order, 5n);
  await sweepByHand(order, 5n);
  const { deposits, unreadable } = await readAll(jetton, before);
  expect(deposits).toEqual([]);
  expect(unreadable).toMatchObject([{ reason: expect.stringContaining(order) as string }]);
});

test("an address is looked at after its order's window too, ever more seldom", async () => {
  const order = newOrder();
  const watch = watching();
  const closed = [{ id: order, windowClosesAtMs: (await stage.nowMs()) - HOUR_MS }];
  await watch.read(closed);
  const late = await pay(order, 2n);
  expect((await watch.read(closed)).deposits).toEqual([]);
  aheadMs += 2 * HOUR_MS;
  expect((await watch.read(closed)).deposits).toMatchObject([{ ...late, orderRef: order }]);
});

test("no page says that a window has passed whose address could not be looked at", async () => {
  const [seen, unseen] = [newOrder(), newOrder()];
  const watch = watching();
  const first = await watch.read(open(seen));
  stage.devnet.advanceTime(100);
  await pay(seen, 1n);
  // The one thing that the minter has to be asked yet is where the tokens of this address lie.
  stage.devnet.faults.plan({ kind: "http_status", status: 503 }, { method: "runGetMethod" });
  const page = await watch.read(open(unseen, seen));
  expect(page.deposits).toHaveLength(1);
  expect(page.isCaughtUp).toBe(false);
  expect(page.chainTimeMs).toBe(first.chainTimeMs);
  const next = await watch.read(open(unseen, seen));
  expect(next.chainTimeMs).toBeGreaterThanOrEqual(first.chainTimeMs + 99_000);
});

test("only a personal wallet that is no exchange's is sent money back to", async () => {
  const order = newOrder();
  const exchange = await purseOf(stage.devnet, { ton: toNano("10"), jetton: 100n });
  const exchanges = { EXCHANGES: exchange.address.toString() };
  const watch = watching(openRail(exchanges));
  await watch.read([]);
  const { from } = await pay(order, 1n);
  await stage.pay({ atomic: 1n, to: addressOf(order), payer: exchange });
  // Any other contract: here the treasury, which pays to an order's address.
  const { payouts, assets } = openRail();
  const [asset] = assets;
  if (asset === undefined) throw new Error("no asset");
  const lane = done(await payouts.freeLane(new Set())) ?? "";
  const amount = { asset, atomic: 1n };
  const to = addressOf(order).toRawString();
  const signed = done(await payouts.sign({ id: "payout", to, amount, lane }));
  done(await payouts.submit(signed));
  const { deposits } = await watch.read(open(order));
  expect(deposits.map((deposit) => [deposit.from, deposit.isPayerSafe])).toEqual([
    [from, true],
    [exchange.address.toRawString(), false],
    [stage.treasury.toRawString(), false],
  ]);
});

test("what is minted to an address, or bounces off it, is no payment", async () => {
  const order = newOrder();
  const watch = watching();
  await watch.read(open(order));
  await stage.devnet.fund(addressOf(order), { ton: toNano("1"), jetton: 5n });
  const body = beginCell().storeUint(0x7362d09c, 32).storeUint(0, 64).storeCoins(999n).endCell();
  await sendMessage(stage, stranger, { to: addressOf(order), value: toNano("0.1"), body });
  const { deposits, unreadable } = await watch.read(open(order));
  expect(deposits).toEqual([]);
  expect(unreadable).toMatchObject([{ reason: expect.stringContaining("minter") as string }]);
});

test("a cursor of another rail is refused for good", async () => {
  for (const cursor of ["7:x", "1:2;ord_1=5", `5:${"ab".repeat(32)}:7;ord_1`])
    expect(await openRail().readDeposits(cursor, signal)).toMatchObject({
      kind: "failed",
      retryable: false,
    });
});
