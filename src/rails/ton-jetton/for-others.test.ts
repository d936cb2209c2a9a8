import { afterAll, beforeAll, expect, test } from "vitest";
import { Cell } from "@ton/core";
import { purseOf, strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { payByX402 } from "../../../tests/fixtures/ton-agent.ts";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { PaymentTerms } from "../rail.ts";
import { tonJetton } from "./index.ts";
import type { TonTexts } from "../../chains/ton/settings.ts";

let stage: TonStage;

beforeAll(async () => {
  stage = await openTonStage();
});
afterAll(() => stage.close());

function open(changes: TonTexts = {}): ReturnType<typeof tonJetton.openForOthers> {
  const { TREASURY_KEY: _, ...texts } = stage.texts(changes);
  const parsed = tonJetton.parseForOthers(texts);
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return tonJetton.openForOthers(parsed.config, { clock: systemClock, log });
}

test("a facilitator needs a relay and no treasury", () => {
  const { TREASURY_KEY: _, RELAY_KEY: _relay, ...texts } = stage.texts();
  expect(tonJetton.parseForOthers(texts)).toEqual({
    kind: "problems",
    problems: ["RELAY_KEY is missing: it pays the gas of settlements"],
  });
  expect(open()).toMatchObject({
    scheme: "exact",
    network: "tvm:-217",
    networkV1: null,
    family: "tvm:*",
    signers: [stage.relay.toRawString()],
  });
});

test("it carries out payments to any seller, with the defaults of the scheme", async () => {
  const served = open();
  const { x402 } = served;
  expect(await served.check()).toEqual([]);
  const seller = strangerAddress();
  const terms: PaymentTerms = {
    scheme: "exact",
    network: "tvm:-217",
    amount: "1500000",
    asset: stage.devnet.minter.toRawString(),
    payTo: seller.toRawString(),
    maxTimeoutSeconds: 120,
    extra: { areFeesSponsored: true },
  };
  const payer = await purseOf(stage.devnet, { jetton: 5_000_000n });
  const refs: string[] = [];
  while (refs.length < 2) {
    const read = x402.read(2, await payByX402(stage, payer, terms), terms);
    if (read.kind === "invalid") throw new Error(read.reason);
    done(await x402.verify(read.authorization));
    done(await x402.settle(read.authorization));
    expect(done(await x402.fate(read.authorization))).toEqual({
      kind: "used",
      txId: await stage.lastTxId(stage.devnet.jettonWalletOf(seller)),
    });
    refs.push(read.authorization.ref);
  }
  // The same payer buys the same thing twice: two promises.
  expect(new Set(refs).size).toBe(2);
  expect(await stage.held(seller)).toBe(3_000_000n);
});

test.each([
  ["invalid_exact_tvm_fees_not_sponsored", {}],
  ["invalid_exact_tvm_fees_not_sponsored", { areFeesSponsored: false }],
  ["invalid_payment_requirements", { areFeesSponsored: true, forwardPayload: "nonsense" }],
  ["invalid_payment_requirements", { areFeesSponsored: true, forwardTonAmount: 1 }],
  ["invalid_payment_requirements", { areFeesSponsored: true, responseDestination: "somewhere" }],
])("%s: terms that cannot be met are refused", (reason, extra) => {
  const terms: PaymentTerms = {
    scheme: "exact",
    network: "tvm:-217",
    amount: "1",
    asset: stage.devnet.minter.toRawString(),
    payTo: strangerAddress().toRawString(),
    maxTimeoutSeconds: 120,
    extra,
  };
  const settlementBoc = Cell.EMPTY.toBoc().toString("base64");
  const payload = {
    x402Version: 2,
    accepted: terms,
    payload: { settlementBoc, asset: terms.asset },
  };
  expect(open().x402.read(2, payload, terms)).toEqual({ kind: "invalid", reason });
});

test("a seller's terms that give the relay's coin away are refused", async () => {
  const terms: PaymentTerms = {
    scheme: "exact",
    network: "tvm:-217",
    amount: "1500000",
    asset: stage.devnet.minter.toRawString(),
    payTo: strangerAddress().toRawString(),
    maxTimeoutSeconds: 120,
    extra: { areFeesSponsored: true, forwardTonAmount: "1000000000" },
  };
  const payer = await purseOf(stage.devnet, { jetton: 5_000_000n });
  const payload = await payByX402(stage, payer, terms, { attachedNano: 1_030_000_000n });
  const { x402 } = open();
  const read = x402.read(2, payload, terms);
  if (read.kind === "invalid") throw new Error(read.reason);
  expect(await x402.verify(read.authorization)).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: "invalid_payment_requirements",
  });
});
