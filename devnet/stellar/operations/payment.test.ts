import { Asset, Keypair, Operation, xdr } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { codes, testChain } from "../test-chain.ts";

const AUTH_REQUIRED = 1;
const AUTH_REVOCABLE = 2;

test("XLM moves, and the sender pays the fee besides", () => {
  const { account, balance, run } = testChain();
  const alice = account("100");
  const bob = account("100");
  const record = run(alice, [pay(bob, "25.5")]);
  expect(codes(record)).toEqual(["txSuccess", "paymentSuccess"]);
  expect(balance(alice)).toBe(745_000_000n - 100n);
  expect(balance(bob)).toBe(1_255_000_000n);
});

test("paying oneself in XLM succeeds even with more than one has", () => {
  const { account, run } = testChain();
  const alice = account("100");
  expect(codes(run(alice, [pay(alice, "5000")]))).toEqual(["txSuccess", "paymentSuccess"]);
});

test("the reserve cannot be spent", () => {
  const { account, run } = testChain();
  const alice = account("100");
  const bob = account("100");
  expect(codes(run(alice, [pay(bob, "99.5")]))).toEqual(["txFailed", "paymentUnderfunded"]);
});

test("a failed payment costs the fee and the sequence number, and nothing else", () => {
  const { account, balance, sequence, run } = testChain();
  const alice = account("100");
  const bob = account("100");
  const before = sequence(alice);
  run(alice, [pay(bob, "10"), pay(bob, "1000")]);
  expect(balance(alice)).toBe(1_000_000_000n - 200n);
  expect(balance(bob)).toBe(1_000_000_000n);
  expect(sequence(alice)).toBe(before + 1n);
});

test("XLM to an account that does not exist is NO_DESTINATION", () => {
  const { account, run } = testChain();
  const record = run(account(), [pay(Keypair.random(), "1")]);
  expect(codes(record)).toEqual(["txFailed", "paymentNoDestination"]);
});

test("a payment of nothing is malformed and not let into the queue", () => {
  const { account, submit } = testChain();
  const alice = account();
  // The client library refuses to build these.
  const body = (amount: bigint, of: Asset) =>
    xdr.OperationBody.payment(
      new xdr.PaymentOp({
        destination: xdr.MuxedAccount.keyTypeEd25519(alice.rawPublicKey()),
        asset: of.toXdrObject(),
        amount,
      }),
    );
  for (const one of [body(0n, Asset.native()), body(-1n, Asset.native())]) {
    const answer = submit(alice, [new xdr.Operation({ sourceAccount: null, body: one })]);
    expect(answer.status).toBe("ERROR");
    expect(codes(answer)).toEqual(["txFailed", "paymentMalformed"]);
  }
});

test("the issuer pays without a trustline, and its asset is burned when it comes back", () => {
  const { account, run } = testChain();
  const [issuer, alice] = [account(), account()];
  const usd = asset(issuer);
  run(alice, [Operation.changeTrust({ asset: usd })]);
  expect(codes(run(issuer, [pay(alice, "5", usd)]))).toEqual(["txSuccess", "paymentSuccess"]);
  expect(codes(run(alice, [pay(issuer, "5", usd)]))).toEqual(["txSuccess", "paymentSuccess"]);
  expect(codes(run(alice, [pay(issuer, "1", usd)]))).toEqual(["txFailed", "paymentUnderfunded"]);
});

test("the destination's missing trustline is named before the source's empty pocket", () => {
  const { account, run } = testChain();
  const [issuer, alice, bob] = [account(), account(), account()];
  const usd = asset(issuer);
  run(alice, [Operation.changeTrust({ asset: usd })]);
  expect(codes(run(alice, [pay(bob, "1", usd)]))).toEqual(["txFailed", "paymentNoTrust"]);
});

test("a source without the trustline is SRC_NO_TRUST", () => {
  const { account, run } = testChain();
  const [issuer, alice, bob] = [account(), account(), account()];
  const usd = asset(issuer);
  run(bob, [Operation.changeTrust({ asset: usd })]);
  expect(codes(run(alice, [pay(bob, "1", usd)]))).toEqual(["txFailed", "paymentSrcNoTrust"]);
});

test("a trustline takes no more than its limit", () => {
  const { account, run } = testChain();
  const [issuer, alice] = [account(), account()];
  const usd = asset(issuer);
  run(alice, [Operation.changeTrust({ asset: usd, limit: "10" })]);
  expect(codes(run(issuer, [pay(alice, "10", usd)]))).toEqual(["txSuccess", "paymentSuccess"]);
  expect(codes(run(issuer, [pay(alice, "0.0000001", usd)]))).toEqual([
    "txFailed",
    "paymentLineFull",
  ]);
});

test("an issuer that asks for authorisation decides who can receive and who can send", () => {
  const { account, run } = testChain();
  const [issuer, alice, bob] = [account(), account(), account()];
  const usd = asset(issuer);
  run(issuer, [Operation.setOptions({ setFlags: AUTH_REQUIRED | AUTH_REVOCABLE })]);
  run(alice, [Operation.changeTrust({ asset: usd })]);
  run(bob, [Operation.changeTrust({ asset: usd })]);
  expect(codes(run(issuer, [pay(alice, "5", usd)]))).toEqual(["txFailed", "paymentNotAuthorized"]);
  run(issuer, [authorize(alice, usd, true), pay(alice, "5", usd), authorize(bob, usd, true)]);
  run(issuer, [authorize(alice, usd, false)]);
  expect(codes(run(alice, [pay(bob, "1", usd)]))).toEqual(["txFailed", "paymentSrcNotAuthorized"]);
});

function pay(to: Keypair, amount: string, of: Asset = Asset.native()) {
  return Operation.payment({ destination: to.publicKey(), asset: of, amount });
}

function asset(issuer: Keypair): Asset {
  return new Asset("USD", issuer.publicKey());
}

function authorize(trustor: Keypair, of: Asset, authorized: boolean) {
  return Operation.setTrustLineFlags({
    trustor: trustor.publicKey(),
    asset: of,
    flags: { authorized },
  });
}
