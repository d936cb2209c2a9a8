import { beginCell, Cell, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Purse, purseOf, strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { done, present, readAll } from "../../../tests/contracts/rail-bench.ts";
import { openTonStage, sendMessage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Deposit, Rail } from "../rail.ts";
import { tonJetton } from "./index.ts";
import { commentPayload, orderPayload } from "../../chains/ton/payload.ts";
import { OP } from "../../chains/ton/transfers.ts";

const NOTIFICATION = 0x7362d09c;
const ORDER = "ord_0123456789abcdefghjkmnpqrstvwxyz0123";

let stage: TonStage;
let rail: Rail;
let stranger: Purse;

beforeAll(async () => {
  stage = await openTonStage();
  rail = openRail();
  stranger = await purseOf(stage.devnet, { ton: toNano("100") });
});
afterAll(() => stage.close());

function openRail(changes: Readonly<Record<string, string>> = {}): Rail {
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return tonJetton.open(stage.config(changes), { clock: systemClock, log });
}

/** What the rail reads of what happens meanwhile. */
async function depositsOf(happening: () => Promise<unknown>): Promise<readonly Deposit[]> {
  const before = await present(rail);
  await happening();
  const { deposits, unreadable } = await readAll(rail, before);
  expect(unreadable).toEqual([]);
  return deposits;
}

test("a forged notification of 999 USDT is no deposit", async () => {
  const body = beginCell()
    .storeUint(NOTIFICATION, 32)
    .storeUint(0, 64)
    .storeCoins(999_000_000n)
    .storeAddress(stranger.address)
    .storeMaybeRef(orderPayload(ORDER))
    .endCell();
  const forging = (): Promise<unknown> =>
    sendMessage(stage, stranger, { to: stage.treasury, value: toNano("0.1"), body });
  expect(await depositsOf(forging)).toEqual([]);
});

test("tokens of another minter never reach the account that is read", async () => {
  const body = beginCell()
    .storeUint(OP.internalTransfer, 32)
    .storeUint(0, 64)
    .storeCoins(999_000_000n)
    .storeAddress(stranger.address)
    .storeAddress(null)
    .storeCoins(0)
    .storeMaybeRef(orderPayload(ORDER))
    .endCell();
  // As the jetton wallet of any other jetton would send it: the receiving contract sees through it.
  const forging = (): Promise<unknown> =>
    sendMessage(stage, stranger, { to: stage.account, value: toNano("0.2"), body });
  expect(await depositsOf(forging)).toEqual([]);
  const [transaction] = await stage.client.getTransactions(stage.account, { limit: 1 });
  expect(transaction?.description).toMatchObject({ aborted: true });
});

test("a notification that found no gas is aborted, and its payment counts all the same", async () => {
  const deposits = await depositsOf(() => stage.pay({ atomic: 5n, payload: orderPayload(ORDER) }));
  const [notified] = await stage.client.getTransactions(stage.treasury, { limit: 1 });
  expect(notified?.description).toMatchObject({ aborted: true });
  expect(deposits).toMatchObject([{ orderRef: ORDER, amount: { atomic: 5n } }]);
});

test("a payment without a notification counts, with its payer and its order", async () => {
  const payment = { atomic: 6n, payload: orderPayload(ORDER), forwardTonAmount: 0n };
  const paid: { from?: string } = {};
  const deposits = await depositsOf(async () => Object.assign(paid, await stage.pay(payment)));
  expect(deposits).toMatchObject([{ orderRef: ORDER, from: paid.from, amount: { atomic: 6n } }]);
});

test.each([
  ["a comment", commentPayload(ORDER), ORDER],
  ["nothing", undefined, ""],
  ["an empty cell", Cell.EMPTY, ""],
  ["a comment in words", commentPayload("thank you"), ""],
  ["garbage", beginCell().storeUint(0, 32).storeUint(0xc328, 16).endCell(), ""],
  ["half a byte", beginCell().storeUint(0, 32).storeUint(1, 3).endCell(), ""],
])("a payment with %s as its payload is a deposit", async (_what, payload, orderRef) => {
  const deposits = await depositsOf(() =>
    stage.pay({ atomic: 7n, ...(payload !== undefined && { payload }) }),
  );
  expect(deposits).toMatchObject([{ orderRef, amount: { atomic: 7n } }]);
});

test("a transfer that its payer cannot cover never arrives", async () => {
  const poor = await purseOf(stage.devnet, { ton: toNano("5"), jetton: 3n });
  expect(await depositsOf(() => stage.pay({ atomic: 4n, payer: poor }))).toEqual([]);
  expect(await stage.held(poor.address)).toBe(3n);
});

test("a transfer of nothing is no deposit", async () => {
  expect(await depositsOf(() => stage.pay({ atomic: 0n }))).toEqual([]);
});

test("coin that is sent to the treasury is no deposit", async () => {
  const fund = (): Promise<unknown> => stage.devnet.fund(stage.treasury, { ton: toNano("1") });
  expect(await depositsOf(fund)).toEqual([]);
});

test("a payment that the treasury's lock turns back is no deposit, and its payer has it again", async () => {
  const payer = await purseOf(stage.devnet, { ton: toNano("5"), jetton: 8n });
  await stage.devnet.lock(stage.treasury, "receiving");
  expect(await depositsOf(() => stage.pay({ atomic: 8n, payer }))).toEqual([]);
  expect(await stage.held(payer.address)).toBe(8n);
  expect(await rail.check()).toMatchObject([{ severity: "fatal" }]);
  await stage.devnet.lock(stage.treasury, "none");
});

test("a refund that bounces off its payee is no deposit; the tokens are ours again", async () => {
  const payee = strangerAddress();
  const [asset] = rail.assets;
  if (asset === undefined) throw new Error("no asset");
  const before = await stage.held(stage.treasury);
  const lane = done(await rail.payouts.freeLane(new Set())) ?? "";
  const to = payee.toRawString();
  const refund = { id: "payout_bounced", to, amount: { asset, atomic: 9n }, lane };
  const signed = done(await rail.payouts.sign(refund));
  await stage.devnet.lock(payee, "receiving");
  expect(await depositsOf(() => rail.payouts.submit(signed))).toEqual([]);
  expect(await stage.held(stage.treasury)).toBe(before);
  expect(done(await rail.payouts.fate(signed))).toMatchObject({
    kind: "dead",
    reason: expect.stringMatching(/payee's jetton wallet failed it: exit code 45/) as string,
  });
  expect(await rail.payouts.sign(refund)).toMatchObject({ kind: "failed", retryable: false });
});

test("a treasury that its jetton's issuer has locked pays nothing, and says so for good", async () => {
  const [asset] = rail.assets;
  if (asset === undefined) throw new Error("no asset");
  await stage.devnet.lock(stage.treasury, "sending");
  const lane = done(await rail.payouts.freeLane(new Set())) ?? "";
  const to = strangerAddress().toRawString();
  expect(
    await rail.payouts.sign({ id: "payout_locked", to, amount: { asset, atomic: 1n }, lane }),
  ).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: expect.stringMatching(/locked/) as string,
  });
  expect(done(await rail.payouts.balance(asset))).toBe(0n);
  await stage.devnet.lock(stage.treasury, "none");
});

test("money of a known exchange does not go back there", async () => {
  const exchange = await purseOf(stage.devnet, { ton: toNano("5"), jetton: 10n });
  const before = await present(rail);
  await stage.pay({ atomic: 10n, payer: exchange });
  const careful = openRail({ EXCHANGES: exchange.address.toString() });
  const { deposits } = await readAll(careful, before);
  expect(deposits).toMatchObject([{ isPayerSafe: false }]);
  expect((await readAll(rail, before)).deposits).toMatchObject([{ isPayerSafe: true }]);
});

test("a transfer of three blocks is no deposit before the last of them", async () => {
  const slow = await openTonStage({ blockTimeMs: "manual", isOneHopPerBlock: true });
  try {
    const log = createLog({ level: "error", now: () => 0, write: () => {} });
    const slowRail = tonJetton.open(slow.config(), { clock: systemClock, log });
    const before = await present(slowRail);
    await slow.pay({ atomic: 11n, payload: orderPayload(ORDER) });
    const seen: number[] = [];
    for (let block = 0; block < 4; block++) {
      seen.push((await readAll(slowRail, before)).deposits.length);
      await slow.devnet.closeBlocks();
    }
    expect(seen).toEqual([0, 0, 0, 1]);
  } finally {
    await slow.close();
  }
});

test("a server of another network, where the minter is not, is found at start-up", async () => {
  const elsewhere = openRail({ JETTON_MASTER: strangerAddress().toRawString() });
  expect(await elsewhere.check()).toMatchObject([
    { severity: "fatal", fix: expect.stringMatching(/JETTON_MASTER/) as string },
  ]);
  expect(await elsewhere.readDeposits(null, new AbortController().signal)).toMatchObject({
    kind: "failed",
  });
  // What is no minter at all, but has code.
  const wallet = openRail({ JETTON_MASTER: stage.account.toRawString() });
  expect(await wallet.check()).toMatchObject([{ severity: "fatal" }]);
});

test("a treasury and a relay that run dry are told of before they are dry", async () => {
  const poor = openRail({ TREASURY_KEY: "77".repeat(32), RELAY_KEY: "78".repeat(32) });
  expect(await poor.check()).toMatchObject([
    { severity: "warning", what: "the treasury has 0.00 TON left for gas" },
    { severity: "warning", what: "the relay has 0.00 TON left for gas" },
  ]);
  const [asset] = poor.assets;
  if (asset === undefined) throw new Error("no asset");
  const lane = done(await poor.payouts.freeLane(new Set())) ?? "";
  const to = strangerAddress().toRawString();
  const refund = { id: "payout_dry", to, amount: { asset, atomic: 0n }, lane };
  expect(await poor.payouts.sign(refund)).toMatchObject({
    kind: "failed",
    retryable: true,
    reason: "the treasury has too little TON for gas",
  });
});
