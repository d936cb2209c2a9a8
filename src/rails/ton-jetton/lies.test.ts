/** A toncenter server that lies: what it costs a shop that knows no other source, and nothing one with a LiteServer. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Address, Transaction } from "@ton/core";
import type { Fault } from "../../../devnet/ton/index.ts";
import { inventedAfter, strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { done, present, readAll, signal } from "../../../tests/contracts/rail-bench.ts";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { orderPayload } from "../../chains/ton/payload.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { DepositsRead, Rail, SignedPayout } from "../rail.ts";
import { tonJetton } from "./index.ts";

const ATOMIC = 5_000_000n;
const DOUBTED = { kind: "failed", retryable: true };
/** Past the end of every signature. */
const LATER_S = 3_600;

let stage: TonStage;
let logged: string[];

afterEach(() => stage.close());

async function open(isWitnessed: boolean): Promise<void> {
  stage = await openTonStage({ isWitnessed });
  logged = [];
}

function openRail(): Rail {
  const write = (line: string): number => logged.push(line);
  const log = createLog({ level: "error", now: () => 0, write });
  return tonJetton.open(stage.config(), { clock: systemClock, log });
}

function lie(fault: Fault): void {
  stage.devnet.faults.plan(fault, { times: Number.POSITIVE_INFINITY });
}

const pay = (orderRef: string): ReturnType<TonStage["pay"]> =>
  stage.pay({ atomic: ATOMIC, payload: orderPayload(orderRef) });

async function newestOf(address: Address): Promise<Transaction> {
  const [newest] = await stage.client.getTransactions(address, { limit: 1 });
  if (newest === undefined) throw new Error("no transaction");
  return newest;
}

/** The orders that payments were read for. */
async function paidOrders(rail: Rail): Promise<readonly (string | null)[]> {
  return (await readAll(rail, null)).deposits.map(({ orderRef }) => orderRef);
}

async function sign(rail: Rail, payee: Address, id = "refund_1"): Promise<SignedPayout> {
  const [asset] = rail.assets;
  const lane = done(await rail.payouts.freeLane(new Set()));
  if (asset === undefined || lane === null) throw new Error("nothing to sign with");
  const amount = { asset, atomic: ATOMIC };
  return done(await rail.payouts.sign({ id, to: payee.toRawString(), amount, lane }));
}

async function refund(rail: Rail, payee: Address, id?: string): Promise<SignedPayout> {
  const signed = await sign(rail, payee, id);
  done(await rail.payouts.submit(signed));
  return signed;
}

/** The server shows the treasury as it was when this was signed, and an hour later. */
function hideRefund({ signedAtHeight }: SignedPayout): void {
  const hiddenFromLt = String(signedAtHeight + 1);
  lie({ kind: "false_state", hiddenFromLt, laterSeconds: LATER_S });
}

/** The payee's jetton wallet refuses in it what it took in truth. */
async function inventBounce(payee: Address): Promise<void> {
  const taken = await newestOf(stage.devnet.jettonWalletOf(payee));
  if (taken.description.type !== "generic") throw new Error("an odd transaction");
  const description = { ...taken.description, aborted: true };
  lie({ kind: "invented_transaction", boc: inventedAfter(taken, taken, { description }) });
}

describe("without a LiteServer", () => {
  beforeEach(() => open(false));

  test("a payment that was invented is taken for one", async () => {
    await pay("ord_1");
    const paid = await newestOf(stage.account);
    lie({ kind: "invented_transaction", boc: inventedAfter(paid, paid) });
    expect(await paidOrders(openRail())).toEqual(["ord_1", "ord_1"]);
  });

  test("a refund that is hidden counts as dead, and is paid again", async () => {
    const payee = strangerAddress();
    const rail = openRail();
    const signed = await refund(rail, payee);
    hideRefund(signed);
    expect(done(await rail.payouts.fate(signed))).toMatchObject({ kind: "dead" });
    stage.devnet.faults.clear();
    await refund(rail, payee, "refund_2");
    expect(await stage.held(payee)).toBe(2n * ATOMIC);
  });

  test("a refund counts as refused when its bounce is invented, and is paid again", async () => {
    const payee = strangerAddress();
    const rail = openRail();
    const signed = await refund(rail, payee);
    await inventBounce(payee);
    expect(done(await rail.payouts.fate(signed))).toMatchObject({ kind: "dead" });
    stage.devnet.faults.clear();
    await refund(rail, payee, "refund_2");
    expect(await stage.held(payee)).toBe(2n * ATOMIC);
  });

  test("what others are paid counts as ours when their jetton wallet is named for ours", async () => {
    const other = strangerAddress();
    const address = stage.devnet.jettonWalletOf(other).toRawString();
    await refund(openRail(), other);
    lie({ kind: "wrong_wallet", address });
    expect((await readAll(openRail(), null)).deposits).toHaveLength(1);
  });
});

describe("with a LiteServer", () => {
  beforeEach(() => open(true));

  /** Nothing is read while the lie lasts, and all of it afterwards. */
  async function expectDoubted(rail: Rail, cursor: string | null = null): Promise<DepositsRead> {
    const read = await rail.readDeposits(cursor, signal);
    expect(read).toMatchObject(DOUBTED);
    return read;
  }

  test("a payment that was invented is none, and the true ones are read afterwards", async () => {
    await pay("ord_1");
    const paid = await newestOf(stage.account);
    lie({ kind: "invented_transaction", boc: inventedAfter(paid, paid) });
    const rail = openRail();
    expect(await expectDoubted(rail)).toMatchObject({
      reason: expect.stringContaining("no LiteServer knows") as string,
    });
    stage.devnet.faults.clear();
    expect(await paidOrders(rail)).toEqual(["ord_1"]);
  });

  test("a payment that is invented in the place of a true one is a contradiction, told once", async () => {
    await pay("ord_1");
    const before = await newestOf(stage.account);
    await pay("ord_2");
    const { lt } = await newestOf(stage.account);
    lie({ kind: "invented_transaction", boc: inventedAfter(before, before, { lt }) });
    const rail = openRail();
    await expectDoubted(rail);
    await expectDoubted(rail);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain(`another transaction at ${lt}`);
    expect(await rail.check()).toMatchObject([{ severity: "fatal" }]);
    stage.devnet.faults.clear();
    expect(await rail.check()).toEqual([]);
    expect(await paidOrders(rail)).toEqual(["ord_1", "ord_2"]);
  });

  test("a payment that is hidden stops the reading: its order does not lapse meanwhile", async () => {
    const rail = openRail();
    await pay("ord_1");
    const cursor = await present(rail);
    await pay("ord_2");
    const { lt } = await newestOf(stage.account);
    lie({ kind: "false_state", hiddenFromLt: String(lt), laterSeconds: LATER_S });
    expect(await expectDoubted(rail, cursor)).toMatchObject({
      reason: "a server of RPC is behind the LiteServers, or hides transactions",
    });
    stage.devnet.faults.clear();
    expect((await readAll(rail, cursor)).deposits).toMatchObject([{ orderRef: "ord_2" }]);
  });

  test("a time that is too late ends no order's window", async () => {
    await pay("ord_1");
    const now = await stage.nowMs();
    lie({ kind: "false_state", laterSeconds: LATER_S });
    const page = done(
      (await openRail().readDeposits(null, signal)) as Exclude<DepositsRead, { kind: "gap" }>,
    );
    expect(page.chainTimeMs).toBeLessThan(now + LATER_S * 1_000);
  });

  test("a refund that is hidden is paid once", async () => {
    const payee = strangerAddress();
    const rail = openRail();
    const signed = await refund(rail, payee);
    hideRefund(signed);
    expect(await rail.payouts.fate(signed)).toMatchObject(DOUBTED);
    stage.devnet.faults.clear();
    expect(done(await rail.payouts.fate(signed))).toMatchObject({ kind: "final" });
    expect(await stage.held(payee)).toBe(ATOMIC);
  });

  test("a refund that still can land is not dead before its time, whatever a server says of it", async () => {
    const payee = strangerAddress();
    const rail = openRail();
    const signed = await sign(rail, payee);
    lie({ kind: "false_state", laterSeconds: LATER_S });
    expect(done(await rail.payouts.fate(signed))).toEqual({ kind: "pending" });
    done(await rail.payouts.submit(signed));
    expect(done(await rail.payouts.fate(signed))).toMatchObject({ kind: "final" });
  });

  test("a bounce that was invented makes no refund fail", async () => {
    const payee = strangerAddress();
    const rail = openRail();
    const signed = await refund(rail, payee);
    await inventBounce(payee);
    expect(await rail.payouts.fate(signed)).toMatchObject(DOUBTED);
    stage.devnet.faults.clear();
    expect(done(await rail.payouts.fate(signed))).toMatchObject({ kind: "final" });
    expect(await stage.held(payee)).toBe(ATOMIC);
  });

  test("a jetton wallet that the minter does not name is not watched; start-up fails over it", async () => {
    const other = strangerAddress();
    const address = stage.devnet.jettonWalletOf(other).toRawString();
    lie({ kind: "wrong_wallet", address });
    const rail = openRail();
    await expectDoubted(rail);
    expect(logged[0]).toContain("get_wallet_address");
    expect(await rail.check()).toMatchObject([
      { severity: "fatal", what: expect.stringContaining("contradict") as string },
    ]);
    const { TREASURY_KEY: _, ...texts } = stage.texts();
    const parsed = tonJetton.parseForOthers(texts);
    if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
    const log = createLog({ level: "error", now: () => 0, write: () => {} });
    const served = tonJetton.openForOthers(parsed.config, { clock: systemClock, log });
    expect(await served.check()).toMatchObject([{ severity: "fatal" }]);
    stage.devnet.faults.clear();
    expect(await served.check()).toEqual([]);
    expect((await readAll(rail, null)).deposits).toEqual([]);
  });
});
