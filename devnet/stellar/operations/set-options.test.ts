import { createHash, randomBytes } from "node:crypto";
import { Asset, Keypair, Operation, TransactionBuilder } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { codes, PASSPHRASE, testChain } from "../test-chain.ts";

const AUTH_REVOCABLE = 2;
const AUTH_IMMUTABLE = 4;
const AUTH_CLAWBACK = 8;

test("two of three can act once the thresholds ask for two", () => {
  const { account, run, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const [second, third] = [Keypair.random(), Keypair.random()];
  run(alice, [
    addSigner(second, 1),
    addSigner(third, 1),
    Operation.setOptions({ lowThreshold: 1, medThreshold: 2, highThreshold: 3 }),
  ]);
  const signedBy = (...signers: Keypair[]) => ({ signers });
  expect(codes(submit(alice, [pay(bob)], signedBy(second)))).toEqual(["txFailed", "opBadAuth"]);
  expect(codes(run(alice, [pay(bob)], signedBy(second, third)))).toEqual([
    "txSuccess",
    "paymentSuccess",
  ]);
  const raise = Operation.setOptions({ highThreshold: 1 });
  expect(codes(submit(alice, [raise], signedBy(alice, third)))).toEqual(["txFailed", "opBadAuth"]);
  expect(codes(run(alice, [raise], signedBy(alice, second, third)))).toEqual([
    "txSuccess",
    "setOptionsSuccess",
  ]);
});

test("the master key can be taken away", () => {
  const { account, run, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const other = Keypair.random();
  run(alice, [addSigner(other, 1), Operation.setOptions({ masterWeight: 0 })]);
  expect(codes(submit(alice, [pay(bob)]))).toEqual(["txBadAuth"]);
  expect(codes(run(alice, [pay(bob)], { signers: [other] }))).toEqual([
    "txSuccess",
    "paymentSuccess",
  ]);
});

test("a signer of weight 0 is removed, and its reserve is free", () => {
  const { account, run, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const other = Keypair.random();
  run(alice, [addSigner(other, 1)]);
  run(alice, [addSigner(other, 0)]);
  expect(codes(submit(alice, [pay(bob)], { signers: [other] }))).toEqual(["txBadAuth"]);
  const merge = Operation.accountMerge({ destination: bob.publicKey() });
  expect(codes(run(alice, [merge]))).toEqual(["txSuccess", "accountMergeSuccess"]);
});

test("a transaction can be authorised by its hash, once", () => {
  const { account, chain, envelope, run } = testChain();
  const [alice, bob] = [account(), account()];
  const unsigned = envelope(alice, [pay(bob)], { sequenceAhead: 1, signers: [] });
  const preAuthTx = TransactionBuilder.fromXdr(unsigned, PASSPHRASE).hash();
  run(alice, [Operation.setOptions({ signer: { preAuthTx, weight: 1 } })]);
  const answer = chain.submit(unsigned);
  expect(answer.status).toBe("PENDING");
  chain.closeLedger();
  expect(chain.history.transaction(answer.hash)?.successful).toBe(true);
  // The one-time signer is gone: the account can be merged away.
  const merge = Operation.accountMerge({ destination: bob.publicKey() });
  expect(codes(run(alice, [merge]))).toEqual(["txSuccess", "accountMergeSuccess"]);
});

test("the preimage of a hash signs", () => {
  const { account, chain, envelope, run } = testChain();
  const [alice, bob] = [account(), account()];
  const preimage = randomBytes(32);
  const sha256Hash = createHash("sha256").update(preimage).digest();
  run(alice, [Operation.setOptions({ signer: { sha256Hash, weight: 1 } })]);
  const transaction = TransactionBuilder.fromXdr(
    envelope(alice, [pay(bob)], { signers: [] }),
    PASSPHRASE,
  );
  transaction.signHashX(preimage);
  expect(chain.submit(transaction.toEnvelope().toXdr("base64")).status).toBe("PENDING");
});

test("flags are checked: unknown, contradicting, immutable, clawback without revocable", () => {
  const { account, run, submit } = testChain();
  const alice = account();
  const set = (setFlags: number, clearFlags?: number) =>
    Operation.setOptions({ setFlags, ...(clearFlags !== undefined && { clearFlags }) });
  expect(codes(submit(alice, [set(16)]))).toEqual(["txFailed", "setOptionsUnknownFlag"]);
  expect(codes(submit(alice, [set(2, 2)]))).toEqual(["txFailed", "setOptionsBadFlags"]);
  expect(codes(run(alice, [set(AUTH_CLAWBACK)]))).toEqual([
    "txFailed",
    "setOptionsAuthRevocableRequired",
  ]);
  run(alice, [set(AUTH_IMMUTABLE)]);
  expect(codes(run(alice, [set(AUTH_REVOCABLE)]))).toEqual(["txFailed", "setOptionsCantChange"]);
});

test("oneself as a signer, or a home domain that is no text, is refused", () => {
  const { account, run, submit } = testChain();
  const alice = account();
  expect(codes(submit(alice, [addSigner(alice, 1)]))).toEqual(["txFailed", "setOptionsBadSigner"]);
  const domain = (homeDomain: string) => Operation.setOptions({ homeDomain });
  expect(codes(submit(alice, [domain("é.example")]))).toEqual([
    "txFailed",
    "setOptionsInvalidHomeDomain",
  ]);
  expect(codes(run(alice, [domain("shop.example")]))).toEqual(["txSuccess", "setOptionsSuccess"]);
});

function pay(to: Keypair) {
  return Operation.payment({ destination: to.publicKey(), asset: Asset.native(), amount: "1" });
}

function addSigner(of: Keypair, weight: number) {
  return Operation.setOptions({ signer: { ed25519PublicKey: of.publicKey(), weight } });
}
