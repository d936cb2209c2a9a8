import { Asset, Keypair, Operation } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { codes, testChain } from "../test-chain.ts";

const { accountMerge, bumpSequence, changeTrust, createAccount, manageData, payment } = Operation;

test("a new account's sequence number is its birth ledger, shifted", () => {
  const { account, chain, run, sequence } = testChain();
  const alice = account();
  const fresh = Keypair.random();
  const record = run(alice, [create(fresh, "5")]);
  expect(codes(record)).toEqual(["txSuccess", "createAccountSuccess"]);
  expect(sequence(fresh)).toBe(BigInt(chain.history.latest.sequence) << 32n);
});

test("an account needs a base reserve of 1 XLM to begin", () => {
  const { account, run } = testChain();
  const record = run(account(), [create(Keypair.random(), "0.9999999")]);
  expect(codes(record)).toEqual(["txFailed", "createAccountLowReserve"]);
});

test("an account cannot be created twice, or by one who lacks the money", () => {
  const { account, run } = testChain();
  const [alice, bob] = [account("100"), account("100")];
  expect(codes(run(alice, [create(bob, "5")]))).toEqual(["txFailed", "createAccountAlreadyExist"]);
  expect(codes(run(alice, [create(Keypair.random(), "99.5")]))).toEqual([
    "txFailed",
    "createAccountUnderfunded",
  ]);
});

test("an account that creates itself is malformed", () => {
  const { account, submit } = testChain();
  const alice = account();
  expect(codes(submit(alice, [create(alice, "5")]))).toEqual([
    "txFailed",
    "createAccountMalformed",
  ]);
});

test("each trustline raises the reserve by half an XLM until there is no room", () => {
  const { account, run } = testChain();
  const issuer = account();
  const alice = account("2.00001");
  const trust = (code: string) => changeTrust({ asset: new Asset(code, issuer.publicKey()) });
  expect(codes(run(alice, [trust("AAA")]))).toEqual(["txSuccess", "changeTrustSuccess"]);
  expect(codes(run(alice, [trust("BBB")]))).toEqual(["txFailed", "changeTrustLowReserve"]);
});

test("a trustline needs an issuer that exists and is not oneself", () => {
  const { account, run, submit } = testChain();
  const alice = account();
  const nobodys = new Asset("USD", Keypair.random().publicKey());
  const own = new Asset("USD", alice.publicKey());
  expect(codes(run(alice, [changeTrust({ asset: nobodys })]))).toEqual([
    "txFailed",
    "changeTrustNoIssuer",
  ]);
  expect(codes(submit(alice, [changeTrust({ asset: own })]))).toEqual([
    "txFailed",
    "changeTrustMalformed",
  ]);
});

test("a trustline's limit cannot fall below the balance; an empty one can be removed", () => {
  const { account, balance, run } = testChain();
  const [issuer, alice] = [account(), account("10")];
  const usd = new Asset("USD", issuer.publicKey());
  const pay = (from: Keypair, to: Keypair) =>
    run(from, [payment({ destination: to.publicKey(), asset: usd, amount: "5" })]);
  expect(codes(run(alice, [changeTrust({ asset: usd, limit: "0" })]))).toEqual([
    "txFailed",
    "changeTrustInvalidLimit",
  ]);
  run(alice, [changeTrust({ asset: usd })]);
  pay(issuer, alice);
  for (const limit of ["4.9999999", "0"]) {
    expect(codes(run(alice, [changeTrust({ asset: usd, limit })]))).toEqual([
      "txFailed",
      "changeTrustInvalidLimit",
    ]);
  }
  pay(alice, issuer);
  expect(codes(run(alice, [changeTrust({ asset: usd, limit: "0" })]))).toEqual([
    "txSuccess",
    "changeTrustSuccess",
  ]);
  // The half XLM that the trustline held back is free again.
  const left = (balance(alice) ?? 0n) - 10_000_000n - 100n;
  const all = `${left / 10_000_000n}.${String(left % 10_000_000n).padStart(7, "0")}`;
  const native = Asset.native();
  const spend = payment({ destination: issuer.publicKey(), asset: native, amount: all });
  expect(codes(run(alice, [spend]))).toEqual(["txSuccess", "paymentSuccess"]);
});

test("a merged account is gone and its balance is the other's", () => {
  const { account, balance, run } = testChain();
  const [alice, bob] = [account("100"), account("100")];
  const merge = accountMerge({ destination: bob.publicKey() });
  expect(codes(run(alice, [merge]))).toEqual(["txSuccess", "accountMergeSuccess"]);
  expect(balance(alice)).toBeNull();
  expect(balance(bob)).toBe(2_000_000_000n - 100n);
});

test("an account that still trusts an asset, or wants to merge into nobody, stays", () => {
  const { account, run } = testChain();
  const [issuer, alice] = [account(), account()];
  run(alice, [changeTrust({ asset: new Asset("USD", issuer.publicKey()) })]);
  expect(codes(run(alice, [accountMerge({ destination: issuer.publicKey() })]))).toEqual([
    "txFailed",
    "accountMergeHasSubEntries",
  ]);
  const nobody = Keypair.random().publicKey();
  expect(codes(run(issuer, [accountMerge({ destination: nobody })]))).toEqual([
    "txFailed",
    "accountMergeNoAccount",
  ]);
});

test("a sequence number can be bumped forwards only", () => {
  const { account, run, sequence } = testChain();
  const alice = account();
  const to = sequence(alice) + 1000n;
  run(alice, [bumpSequence({ bumpTo: String(to) })]);
  expect(sequence(alice)).toBe(to);
  run(alice, [bumpSequence({ bumpTo: "5" })]);
  expect(sequence(alice)).toBe(to + 1n);
});

test("data entries cost reserve while they are there", () => {
  const { account, run } = testChain();
  const alice = account();
  expect(codes(run(alice, [manageData({ name: "a", value: "1" })]))).toEqual([
    "txSuccess",
    "manageDataSuccess",
  ]);
  expect(codes(run(alice, [manageData({ name: "b", value: null })]))).toEqual([
    "txFailed",
    "manageDataNameNotFound",
  ]);
  expect(codes(run(alice, [manageData({ name: "a", value: null })]))).toEqual([
    "txSuccess",
    "manageDataSuccess",
  ]);
});

test("an operation that the local chain does not know is told so", () => {
  const { account, submit } = testChain();
  const alice = account();
  const offer = Operation.manageSellOffer({
    selling: Asset.native(),
    buying: new Asset("USD", alice.publicKey()),
    amount: "1",
    price: "1",
  });
  expect(codes(submit(alice, [offer]))).toEqual(["txFailed", "opNotSupported"]);
});

function create(account: Keypair, startingBalance: string) {
  return createAccount({ destination: account.publicKey(), startingBalance });
}
