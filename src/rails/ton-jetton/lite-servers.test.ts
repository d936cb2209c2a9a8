/** LiteServers that lag, are gone, or are not who they should be: nothing is read without their word. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { purseOf, strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { done, present, readAll, signal } from "../../../tests/contracts/rail-bench.ts";
import { payByX402 } from "../../../tests/fixtures/ton-agent.ts";
import { liteServerText, openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { orderPayload } from "../../chains/ton/payload.ts";
import type { TonTexts } from "../../chains/ton/settings.ts";
import { systemClock } from "../../clock.ts";
import { newId, systemRandom } from "../../ids.ts";
import { createLog } from "../../log.ts";
import type { PayableOrder, Rail } from "../rail.ts";
import { tonJetton } from "./index.ts";

const ATOMIC = 5_000_000n;
const always = { times: Number.POSITIVE_INFINITY };
const DOUBTED = { kind: "failed", retryable: true };
/** Nobody is there. */
const NOBODY = `127.0.0.1:1/${Buffer.alloc(32, 9).toString("base64")}`;

let stage: TonStage;
let logged: string[];

beforeEach(async () => {
  stage = await openTonStage({ isWitnessed: true });
  logged = [];
});
afterEach(() => stage.close());

function openRail(changes: TonTexts = {}): Rail {
  const write = (line: string): number => logged.push(line);
  const log = createLog({ level: "info", now: () => 0, write });
  const config = stage.config(changes, { callTimeoutMs: 2_000 });
  return tonJetton.open(config, { clock: systemClock, log });
}

const pay = (orderRef: string): ReturnType<TonStage["pay"]> =>
  stage.pay({ atomic: ATOMIC, payload: orderPayload(orderRef) });

test("a payment and its refund pass, with the LiteServer asked for each", async () => {
  const rail = openRail();
  const cursor = await present(rail);
  const { from } = await pay("ord_1");
  const { deposits } = await readAll(rail, cursor);
  expect(deposits).toMatchObject([{ orderRef: "ord_1", from, amount: { atomic: ATOMIC } }]);
  const [deposit] = deposits;
  const lane = done(await rail.payouts.freeLane(new Set()));
  if (deposit === undefined || lane === null) throw new Error("nothing to refund");
  const payee = strangerAddress();
  const request = { id: "refund_1", to: payee.toRawString(), amount: deposit.amount, lane };
  const signed = done(await rail.payouts.sign(request));
  done(await rail.payouts.submit(signed));
  expect(done(await rail.payouts.fate(signed))).toMatchObject({ kind: "final" });
  expect(await stage.held(payee)).toBe(ATOMIC);
});

test("an agent without TON pays by x402", async () => {
  const rail = openRail();
  const [asset] = rail.assets;
  const { x402 } = rail;
  if (asset === undefined || x402 === undefined) throw new Error("x402 is not offered");
  const cursor = await present(rail);
  const leg = { amount: { asset, atomic: ATOMIC }, expiresAtMs: Date.now() + 900_000 };
  const id = newId("ord", Date.now(), systemRandom);
  const order: PayableOrder = { id, legs: [leg], missing: [] };
  const [terms] = x402.terms(order);
  if (terms === undefined) throw new Error("no terms");
  const agent = await purseOf(stage.devnet, { jetton: ATOMIC });
  const read = x402.read(2, await payByX402(stage, agent, terms), terms);
  if (read.kind === "invalid") throw new Error(read.reason);
  const { authorization } = read;
  expect(done(await x402.verify(authorization))).toBeNull();
  done(await x402.settle(authorization));
  const { deposits } = await readAll(rail, cursor);
  expect(deposits).toMatchObject([{ orderRef: id, authorizationRef: authorization.ref }]);
  expect(done(await x402.fate(authorization))).toMatchObject({ kind: "used" });
});

test("a LiteServer that is behind has not seen the payment: it is read when it has", async () => {
  const rail = openRail();
  const cursor = await present(rail);
  stage.devnet.liteFaults.plan({ kind: "behind", blocks: 100 }, always);
  await pay("ord_1");
  expect(await rail.readDeposits(cursor, signal)).toMatchObject(DOUBTED);
  stage.devnet.liteFaults.clear();
  expect((await readAll(rail, cursor)).deposits).toMatchObject([{ orderRef: "ord_1" }]);
});

test("what was confirmed once needs no confirmation from a LiteServer that fell behind", async () => {
  const rail = openRail();
  await pay("ord_1");
  const cursor = await present(rail);
  stage.devnet.liteFaults.plan({ kind: "behind", blocks: 100 }, always);
  expect((await readAll(rail, cursor)).deposits).toEqual([]);
});

test("while no LiteServer answers nothing is read, though refunds are sent; then all goes on", async () => {
  const rail = openRail();
  const cursor = await present(rail);
  const [asset] = rail.assets;
  const lane = done(await rail.payouts.freeLane(new Set()));
  if (asset === undefined || lane === null) throw new Error("nothing to sign with");
  const payee = strangerAddress();
  const amount = { asset, atomic: ATOMIC };
  const request = { id: "refund_1", to: payee.toRawString(), amount, lane };
  const signed = done(await rail.payouts.sign(request));
  await pay("ord_1");
  stage.devnet.liteFaults.plan({ kind: "drop" }, always);
  expect(await rail.readDeposits(cursor, signal)).toMatchObject({
    ...DOUBTED,
    reason: expect.stringMatching(/^no LiteServer confirms it: 127\.0\.0\.1:\d+: /) as string,
  });
  done(await rail.payouts.submit(signed));
  expect(await rail.payouts.fate(signed)).toMatchObject(DOUBTED);
  const problems = await rail.check();
  expect(new Set(problems.map(({ severity }) => severity))).toEqual(new Set(["warning"]));
  stage.devnet.liteFaults.clear();
  expect((await readAll(rail, cursor)).deposits).toMatchObject([{ orderRef: "ord_1" }]);
  expect(done(await rail.payouts.fate(signed))).toMatchObject({ kind: "final" });
  expect(logged.map((line) => /a TON server \w+( again)?/.exec(line)?.[0])).toEqual([
    "a TON server fails",
    "a TON server answers again",
  ]);
});

test("a message that only the LiteServer takes is sent", async () => {
  const rail = openRail();
  const [asset] = rail.assets;
  const lane = done(await rail.payouts.freeLane(new Set()));
  if (asset === undefined || lane === null) throw new Error("nothing to sign with");
  const payee = strangerAddress();
  const amount = { asset, atomic: ATOMIC };
  const request = { id: "refund_1", to: payee.toRawString(), amount, lane };
  const signed = done(await rail.payouts.sign(request));
  stage.devnet.faults.plan({ kind: "http_status", status: 503 }, { ...always, method: "sendBoc" });
  done(await rail.payouts.submit(signed));
  expect(await stage.held(payee)).toBe(ATOMIC);
});

test("one of several LiteServers is enough", async () => {
  const rail = openRail({ LITESERVERS: `${NOBODY}, ${liteServerText(stage.devnet)}` });
  await pay("ord_1");
  expect((await readAll(rail, null)).deposits).toMatchObject([{ orderRef: "ord_1" }]);
  expect(await rail.check()).toEqual([]);
});

test("a server with another key than the configured one is no LiteServer of ours", async () => {
  const [place] = liteServerText(stage.devnet).split("/");
  const key = Buffer.alloc(32, 9).toString("base64");
  const rail = openRail({ LITESERVERS: `${place}/${key}` });
  expect(await rail.readDeposits(null, signal)).toMatchObject(DOUBTED);
  const problems = await rail.check();
  expect(problems).toMatchObject([
    { severity: "warning", what: expect.stringContaining("refuses the handshake") as string },
  ]);
  expect(JSON.stringify([problems, logged])).not.toContain(key);
});
