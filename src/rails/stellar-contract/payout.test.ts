import {
  Asset as StellarAsset,
  encodeMuxedAccountToAddress,
  Keypair,
  Operation,
  TransactionBuilder,
  type Transaction,
} from "@stellar/stellar-sdk/base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NOBODY_HOME } from "../../../tests/fixtures/rpc-front.ts";
import { openStellarStage, type StellarStage } from "../../../tests/fixtures/stellar-stage.ts";
import { systemClock } from "../../clock.ts";
import type { Outcome } from "../../outcome.ts";
import type { Payouts, SignedPayout } from "../rail.ts";
import {
  accountKey,
  readEntries,
  tokenBalanceKey,
  tokenBalanceOf,
  trustlineKey,
} from "./entries.ts";
import { railAssets, type RailAsset } from "./network.ts";
import type { StellarContractSettings } from "./parse.ts";
import { openPayouts } from "./payout.ts";
import { createRpc, type Rpc } from "./rpc.ts";

let stage: StellarStage;
beforeAll(async () => {
  stage = await openStellarStage({ channels: 1 });
});
afterAll(() => stage.close());

interface Hands {
  readonly payouts: Payouts;
  readonly usdc: RailAsset;
  readonly xlm: RailAsset;
  readonly rpc: Rpc;
}

function hands(changes: Partial<StellarContractSettings> = {}): Hands {
  const config = stage.config(changes);
  const { rpcUrls: urls, passphrase } = config;
  const rpc = createRpc({ urls, passphrase, timeoutMs: 5_000, clock: systemClock });
  const assets = railAssets(config);
  return { payouts: openPayouts(rpc, config, assets), ...assets, rpc };
}

async function sign(
  { payouts }: Hands,
  to: string,
  { asset }: RailAsset,
  atomic: bigint,
): Promise<Outcome<SignedPayout>> {
  const lane = done(await payouts.freeLane(new Set())) ?? "";
  return payouts.sign({ id: "p1", to, amount: { asset, atomic }, lane });
}

function done<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === "done") return outcome.value;
  throw new Error(`${outcome.kind}: ${outcome.reason}`);
}

/** Resolves with what became of it. */
async function sendAndClose({ payouts }: Hands, payout: SignedPayout): Promise<string> {
  done(await payouts.submit(payout));
  stage.devnet.chain.closeLedger();
  return done(await payouts.fate(payout)).kind;
}

async function held(address: string, asset: StellarAsset): Promise<bigint> {
  const key = asset.isNative() ? accountKey(address) : trustlineKey(address, asset);
  const data = done(await readEntries(hands().rpc, [key])).get(key)?.data;
  return data?.type === "account" || data?.type === "trustline" ? data.value.balance : 0n;
}

async function heldByContract({ rpc }: Hands, form: RailAsset, owner: string): Promise<bigint> {
  const key = tokenBalanceKey(form.contractId, owner);
  return done(tokenBalanceOf(done(await readEntries(rpc, [key])).get(key)));
}

/** A valid address at which nothing is. */
function anyContract(): string {
  const asset = new StellarAsset("NONE", stage.keeper.publicKey());
  return asset.contractId(stage.devnet.passphrase);
}

function opened(payout: SignedPayout): Transaction {
  return TransactionBuilder.fromXdr(payout.body, stage.devnet.passphrase) as Transaction;
}

test("the bytes are one payment out of the treasury, on the lane's sequence, bounded by chain time", async () => {
  const { latest } = stage.devnet.chain.history;
  const payee = stage.newAccount("0");
  const hand = hands();
  const payout = done(await sign(hand, payee.publicKey(), hand.usdc, 12_3456789n));
  const transaction = opened(payout);
  expect(Buffer.from(transaction.hash()).toString("hex")).toBe(payout.txId);
  expect(transaction.source).toBe(stage.channels[0]?.publicKey());
  expect(transaction.operations).toMatchObject([
    {
      type: "payment",
      source: stage.treasury.publicKey(),
      destination: payee.publicKey(),
      amount: "12.3456789",
    },
  ]);
  expect(Number(transaction.timeBounds?.maxTime) * 1000).toBe(payout.validUntilMs);
  expect((payout.validUntilMs ?? 0) - latest.closeTimeS * 1000).toBeGreaterThanOrEqual(90_000);
  expect(payout.signedAtHeight).toBeGreaterThanOrEqual(latest.sequence);
});

test("a muxed address is paid with its number, and judged by its account", async () => {
  const payee = stage.newAccount("0");
  const muxed = encodeMuxedAccountToAddress(payee.xdrMuxedAccount("77"));
  const hand = hands();
  const payout = done(await sign(hand, muxed, hand.usdc, 5n));
  expect(opened(payout).operations).toMatchObject([{ destination: muxed }]);
  expect(await sendAndClose(hand, payout)).toBe("final");
  expect(await held(payee.publicKey(), stage.usdc.asset)).toBe(5n);
});

test("XLM for an account that was closed since creates it anew, if the amount carries its reserve", async () => {
  const gone = Keypair.random().publicKey();
  const hand = hands();
  expect(await sign(hand, gone, hand.xlm, 9_999_999n)).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: "the payee's account does not exist and the amount is below its reserve",
  });
  expect(await sendAndClose(hand, done(await sign(hand, gone, hand.xlm, 10_000_000n)))).toBe(
    "final",
  );
  expect(await held(gone, hand.xlm.stellar)).toBe(10_000_000n);
});

test("each reason why a payee cannot receive is said, for good", async () => {
  const hand = hands();
  const { issuer } = stage.usdc;
  const refused = async (to: string, form: RailAsset, atomic = 1n): Promise<string> => {
    const outcome = await sign(hand, to, form, atomic);
    expect(outcome).toMatchObject({ kind: "failed", retryable: false });
    return outcome.kind === "failed" ? outcome.reason : "";
  };
  const plain = stage.newAccount();
  const full = stage.newAccount("10");
  stage.run(full, Operation.changeTrust({ asset: stage.usdc.asset, limit: "10.0000001" }));
  const frozen = stage.newAccount("0");
  const shared = stage.newAccount("0");
  const name = "config.memo_required";
  stage.run(shared, Operation.manageData({ name, value: "1" }));

  const flags = { setFlags: 2 } as const;
  stage.run(issuer, Operation.setOptions(flags));
  const revoked = { trustor: frozen.publicKey(), asset: stage.usdc.asset };
  stage.run(issuer, Operation.setTrustLineFlags({ ...revoked, flags: { authorized: false } }));

  expect(await refused(anyContract(), hand.usdc)).toMatch(/is a contract that does not exist/);
  expect(await refused(Keypair.random().publicKey(), hand.usdc)).toMatch(/does not exist/);
  expect(await refused(plain.publicKey(), hand.usdc)).toMatch(/no trustline for USDC/);
  expect(await refused(full.publicKey(), hand.usdc, 2n)).toMatch(/trustline is full/);
  expect(await refused(frozen.publicKey(), hand.usdc)).toMatch(/not authorised/);
  expect(await refused(shared.publicKey(), hand.xlm)).toMatch(/memo/);
  expect(await refused("GARBAGE", hand.xlm)).toMatch(/not a Stellar address/);
  expect(await sendAndClose(hand, done(await sign(hand, full.publicKey(), hand.usdc, 1n)))).toBe(
    "final",
  );
});

test("a muxed address of a shared account is fine: its number is what a memo would be", async () => {
  const shared = stage.newAccount("0");
  stage.run(shared, Operation.manageData({ name: "config.memo_required", value: "1" }));
  const muxed = encodeMuxedAccountToAddress(shared.xdrMuxedAccount("5"));
  const hand = hands();
  expect(await sendAndClose(hand, done(await sign(hand, muxed, hand.usdc, 5n)))).toBe("final");
});

test("a smart wallet is paid by the asset's contract, in every asset, within the same promises", async () => {
  const hand = hands();
  const wallet = stage.receiverId;
  for (const form of [hand.usdc, hand.xlm]) {
    const before = await heldByContract(hand, form, wallet);
    const payout = done(await sign(hand, wallet, form, 3_0000001n));
    expect(opened(payout).operations).toMatchObject([{ source: stage.treasury.publicKey() }]);
    expect(Number(opened(payout).timeBounds?.maxTime) * 1000).toBe(payout.validUntilMs);
    expect(await sendAndClose(hand, payout)).toBe("final");
    done(await hand.payouts.submit(payout));
    stage.devnet.chain.closeLedger();
    expect((await heldByContract(hand, form, wallet)) - before).toBe(3_0000001n);
  }
});

test("a payout to a smart wallet that is never sent is dead after its bound", async () => {
  const hand = hands();
  const payout = done(await sign(hand, stage.receiverId, hand.usdc, 3n));
  stage.devnet.chain.advanceTime(91);
  stage.devnet.chain.closeLedger();
  expect(done(await hand.payouts.fate(payout)).kind).toBe("dead");
  expect(await hand.payouts.submit(payout)).toMatchObject({ kind: "failed" });
});

test("the issuer can be paid its own asset without a trustline", async () => {
  const hand = hands();
  expect(
    await sendAndClose(hand, done(await sign(hand, stage.usdc.issuer.publicKey(), hand.usdc, 5n))),
  ).toBe("final");
});

test("the treasury's key may be another signer of its account", async () => {
  const second = Keypair.random();
  const signer = { ed25519PublicKey: second.publicKey(), weight: 1 };
  stage.run(stage.treasury, Operation.setOptions({ signer }));
  const hand = hands({
    treasuryAddress: stage.treasury.publicKey(),
    treasurySecret: second.secret(),
    channelSecrets: [],
  });
  const payee = stage.newAccount("0");
  const payout = done(await sign(hand, payee.publicKey(), hand.usdc, 5n));
  expect(payout.lane).toBe(stage.treasury.publicKey());
  expect(await sendAndClose(hand, payout)).toBe("final");
});

test("a lane that cannot pay its fee is named; topping it up mends it", async () => {
  const poor = stage.newAccount();
  const destination = stage.usdc.issuer.publicKey();
  const { xlm } = hands();
  const rest = { destination, asset: xlm.stellar, amount: "9998.9999" };
  stage.run(poor, Operation.payment(rest));
  const hand = hands({ channelSecrets: [poor.secret()] });
  expect(await sign(hand, stage.newAccount().publicKey(), xlm, 5n)).toMatchObject({
    kind: "failed",
    retryable: true,
    reason: expect.stringContaining(poor.publicKey()) as string,
  });
});

test("assets, lanes and amounts that are none of the rail's are refused", async () => {
  const hand = hands();
  const to = stage.newAccount("0").publicKey();
  const foreign = {
    ...hand.usdc,
    asset: { ...hand.usdc.asset, id: "stellar:pubnet/asset:USDC-G" },
  };
  expect(await sign(hand, to, foreign, 5n)).toMatchObject({ kind: "failed", retryable: false });
  expect(await sign(hand, to, hand.usdc, 0n)).toMatchObject({ kind: "failed", retryable: false });
  expect(await hand.payouts.balance(foreign.asset)).toMatchObject({ kind: "failed" });
  const amount = { asset: hand.usdc.asset, atomic: 1n };
  expect(
    await hand.payouts.sign({ id: "p", to, amount, lane: stage.keeper.publicKey() }),
  ).toMatchObject({ kind: "failed", retryable: false });
});

test("without a server nothing is signed, sent or judged, and everything may be tried again", async () => {
  const payee = stage.newAccount("0");
  const hand = hands();
  const payout = done(await sign(hand, payee.publicKey(), hand.usdc, 5n));
  const cut = hands({ rpcUrls: [NOBODY_HOME] });
  const later = { kind: "failed", retryable: true };
  expect(await sign(cut, payee.publicKey(), cut.usdc, 5n)).toMatchObject(later);
  expect(await cut.payouts.submit(payout)).toMatchObject(later);
  expect(await cut.payouts.fate(payout)).toMatchObject(later);
  expect(await cut.payouts.balance(cut.usdc.asset)).toMatchObject(later);
});

test("two payouts signed on one lane are one payment: the second is refused and dead in time", async () => {
  const payee = stage.newAccount("0");
  const hand = hands();
  const one = done(await sign(hand, payee.publicKey(), hand.usdc, 5n));
  const two = done(await sign(hand, payee.publicKey(), hand.usdc, 7n));
  expect(await sendAndClose(hand, one)).toBe("final");
  expect(await hand.payouts.submit(two)).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: expect.stringContaining("txBadSeq") as string,
  });
  expect(done(await hand.payouts.fate(two))).toEqual({ kind: "pending" });
  stage.devnet.chain.advanceTime(91);
  stage.devnet.chain.closeLedger();
  expect(done(await hand.payouts.fate(two)).kind).toBe("dead");
  expect(await held(payee.publicKey(), stage.usdc.asset)).toBe(5n);
});
