import { afterAll, beforeAll, expect, test } from "vitest";
import {
  beginCell,
  Cell,
  contractAddress,
  external,
  internal,
  loadMessageRelaxed,
  SendMode,
  storeMessage,
  toNano,
} from "@ton/core";
import { keyPairFromSeed } from "@ton/crypto";
import { type Purse, purseOf, strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { done, readAll } from "../../../tests/contracts/rail-bench.ts";
import { bocOf, payByX402, type Tampering } from "../../../tests/fixtures/ton-agent.ts";
import { openTonStage, sendMessage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import { newId, systemRandom } from "../../ids.ts";
import type { Outcome } from "../../outcome.ts";
import type { Authorization, PayableOrder, PaymentTerms, Rail, X402Scheme } from "../rail.ts";
import { tonJetton } from "./index.ts";
import { orderPayload } from "../../chains/ton/payload.ts";

let stage: TonStage;
let rail: Rail;
let scheme: X402Scheme;

beforeAll(async () => {
  stage = await openTonStage();
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  rail = tonJetton.open(stage.config(), { clock: systemClock, log });
  if (rail.x402 === undefined) throw new Error("x402 is not offered");
  scheme = rail.x402;
});
afterAll(() => stage.close());

const PRICE = 6_210_000n;

function orderOf(id = newId("ord", Date.now(), systemRandom)): PayableOrder {
  const [asset] = rail.assets;
  if (asset === undefined) throw new Error("no asset");
  const leg = { amount: { asset, atomic: PRICE }, expiresAtMs: Date.now() + 900_000 };
  return { id, legs: [leg], missing: [] };
}

function termsOf(order: PayableOrder): PaymentTerms {
  const [terms] = scheme.terms(order);
  if (terms === undefined) throw new Error("no terms");
  return terms;
}

/** USDT and not one nanoton. */
const newAgent = (): Promise<Purse> => purseOf(stage.devnet, { jetton: 50_000_000n });

function authorized(payload: unknown, terms: PaymentTerms): Authorization {
  const read = scheme.read(2, payload, terms);
  if (read.kind === "invalid") throw new Error(read.reason);
  // As it comes back from the store.
  return JSON.parse(
    JSON.stringify(read.authorization, (_name, value: unknown) =>
      typeof value === "bigint" ? { big: value.toString() } : value,
    ),
    (_name, value: unknown) =>
      typeof value === "object" && value !== null && "big" in value
        ? BigInt(String(value.big))
        : value,
  ) as Authorization;
}

/** The reason at whichever step refuses; "accepted" when none does. */
async function refusal(payload: unknown, terms: PaymentTerms): Promise<string> {
  const read = scheme.read(2, payload, terms);
  if (read.kind === "invalid") return read.reason;
  const verified: Outcome<null> = await scheme.verify(read.authorization);
  if (verified.kind === "done") return "accepted";
  return verified.kind === "failed" && !verified.retryable ? verified.reason : "nobody answered";
}

test("an agent without TON pays: the deposit names the order and the promise that it carried out", async () => {
  const agent = await newAgent();
  const order = orderOf();
  const terms = termsOf(order);
  const before = (await readAll(rail, null)).cursor;
  const authorization = authorized(await payByX402(stage, agent, terms), terms);
  expect(done(await scheme.verify(authorization))).toBeNull();
  expect(done(await scheme.fate(authorization))).toEqual({ kind: "open" });
  const sent = done(await scheme.settle(authorization));
  expect(sent).toEqual({ txId: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  const { deposits } = await readAll(rail, before);
  expect(deposits).toMatchObject([
    {
      orderRef: order.id,
      authorizationRef: authorization.ref,
      from: agent.address.toRawString(),
      amount: { atomic: PRICE },
      isFinal: true,
    },
  ]);
  const [deposit] = deposits;
  expect(done(await scheme.fate(authorization))).toEqual({ kind: "used", txId: deposit?.txId });
  expect(await stage.held(agent.address)).toBe(50_000_000n - PRICE);
});

test("a second payment of the same agent needs no deployment, and costs the relay little", async () => {
  const agent = await newAgent();
  const costs: bigint[] = [];
  while (costs.length < 2) {
    const terms = termsOf(orderOf());
    const before = await stage.client.getBalance(stage.relay);
    const authorization = authorized(await payByX402(stage, agent, terms), terms);
    done(await scheme.settle(authorization));
    expect(done(await scheme.fate(authorization))).toMatchObject({ kind: "used" });
    costs.push(before - (await stage.client.getBalance(stage.relay)));
  }
  expect(costs[0]).toBeLessThan(toNano("0.05"));
  expect(costs[1]).toBeLessThan(toNano("0.04"));
});

test("sent twice, a promise is carried out once; the second time tells what became of it", async () => {
  const agent = await newAgent();
  const terms = termsOf(orderOf());
  const payload = await payByX402(stage, agent, terms);
  const authorization = authorized(payload, terms);
  done(await scheme.settle(authorization));
  expect(await refusal(payload, terms)).toBe("invalid_exact_tvm_seqno_mismatch");
  const fate = done(await scheme.fate(authorization));
  expect(fate).toMatchObject({ kind: "used" });
  expect(done(await scheme.settle(authorization))).toEqual({ txId: "txId" in fate && fate.txId });
  expect(await stage.held(agent.address)).toBe(50_000_000n - PRICE);
});

test("a payer who three times takes back what was relayed is served no more, and nobody else suffers", async () => {
  const racer = await purseOf(stage.devnet, { jetton: 50_000_000n, ton: toNano("1") });
  const tried: string[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    const terms = termsOf(orderOf());
    const payload = await payByX402(stage, racer, terms);
    const authorization = authorized(payload, terms);
    tried.push(await refusal(payload, terms));
    if (tried.at(-1) !== "accepted") break;
    // Our message is still on its way when the wallet's number is used for something else.
    stage.devnet.faults.plan({ kind: "lose_message" }, { method: "sendBoc" });
    done(await scheme.settle(authorization));
    await sendMessage(stage, racer, { to: racer.address, value: 1n, body: Cell.EMPTY });
    expect(done(await scheme.fate(authorization))).toMatchObject({ kind: "dead" });
    expect(done(await scheme.fate(authorization))).toMatchObject({ kind: "dead" });
  }
  expect(tried).toEqual(["accepted", "accepted", "accepted", "invalid_exact_tvm_payer_barred"]);
  const terms = termsOf(orderOf());
  expect(await refusal(await payByX402(stage, await newAgent(), terms), terms)).toBe("accepted");
});

test("a promise that is under way is neither refused nor dead: it is unknown until it has arrived", async () => {
  const slow = await openTonStage({ blockTimeMs: "manual", isOneHopPerBlock: true });
  try {
    const log = createLog({ level: "error", now: () => 0, write: () => {} });
    const { x402 } = tonJetton.open(slow.config(), { clock: systemClock, log });
    if (x402 === undefined) throw new Error("x402 is not offered");
    const [terms] = x402.terms({ ...orderOf(), legs: [legOf(slow)] });
    if (terms === undefined) throw new Error("no terms");
    const agent = await purseOf(slow.devnet, { jetton: PRICE });
    const payload = await payByX402(slow, agent, terms);
    const read = x402.read(2, payload, terms);
    if (read.kind === "invalid") throw new Error(read.reason);
    done(await x402.settle(read.authorization));
    const seen: string[] = [];
    for (let block = 0; block < 8; block++) {
      const fate = done(await x402.fate(read.authorization)).kind;
      const again = await x402.settle(read.authorization);
      if (seen.at(-1) !== `${fate} ${again.kind}`) seen.push(`${fate} ${again.kind}`);
      await slow.devnet.closeBlocks();
    }
    // Not taken by the wallet yet, it is simply sent again.
    expect(seen).toEqual(["open done", "open unknown", "used done"]);
  } finally {
    await slow.close();
  }
}, 30_000);

function legOf(of: TonStage): PayableOrder["legs"][number] {
  const { asset } = of.config();
  return { amount: { asset, atomic: PRICE }, expiresAtMs: Date.now() + 900_000 };
}

test("a promise that was not carried out in time is dead by the chain's clock", async () => {
  const agent = await newAgent();
  const terms = termsOf(orderOf());
  const authorization = authorized(await payByX402(stage, agent, terms), terms);
  const leftMs = authorization.validUntilMs - (await stage.nowMs());
  stage.devnet.advanceTime(Math.ceil(leftMs / 1_000));
  expect(done(await scheme.fate(authorization))).toEqual({ kind: "open" });
  expect(await scheme.settle(authorization)).toMatchObject({ reason: "invalid_exact_tvm_expired" });
  stage.devnet.advanceTime(61);
  expect(done(await scheme.fate(authorization))).toMatchObject({ kind: "dead" });
});

test("a promise of a wallet that was destroyed since is dead once its time is over", async () => {
  const agent = await purseOf(stage.devnet, { ton: toNano("5"), jetton: 50_000_000n });
  const terms = termsOf(orderOf());
  const paid = authorized(await payByX402(stage, agent, terms), terms);
  done(await scheme.settle(paid));
  const authorization = authorized(await payByX402(stage, agent, terms), terms);
  await destroy(agent);
  expect(await stage.client.isContractDeployed(agent.address)).toBe(false);
  expect(done(await scheme.fate(paid))).toMatchObject({ kind: "used" });
  expect(done(await scheme.fate(authorization))).toEqual({ kind: "open" });
  const leftMs = authorization.validUntilMs - (await stage.nowMs());
  stage.devnet.advanceTime(Math.ceil(leftMs / 1_000) + 61);
  expect(done(await scheme.fate(authorization))).toMatchObject({ kind: "dead" });
});

/** Sends everything away and the wallet with it. */
async function destroy(agent: Purse): Promise<void> {
  const sum: number = SendMode.CARRY_ALL_REMAINING_BALANCE + SendMode.DESTROY_ACCOUNT_IF_ZERO;
  // The type has no name for a sum of its members.
  const sendMode = sum as unknown as SendMode;
  const body = agent.wallet.createTransfer({
    seqno: await stage.client.open(agent.wallet).getSeqno(),
    secretKey: agent.secretKey,
    timeout: 2 ** 32 - 1,
    sendMode,
    messages: [internal({ to: strangerAddress(), value: 0n, bounce: false })],
  });
  const message = external({ to: agent.address, body });
  await stage.client.sendFile(beginCell().store(storeMessage(message)).endCell().toBoc());
}

test("a promise whose place another one took is dead", async () => {
  const agent = await newAgent();
  const terms = termsOf(orderOf());
  const first = authorized(await payByX402(stage, agent, terms), terms);
  const other = termsOf(orderOf());
  const second = authorized(await payByX402(stage, agent, other), other);
  expect(first.ref).not.toBe(second.ref);
  done(await scheme.settle(second));
  expect(done(await scheme.fate(first))).toMatchObject({ kind: "dead" });
  expect(done(await scheme.fate(second))).toMatchObject({ kind: "used" });
});

test("a promise that its jetton wallet turned down is dead, though the wallet has counted it", async () => {
  const agent = await newAgent();
  const terms = termsOf(orderOf());
  const authorization = authorized(await payByX402(stage, agent, terms), terms);
  const verified = await scheme.verify(authorization);
  expect(verified.kind).toBe("done");
  // Between the look and the sending, the issuer locks the payee.
  await stage.devnet.lock(stage.treasury, "receiving");
  done(await scheme.settle(authorization));
  expect(done(await scheme.fate(authorization))).toEqual({
    kind: "dead",
    reason: "invalid_exact_tvm_transfer_failed",
  });
  await stage.devnet.lock(stage.treasury, "none");
  expect(await stage.held(agent.address)).toBe(50_000_000n);
});

test("a plain transfer that sends its rest to the relay is a plain deposit", async () => {
  const payer = await purseOf(stage.devnet, { ton: toNano("5"), jetton: PRICE });
  const order = orderOf();
  const before = (await readAll(rail, null)).cursor;
  const terms = termsOf(order);
  const payload = await payByX402(stage, payer, terms, { authType: "external", hasInit: true });
  const { settlementBoc } = payload["payload"] as { settlementBoc: string };
  await sendFromOutside(payer, settlementBoc);
  const { deposits } = await readAll(rail, before);
  expect(deposits).toMatchObject([{ orderRef: order.id, amount: { atomic: PRICE } }]);
  expect(deposits[0]).not.toHaveProperty("authorizationRef");
});

async function sendFromOutside(payer: Purse, settlementBoc: string): Promise<void> {
  const { body } = loadMessageRelaxed(Cell.fromBase64(settlementBoc).beginParse());
  const message = external({ to: payer.address, init: payer.wallet.init, body });
  await stage.client.sendFile(beginCell().store(storeMessage(message)).endCell().toBoc());
}

const OTHER_KEY = keyPairFromSeed(Buffer.alloc(32, 9)).secretKey;
const elsewhere = strangerAddress();

test.each<[string, Tampering]>([
  ["invalid_exact_tvm_amount_mismatch", { amount: PRICE - 1n }],
  ["invalid_exact_tvm_amount_mismatch", { amount: PRICE + 1n }],
  ["invalid_exact_tvm_recipient_mismatch", { payTo: elsewhere }],
  ["invalid_exact_tvm_response_destination_mismatch", { responseTo: elsewhere }],
  ["invalid_exact_tvm_response_destination_mismatch", { responseTo: null }],
  ["invalid_exact_tvm_forward_ton_amount_mismatch", { forwardTonAmount: 0n }],
  ["invalid_exact_tvm_forward_payload_mismatch", { forwardPayload: orderPayload("ord_other") }],
  ["invalid_exact_tvm_forward_payload_mismatch", { forwardPayload: null }],
  ["invalid_exact_tvm_custom_payload", { hasCustomPayload: true }],
  ["invalid_exact_tvm_jetton_wallet_mismatch", { jettonWallet: elsewhere }],
  ["invalid_exact_tvm_gas_too_low", { attachedNano: toNano("0.01") }],
  ["invalid_exact_tvm_gas_too_high", { attachedNano: toNano("5") }],
  ["invalid_exact_tvm_not_bounceable", { isBounceable: false }],
  ["invalid_exact_tvm_send_mode", { sendMode: SendMode.CARRY_ALL_REMAINING_BALANCE }],
  ["invalid_exact_tvm_send_mode", { sendMode: SendMode.DESTROY_ACCOUNT_IF_ZERO }],
  ["invalid_exact_tvm_seqno_mismatch", { seqno: 1 }],
  ["invalid_exact_tvm_expired", { validUntilS: 1_000 }],
  ["invalid_exact_tvm_valid_until_too_far", { validUntilS: 4_000_000_000 }],
  ["invalid_exact_tvm_signature", { secretKey: OTHER_KEY }],
  ["invalid_exact_tvm_state_init_missing", { hasInit: false }],
  ["invalid_exact_tvm_wallet_opcode", { authType: "external" }],
  ["invalid_exact_tvm_actions", { messages: 2 }],
  ["invalid_exact_tvm_actions", { messages: 0 }],
])("%s: refused before anything is sent (%o)", async (reason, tampering) => {
  const agent = await newAgent();
  const terms = termsOf(orderOf());
  expect(await refusal(await payByX402(stage, agent, terms, tampering), terms)).toBe(reason);
});

test.each<[string, Record<string, unknown>]>([
  ["unsupported_scheme", { scheme: "upto" }],
  ["invalid_exact_tvm_network_mismatch", { network: "tvm:-239" }],
  ["invalid_exact_tvm_asset_mismatch", { asset: `0:${"1".repeat(64)}` }],
  ["invalid_exact_tvm_recipient_mismatch", { payTo: `0:${"1".repeat(64)}` }],
  ["invalid_exact_tvm_amount_mismatch", { amount: "1" }],
  ["invalid_exact_tvm_extra_mismatch", { extra: {} }],
  ["invalid_exact_tvm_extra_mismatch", { extra: undefined }],
])("%s: what was accepted is not what was asked for (%o)", async (reason, changes) => {
  const agent = await newAgent();
  const terms = termsOf(orderOf());
  const payload = await payByX402(stage, agent, terms);
  const accepted = { ...terms, ...changes };
  expect(await refusal({ ...payload, accepted }, terms)).toBe(reason);
});

test("who has too little, or may not send, is told before anything is sent", async () => {
  const terms = termsOf(orderOf());
  const poor = await purseOf(stage.devnet, { jetton: PRICE - 1n });
  expect(await refusal(await payByX402(stage, poor, terms), terms)).toBe("insufficient_funds");
  const nobody = await purseOf(stage.devnet);
  expect(await refusal(await payByX402(stage, nobody, terms), terms)).toBe("insufficient_funds");
  const locked = await newAgent();
  await stage.devnet.lock(locked.address, "sending");
  expect(await refusal(await payByX402(stage, locked, terms), terms)).toBe(
    "invalid_exact_tvm_jetton_wallet_locked",
  );
});

test("a wallet of other code is refused, whatever it says of itself", async () => {
  const agent = await newAgent();
  const terms = termsOf(orderOf());
  const payload = await payByX402(stage, agent, terms);
  const { settlementBoc } = payload["payload"] as { settlementBoc: string };
  const { body } = loadMessageRelaxed(Cell.fromBase64(settlementBoc).beginParse());
  const init = { code: Cell.EMPTY, data: agent.wallet.init.data };
  const strange = internal({ to: contractAddress(0, init), value: 0n, init, body });
  const altered = { ...payload, payload: { settlementBoc: bocOf(strange), asset: terms.asset } };
  expect(await refusal(altered, terms)).toBe("invalid_exact_tvm_wallet_code");
  const mismatched = internal({ to: agent.address, value: 0n, init, body });
  const other = { ...payload, payload: { settlementBoc: bocOf(mismatched), asset: terms.asset } };
  expect(await refusal(other, terms)).toBe("invalid_exact_tvm_state_init_mismatch");
});

test.each([
  ["invalid_payload", null],
  ["invalid_payload", { x402Version: 2 }],
  ["invalid_x402_version", { x402Version: 1, accepted: {}, payload: {} }],
])("%s: what is no payload of this scheme", async (reason, payload) => {
  expect(await refusal(payload, termsOf(orderOf()))).toBe(reason);
});

test.each([undefined, 7, "", "AAAA", "x".repeat(40_000), Cell.EMPTY.toBoc().toString("base64")])(
  "a settlement that is no message is refused (%#)",
  async (settlementBoc) => {
    const terms = termsOf(orderOf());
    const payload = {
      x402Version: 2,
      accepted: terms,
      payload: { settlementBoc, asset: terms.asset },
    };
    expect(await refusal(payload, terms)).toBe("invalid_exact_tvm_settlement_boc");
  },
);

test("a payment whose payer's history is gone pays its order like a plain one", async () => {
  const agent = await newAgent();
  const order = orderOf();
  const terms = termsOf(order);
  const before = (await readAll(rail, null)).cursor;
  const authorization = authorized(await payByX402(stage, agent, terms), terms);
  done(await scheme.settle(authorization));
  const [newest] = await stage.client.getTransactions(stage.account, { limit: 1 });
  if (newest === undefined) throw new Error("nothing was paid");
  stage.devnet.pruneHistory({ beforeLt: newest.lt, isForGood: true });
  const { deposits } = await readAll(rail, before);
  expect(deposits).toMatchObject([{ orderRef: order.id, amount: { atomic: PRICE } }]);
  expect(deposits[0]).not.toHaveProperty("authorizationRef");
});
