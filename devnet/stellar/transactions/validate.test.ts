import { Asset, Keypair, Operation, TransactionBuilder } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { codes, PASSPHRASE, START_S, testChain } from "../test-chain.ts";

test("a source that does not exist, or another's signature, is refused", () => {
  const { account, submit } = testChain();
  const [alice, bob] = [account(), account()];
  expect(codes(submit(Keypair.random(), [pay(bob)]))).toEqual(["txNoAccount"]);
  expect(codes(submit(alice, [pay(bob)], { signers: [bob] }))).toEqual(["txBadAuth"]);
  expect(codes(submit(alice, [pay(bob)], { signers: [] }))).toEqual(["txBadAuth"]);
});

test("a signature that nobody needs is too much", () => {
  const { account, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const answer = submit(alice, [pay(bob)], { signers: [alice, bob] });
  expect(codes(answer)).toEqual(["txBadAuthExtra"]);
});

test("an operation with a source of its own needs that one's signature", () => {
  const { account, balance, run, submit } = testChain();
  const [alice, bob] = [account("100"), account("100")];
  const fromBob = Operation.payment({
    destination: alice.publicKey(),
    asset: Asset.native(),
    amount: "10",
    source: bob.publicKey(),
  });
  expect(codes(submit(alice, [fromBob]))).toEqual(["txFailed", "opBadAuth"]);
  run(alice, [fromBob], { signers: [alice, bob] });
  expect(balance(alice)).toBe(1_100_000_000n - 100n);
  expect(balance(bob)).toBe(900_000_000n);
});

test("sequence numbers leave no gap and do not come back", () => {
  const { account, submit } = testChain();
  const [alice, bob] = [account(), account()];
  expect(codes(submit(alice, [pay(bob)], { sequenceAhead: 1 }))).toEqual(["txBadSeq"]);
  expect(codes(submit(alice, [pay(bob)], { sequenceAhead: -1 }))).toEqual(["txBadSeq"]);
});

test("time bounds are judged by the chain's clock, both ends included", () => {
  const { account, chain, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const at = (minTime: number, maxTime: number) =>
    codes(submit(alice, [pay(bob)], { minTime, maxTime }));
  expect(at(START_S + 1, 0)).toEqual(["txTooEarly"]);
  expect(at(0, START_S - 1)).toEqual(["txTooLate"]);
  expect(at(START_S, START_S)).toEqual([]);
  chain.closeLedger();
  chain.advanceTime(1);
  expect(at(0, START_S)).toEqual(["txTooLate"]);
});

test("a transaction that would expire before the next ledger is not taken", () => {
  const { account, submit } = testChain({ lateMarginS: 10 });
  const [alice, bob] = [account(), account()];
  const answer = submit(alice, [pay(bob)], { maxTime: START_S + 9 });
  expect(codes(answer)).toEqual(["txTooLate"]);
  expect(submit(alice, [pay(bob)], { maxTime: START_S + 10 }).status).toBe("PENDING");
});

test("ledger bounds, sequence age and gap hold a transaction back", () => {
  const { account, chain, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const next = chain.history.latest.sequence + 1;
  const held = (build: (builder: TransactionBuilder) => void) =>
    codes(submit(alice, [pay(bob)], { build }));
  expect(held((b) => b.setLedgerbounds(next + 1, 0))).toEqual(["txTooEarly"]);
  expect(held((b) => b.setLedgerbounds(0, next))).toEqual(["txTooLate"]);
  expect(submit(alice, [pay(bob)]).status).toBe("PENDING");
  chain.closeLedger();
  expect(held((b) => b.setMinAccountSequenceLedgerGap(3))).toEqual(["txBadMinSeqAgeOrGap"]);
  expect(held((b) => b.setMinAccountSequenceAge(60n))).toEqual(["txBadMinSeqAgeOrGap"]);
  chain.advanceTime(60);
  chain.advanceLedgers(2);
  expect(held((b) => b.setMinAccountSequenceLedgerGap(3).setMinAccountSequenceAge(60n))).toEqual(
    [],
  );
});

test("a sequence number may be skipped when the transaction says from where", () => {
  const { account, sequence, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const minimum = String(sequence(alice));
  const build = (builder: TransactionBuilder) => builder.setMinAccountSequence(minimum);
  expect(submit(alice, [pay(bob)], { sequenceAhead: 5, build }).status).toBe("PENDING");
});

test("less than 100 stroops for each operation is not enough", () => {
  const { account, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const answer = submit(alice, [pay(bob), pay(bob)], { fee: "99" });
  expect(codes(answer)).toEqual(["txInsufficientFee"]);
  expect(answer.errorResult?.feeCharged).toBe(200n);
});

test("who offers more for a place pays the base fee all the same", () => {
  const { account, balance, run } = testChain();
  const [alice, bob] = [account("100"), account("100")];
  run(alice, [pay(bob)], { fee: "5000" });
  expect(balance(alice)).toBe(1_000_000_000n - 10_000_000n - 100n);
});

test("the fee itself cannot come out of the reserve", () => {
  const { account, submit } = testChain();
  const [alice, bob] = [account("1.00001"), account()];
  expect(codes(submit(alice, [pay(bob)], { fee: "101" }))).toEqual(["txInsufficientBalance"]);
});

test("no operations is an error of its own", () => {
  const { account, submit } = testChain();
  expect(codes(submit(account(), []))).toEqual(["txMissingOperation"]);
});

test("another pays the fee of a fee bump", () => {
  const { account, balance, chain, envelope } = testChain();
  const [alice, bob, payer] = [account("100"), account("100"), account("100")];
  const bump = feeBump(envelope(alice, [pay(bob)]), payer, "200");
  const answer = chain.submit(bump);
  expect(answer.status).toBe("PENDING");
  chain.closeLedger();
  const record = chain.history.transaction(answer.hash);
  expect(record && codes(record)).toEqual(["txFeeBumpInnerSuccess", "txSuccess", "paymentSuccess"]);
  expect(balance(alice)).toBe(990_000_000n);
  expect(balance(payer)).toBe(1_000_000_000n - 200n);
  expect(record?.innerHash && chain.history.transaction(record.innerHash)).toBe(record);
});

test("a fee bump is refused for its own faults and for those inside", () => {
  const { account, chain, envelope } = testChain();
  const [alice, bob, payer] = [account("100"), account("100"), account("100")];
  const inner = envelope(alice, [pay(bob)]);
  const bumped = (text: string, by: Keypair, signer = by) =>
    codes(chain.submit(feeBump(text, by, "200", signer)));
  expect(bumped(inner, payer, alice)).toEqual(["txBadAuth"]);
  expect(bumped(inner, Keypair.random())).toEqual(["txNoAccount"]);
  expect(bumped(envelope(alice, [pay(bob)], { signers: [bob] }), payer)).toEqual([
    "txFeeBumpInnerFailed",
    "txBadAuth",
  ]);
  expect(bumped(envelope(alice, [pay(bob)], { maxTime: 5 }), payer)).toEqual([
    "txFeeBumpInnerFailed",
    "txTooLate",
  ]);
});

function pay(to: Keypair) {
  return Operation.payment({ destination: to.publicKey(), asset: Asset.native(), amount: "1" });
}

function feeBump(inner: string, payer: Keypair, fee: string, signer = payer): string {
  const transaction = TransactionBuilder.fromXdr(inner, PASSPHRASE);
  if ("innerTransaction" in transaction) throw new Error("not a plain transaction");
  const bump = TransactionBuilder.buildFeeBumpTransaction(payer, fee, transaction, PASSPHRASE);
  bump.sign(signer);
  return bump.toEnvelope().toXdr("base64");
}
