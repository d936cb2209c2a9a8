import { Asset, type Keypair, Operation, TransactionBuilder } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { TESTNET_SETTINGS } from "../settings.ts";
import { codes, PASSPHRASE, START_S, testChain } from "../test-chain.ts";

test("nothing happens before the ledger closes", () => {
  const { account, balance, chain, submit } = testChain();
  const [alice, bob] = [account("100"), account("100")];
  const { hash } = submit(alice, [pay(bob)]);
  expect(balance(bob)).toBe(1_000_000_000n);
  expect(chain.history.transaction(hash)).toBeNull();
  const ledger = chain.closeLedger();
  expect(ledger.transactions.map((one) => one.hash)).toEqual([hash]);
  expect(balance(bob)).toBe(1_010_000_000n);
});

test("the same envelope again is a duplicate while it waits, and to be tried later when applied", () => {
  const { account, chain, envelope } = testChain();
  const [alice, bob] = [account(), account()];
  const text = envelope(alice, [pay(bob)]);
  expect(chain.submit(text).status).toBe("PENDING");
  expect(chain.submit(text).status).toBe("DUPLICATE");
  chain.closeLedger();
  expect(chain.submit(text).status).toBe("TRY_AGAIN_LATER");
  chain.advanceLedgers(10);
  expect(codes(chain.submit(text))).toEqual(["txBadSeq"]);
});

test("a second transaction of the same account waits its turn outside", () => {
  const { account, chain, submit } = testChain();
  const [alice, bob] = [account(), account()];
  submit(alice, [pay(bob)]);
  expect(submit(alice, [pay(bob)], { sequenceAhead: 1 }).status).toBe("TRY_AGAIN_LATER");
  chain.closeLedger();
  expect(submit(alice, [pay(bob)]).status).toBe("PENDING");
});

test("only a fee bump of ten times the fee takes the place of what waits", () => {
  const { account, chain, envelope, submit } = testChain();
  const [alice, bob] = [account(), account()];
  const text = envelope(alice, [pay(bob)]);
  const { hash } = submit(alice, [pay(bob)]);
  const bump = (fee: string) => {
    const transaction = TransactionBuilder.fromXdr(text, PASSPHRASE);
    if ("innerTransaction" in transaction) throw new Error("not a plain transaction");
    const bumped = TransactionBuilder.buildFeeBumpTransaction(bob, fee, transaction, PASSPHRASE);
    bumped.sign(bob);
    return chain.submit(bumped.toEnvelope().toXdr("base64"));
  };
  expect(codes(bump("999"))).toEqual(["txInsufficientFee"]);
  const replaced = bump("1000");
  expect(replaced.status).toBe("PENDING");
  const ledger = chain.closeLedger();
  expect(ledger.transactions.map((one) => one.hash)).toEqual([replaced.hash]);
  // The same transaction went in, under another name.
  expect(chain.history.transaction(hash)?.successful).toBe(true);
});

test("a transaction that expires while it waits leaves no trace and costs nothing", () => {
  const { account, balance, chain, envelope } = testChain();
  const [alice, bob] = [account("100"), account("100")];
  const text = envelope(alice, [pay(bob)], { maxTime: START_S + 5 });
  const { hash } = chain.submit(text);
  chain.advanceTime(6);
  expect(chain.closeLedger().transactions).toEqual([]);
  expect(chain.history.transaction(hash)).toBeNull();
  expect(balance(alice)).toBe(1_000_000_000n);
  expect(chain.pending).toBe(0);
  expect(chain.submit(text).status).toBe("TRY_AGAIN_LATER");
});

test("a lost transaction never applies, and the same bytes can be sent again", () => {
  const { account, chain, envelope } = testChain();
  const [alice, bob] = [account(), account()];
  const text = envelope(alice, [pay(bob)]);
  const { hash } = chain.submit(text);
  expect(chain.lose(hash)).toBe(true);
  expect(chain.closeLedger().transactions).toEqual([]);
  expect(chain.submit(text).status).toBe("PENDING");
});

test("what does not fit waits for the next ledger, and is dropped after four", () => {
  const { account, chain, submit } = testChain({
    settings: { ...TESTNET_SETTINGS, ledgerMaxTransactions: 1 },
  });
  const accounts = Array.from({ length: 7 }, () => account());
  for (const one of accounts) submit(one, [pay(one)]);
  const closed = Array.from({ length: 7 }, () => chain.closeLedger().transactions.length);
  expect(closed).toEqual([1, 1, 1, 1, 0, 0, 0]);
});

test("ledgers that friendbot closes for itself do not age what waits", () => {
  const { account, chain, submit } = testChain();
  const alice = account();
  const { hash } = submit(alice, [pay(alice)]);
  for (let funded = 0; funded < 10; funded += 1) account();
  chain.closeLedger();
  expect(chain.history.transaction(hash)?.successful).toBe(true);
});

test("who pays for several waiting transactions must be able to pay for all of them", () => {
  const { account, chain, envelope } = testChain();
  const payer = account("1.00005");
  const [alice, bob] = [account(), account()];
  const bumped = (of: Keypair) => {
    const transaction = TransactionBuilder.fromXdr(envelope(of, [pay(of)]), PASSPHRASE);
    if ("innerTransaction" in transaction) throw new Error("not a plain transaction");
    const bump = TransactionBuilder.buildFeeBumpTransaction(payer, "200", transaction, PASSPHRASE);
    bump.sign(payer);
    return chain.submit(bump.toEnvelope().toXdr("base64"));
  };
  expect(bumped(alice).status).toBe("PENDING");
  expect(codes(bumped(bob))).toEqual(["txInsufficientBalance"]);
});

test("one transaction in a ledger can pull the ground from under the next", () => {
  const { account, chain, balance, submit } = testChain();
  const [alice, bob, carol] = [account("100"), account("100"), account("100")];
  const drain = Operation.payment({
    destination: bob.publicKey(),
    asset: Asset.native(),
    amount: "98.99",
    source: carol.publicKey(),
  });
  submit(alice, [drain], { signers: [alice, carol] });
  const late = submit(carol, [pay(bob)]);
  expect(chain.closeLedger().transactions.map((one) => one.successful)).toEqual([true, false]);
  const record = chain.history.transaction(late.hash);
  expect(record && codes(record)).toEqual(["txFailed", "paymentUnderfunded"]);
  expect(balance(carol)).toBe(10_100_000n - 100n);
});

function pay(to: Keypair) {
  return Operation.payment({ destination: to.publicKey(), asset: Asset.native(), amount: "1" });
}
