import { createHash } from "node:crypto";
import { Asset, Keypair, nativeToScVal, Operation, xdr } from "@stellar/stellar-sdk";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { StellarChain } from "./chain.ts";
import { TOTAL_COINS } from "./history/ledger-header.ts";
import { sameAccount } from "./ledger/entry-key.ts";
import { createTestAsset, signedEnvelope } from "./setup.ts";
import { testChain } from "./test-chain.ts";
import { MalformedEnvelope, readEnvelope } from "./transactions/envelope.ts";

test("no XLM comes into being or gets lost: accounts and fee pool make up the total", () => {
  const { account, chain, run } = testChain();
  const [alice, bob] = [account(), account()];
  run(alice, [pay(bob, "5")]);
  run(alice, [pay(bob, "5000")]);
  run(bob, [Operation.accountMerge({ destination: alice.publicKey() })]);
  expect(totalStroops(chain)).toBe(1_000_000_000_000_000_000n);
});

test("each ledger names the one before it, and time does not run backwards", () => {
  const { chain } = testChain();
  chain.advanceLedgers(10);
  chain.advanceTime(100);
  chain.advanceLedgers(10);
  const ledgers = [...chain.history.ledgers()];
  for (const [index, ledger] of ledgers.slice(1).entries()) {
    expect(ledger.previousHash).toBe(ledgers[index]?.hash);
    expect(ledger.closeTimeS).toBeGreaterThanOrEqual(ledgers[index]?.closeTimeS ?? 0);
  }
  expect(new Set(ledgers.map((one) => one.hash)).size).toBe(ledgers.length);
});

test("classic transactions run before contract calls, each kind in order of arrival", () => {
  const { account, chain, submit } = testChain();
  createTestAsset(chain);
  const [a, b, c, d] = [account(), account(), account(), account()];
  const calls = [a, b].map((one) => chain.submit(signedEnvelope(chain, one, transfer(chain, one))));
  const payments = [c, d].map((one) => submit(one, [pay(one, "1")]));
  const ledger = chain.closeLedger();
  expect(ledger.transactions.map((one) => one.hash)).toEqual(
    [...payments, ...calls].map((one) => one.hash),
  );
  expect(ledger.transactions.map((one) => one.applicationOrder)).toEqual([1, 2, 3, 4]);
  expect(ledger.transactions.every((one) => one.successful)).toBe(true);
});

test.each(["payment", "contract call"])(
  "whatever bytes of a %s are broken, it is refused or takes effect, and the chain goes on",
  (kind) => {
    const { account, chain, envelope } = testChain();
    createTestAsset(chain);
    const [alice, bob] = [account(), account()];
    const text =
      kind === "payment"
        ? envelope(alice, [pay(bob, "1"), pay(bob, "2")])
        : signedEnvelope(chain, alice, transfer(chain, alice));
    const good = Buffer.from(text, "base64");
    const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(damage, (bytes) => {
        const bad = Buffer.from(good);
        for (const [at, value] of bytes) bad[at] = value;
        expect(["PENDING", "DUPLICATE", "ERROR", "TRY_AGAIN_LATER", "no XDR"]).toContain(
          statusOf(chain, bad.toString("base64")),
        );
      }),
      { numRuns: 1000 },
    );
    const before = chain.history.latest.sequence;
    expect(chain.closeLedger().sequence).toBe(before + 1);
  },
);

test.each(["payment", "contract call"])(
  "a %s that is nonsense but well signed is applied or refused, and no XLM is made of it",
  (kind) => {
    const { account, chain, envelope } = testChain();
    createTestAsset(chain);
    const [alice, bob] = [account(), account()];
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(damage, (bytes) => {
        const text =
          kind === "payment"
            ? envelope(alice, [pay(bob, "1"), pay(bob, "2")])
            : signedEnvelope(chain, alice, transfer(chain, alice));
        const broken = breakOperations(chain, text, bytes, alice);
        if (broken) statusOf(chain, broken);
        chain.closeLedger();
        expect(totalStroops(chain)).toBe(TOTAL_COINS);
      }),
      { numRuns: 100 },
    );
  },
);

/** Where the operations of an envelope with time bounds and without memo begin. */
const OPERATIONS_AT = 80;

/** Changes bytes behind the memo and signs what came of it; null if that is no transaction. */
function breakOperations(
  chain: StellarChain,
  text: string,
  bytes: readonly (readonly [number, number])[],
  signer: Keypair,
): string | null {
  const bad = Buffer.from(text, "base64");
  const signatureBytes = 80;
  const room = bad.length - OPERATIONS_AT - signatureBytes;
  for (const [at, value] of bytes) bad[OPERATIONS_AT + (at % room)] = value;
  try {
    const { tx } = readEnvelope(bad.toString("base64"), sha256(chain.passphrase));
    const unsigned = new xdr.TransactionV1Envelope({ tx, signatures: [] });
    const transaction = xdr.TransactionEnvelope.envelopeTypeTx(unsigned);
    const { contentsHash } = readEnvelope(transaction.toXdr("base64"), sha256(chain.passphrase));
    const signature = new xdr.DecoratedSignature({
      hint: signer.signatureHint(),
      signature: signer.sign(contentsHash),
    });
    const signed = new xdr.TransactionV1Envelope({ tx, signatures: [signature] });
    return xdr.TransactionEnvelope.envelopeTypeTx(signed).toXdr("base64");
  } catch (error) {
    if (error instanceof MalformedEnvelope) return null;
    throw error;
  }
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

function totalStroops(chain: StellarChain): bigint {
  let total = chain.history.latest.feePoolStroops;
  for (const { entry } of chain.state.entries()) {
    if (entry.data.type === "account") total += entry.data.account.balance;
  }
  return total;
}

/** What is no XDR at all is the caller's mistake and thrown; any other error would be ours. */
function statusOf(chain: StellarChain, envelope: string): string {
  try {
    return chain.submit(envelope).status;
  } catch (error) {
    if (error instanceof MalformedEnvelope) return "no XDR";
    throw error;
  }
}

function transfer(chain: StellarChain, from: Keypair) {
  const address = nativeToScVal(from.publicKey(), { type: "address" });
  return Operation.invokeContractFunction({
    contract: Asset.native().contractId(chain.passphrase),
    function: "transfer",
    args: [address, address, nativeToScVal(1n, { type: "i128" })],
  });
}

test("the root account is the network's own, as on every network", () => {
  const { chain } = testChain();
  const master = Keypair.master(chain.passphrase);
  expect(sameAccount(chain.root.xdrAccountId(), master.xdrAccountId())).toBe(true);
});

function pay(to: Keypair, amount: string) {
  return Operation.payment({ destination: to.publicKey(), asset: Asset.native(), amount });
}
