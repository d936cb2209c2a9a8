import { createHash } from "node:crypto";
import { Address } from "@ton/core";
import { beforeEach, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type DirectChain, openDirectChain } from "../../../tests/fixtures/ton-direct.ts";
import type { Outcome } from "../../outcome.ts";
import type { Payouts, SignedPayout } from "../../rails/rail.ts";
import { HIGHLOAD_TIMEOUT_S, highloadWallet, type HighloadWallet } from "./highload.ts";
import { openJettonBook } from "./jettons.ts";
import { keysOfSeed } from "./keys.ts";
import { openPayouts } from "./payouts.ts";
import { parseTon, type TonConfig } from "./settings.ts";

let direct: DirectChain;
let config: TonConfig;
let treasury: HighloadWallet;
let payouts: Payouts;
const payee = new Address(0, hashOf("payee"));

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

beforeEach(async () => {
  direct = await openDirectChain();
  const keys = keysOfSeed(hashOf("treasury").toString("hex"));
  const parsed = parseTon({
    NETWORK: "local",
    RPC: "http://127.0.0.1",
    JETTON_MASTER: direct.minter,
    TREASURY_KEY: hashOf("treasury").toString("hex"),
  });
  if (parsed.kind === "problems" || keys === null) throw new Error("the settings are wrong");
  ({ config } = parsed);
  treasury = highloadWallet(keys);
  const { chain } = direct;
  payouts = openPayouts({ chain, config, treasury, jettons: openJettonBook(chain) });
});

const fund = (nano = 10_000_000_000n): Promise<void> =>
  direct.fund(treasury.address, { nano, atomic: 1_000n });

let signatures = 0;

async function sign(to: string = payee.toRawString()): Promise<Outcome<SignedPayout>> {
  signatures += 1;
  const alive = new Set(signed.map(({ lane }) => lane));
  const lane = done(await payouts.freeLane(alive)) ?? "";
  const id = `payout_${signatures}`;
  const outcome = await payouts.sign({ id, to, amount: { asset: config.asset, atomic: 7n }, lane });
  if (outcome.kind === "done") signed.push(outcome.value);
  return outcome;
}

let signed: SignedPayout[] = [];
beforeEach(() => {
  signed = [];
});

test("half done it is pending: until the payee's jetton wallet has the tokens", async () => {
  await fund();
  const payout = done(await sign());
  done(await payouts.submit(payout));
  const seen: string[] = [];
  for (let block = 0; block < 6; block++) {
    const fate = done(await payouts.fate(payout));
    seen.push(`${fate.kind} ${await direct.held(payee)}`);
    await direct.closeBlock();
  }
  // Waiting, in the treasury, in its jetton wallet, and there.
  expect(seen.slice(0, 4)).toEqual(["pending 0", "pending 0", "pending 0", "final 7"]);
});

test("a treasury that the issuer has locked signs nothing, for good, and has nothing to send", async () => {
  await fund();
  await direct.lock(treasury.address, "sending");
  expect(await sign()).toMatchObject({ kind: "failed", retryable: false });
  expect(done(await payouts.balance(config.asset))).toBe(0n);
});

test("locked between signing and sending, the refund is dead, and is not tried again for ever", async () => {
  await fund();
  const payout = done(await sign());
  await direct.lock(treasury.address, "sending");
  done(await payouts.submit(payout));
  await direct.closeBlock();
  await direct.settle();
  expect(done(await payouts.fate(payout))).toMatchObject({
    kind: "dead",
    reason: expect.stringContaining("exit code 45") as string,
  });
  expect(await sign()).toMatchObject({ kind: "failed", retryable: false });
  expect(await direct.held(payee)).toBe(0n);
});

test("what a payee's locked wallet does not take comes back, and a person decides", async () => {
  await fund();
  const payout = done(await sign());
  done(await payouts.submit(payout));
  await direct.lock(payee, "receiving");
  await direct.closeBlock();
  await direct.settle();
  expect(done(await payouts.fate(payout)).kind).toBe("dead");
  expect(await direct.held(treasury.address)).toBe(1_000n);
  expect(await sign()).toMatchObject({ kind: "failed", retryable: false });
});

test("a message that the wallet carries out and can not pay for is dead, although its number is used", async () => {
  // Enough for one transfer, and for two signatures.
  await fund(110_000_000n);
  const pair = [done(await sign()), done(await sign())];
  for (const payout of pair) done(await payouts.submit(payout));
  for (let block = 0; block < 5; block++) await direct.closeBlock();
  await direct.settle();
  const fates = await Promise.all(pair.map(async (one) => done(await payouts.fate(one))));
  expect(fates.map(({ kind }) => kind)).toEqual(["final", "dead"]);
  expect(await direct.held(payee)).toBe(7n);
  // Its number is not lent again while the wallet remembers it.
  const lanes = pair.map(({ lane }) => lane);
  expect(lanes).not.toContain(done(await payouts.freeLane(new Set())));
});

test("bytes that were carried out already are taken as sent", async () => {
  await fund();
  const payout = done(await sign());
  done(await payouts.submit(payout));
  await direct.closeBlock();
  await direct.settle();
  expect(await payouts.submit(payout)).toEqual({ kind: "done", value: null });
  await direct.settle();
  expect(await direct.held(payee)).toBe(7n);
});

test("its time is over by the chain's blocks, not by anybody's clock", async () => {
  await fund();
  const payout = done(await sign());
  direct.advanceTime(2 * HIGHLOAD_TIMEOUT_S);
  // No block has shown the new time yet: the message could be in the next one of a slow chain.
  expect(done(await payouts.fate(payout))).toEqual({ kind: "pending" });
  await direct.closeBlock();
  expect(done(await payouts.fate(payout)).kind).toBe("dead");
  expect(await payouts.submit(payout)).toMatchObject({ kind: "failed" });
  await direct.settle();
  expect(await direct.held(payee)).toBe(0n);
});

test("between the wallet's bound and the proof it is pending still", async () => {
  await fund();
  const payout = done(await sign());
  direct.advanceTime(HIGHLOAD_TIMEOUT_S + 1);
  await direct.closeBlock();
  expect(await payouts.submit(payout)).toMatchObject({ kind: "failed" });
  expect(done(await payouts.fate(payout))).toEqual({ kind: "pending" });
});

test("a treasury without gas waits to be given some", async () => {
  await fund(60_000_000n);
  expect(await sign()).toMatchObject({ kind: "failed", retryable: true });
});

test("an address of a test network's form is a payee, and one with a wrong checksum is none", async () => {
  await fund();
  const friendly = payee.toString({ testOnly: true, bounceable: false });
  expect((await sign(friendly)).kind).toBe("done");
  const wrong = `${friendly.slice(0, -1)}${friendly.endsWith("A") ? "B" : "A"}`;
  expect(await sign(wrong)).toMatchObject({ kind: "failed", retryable: false });
});
