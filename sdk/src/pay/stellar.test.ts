import { Account, Operation, TransactionBuilder, type Keypair } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { loadAccount } from "../../../devnet/stellar/ledger/accounts.ts";
import { giveTestAsset } from "../../../devnet/stellar/setup.ts";
import { purchaseCard } from "../buy.ts";
import { fileJournal } from "../journal.ts";
import type { Signer } from "../signer.ts";
import { API_KEY, CARD } from "../testing/peer.ts";
import {
  hastyRuntime,
  openPayStage,
  startPeerShop,
  type PayStage,
  type PeerShop,
} from "../testing/stage.ts";

let place: PayStage;

beforeAll(async () => {
  place = await openPayStage();
});
beforeEach(() => {
  place.pace(50);
  place.stage.devnet.faults.clear();
});
afterAll(() => place.close());

/** A purchase that can be repeated with the same key and journal. */
async function newPurchase(at: PayStage = place) {
  let isBlind = false;
  const shop = await startPeerShop(at, { isBlind: () => isBlind });
  const wallet = at.newSigner("50");
  const journal = fileJournal(at.newFolder());
  const buy = (
    more: {
      readonly signer?: Signer;
      readonly asset?: "usdc";
      readonly signal?: AbortSignal;
      readonly deadlineMs?: number;
      readonly speed?: number;
    } = {},
  ) =>
    purchaseCard(
      {
        baseUrl: shop.baseUrl,
        apiKey: API_KEY,
        network: at.network,
        journal,
        signer: wallet.signer,
        amountUsdc: "10.00",
        idempotencyKey: "k",
        pollMs: 50,
        deadlineMs: 20_000,
        ...more,
      },
      hastyRuntime(more.speed ?? 20),
    );
  return { shop, buy, ...wallet, blind: (value: boolean) => (isBlind = value) };
}

function expectPaidOnce(shop: PeerShop, at: PayStage = place): void {
  expect(shop.orderIds).toHaveLength(1);
  expect(at.paymentsOf(shop.orderIds[0] ?? "")).toHaveLength(1);
}

/** Calls `meanwhile` between the signature and the sending. */
function signingThen(
  signer: Signer,
  meanwhile: () => void,
): Signer & { readonly signatures: () => number } {
  let signatures = 0;
  return {
    publicKey: signer.publicKey,
    async signHash(hash) {
      const signature = await signer.signHash(hash);
      if (signatures++ === 0) meanwhile();
      return signature;
    },
    signatures: () => signatures,
  };
}

test("an answer lost after the network took the payment is found out, not repeated", async () => {
  const { shop, buy } = await newPurchase();
  place.stage.devnet.faults.plan({ kind: "drop_answer" }, { method: "sendTransaction" });
  expect((await buy()).card).toEqual(CARD);
  expectPaidOnce(shop);
});

test("a payment that was taken and then lost is sent again, the same bytes", async () => {
  const { shop, buy, signer } = await newPurchase();
  const counting = signingThen(signer, () => undefined);
  place.stage.devnet.faults.plan({ kind: "lose_transaction" });
  expect((await buy({ signer: counting })).card).toEqual(CARD);
  expect(counting.signatures()).toBe(1);
  expectPaidOnce(shop);
});

test("a full queue and failing servers are waited out", async () => {
  const { shop, buy } = await newPurchase();
  const { faults } = place.stage.devnet;
  faults.plan({ kind: "http_status", status: 503 }, { method: "getLedgerEntries", times: 2 });
  faults.plan(
    { kind: "rpc_error", code: -32603, message: "later" },
    { method: "simulateTransaction", times: 2 },
  );
  faults.plan({ kind: "try_again_later" }, { times: 3 });
  faults.plan({ kind: "drop" }, { method: "getTransaction", times: 3 });
  expect((await buy()).card).toEqual(CARD);
  expectPaidOnce(shop);
});

test("an RPC server that stays down after the sending does not keep the card from its buyer", async () => {
  const { shop, buy, signer } = await newPurchase();
  const { faults } = place.stage.devnet;
  const failing = signingThen(signer, () =>
    faults.plan({ kind: "http_status", status: 502 }, { method: "getTransaction", times: 1000 }),
  );
  const bought = await buy({ signer: failing });
  expect(bought).toMatchObject({ card: CARD, payment: { ledger: null } });
  expectPaidOnce(shop);
});

test("while nobody can tell what became of the payment the answer is unknown, and the next call continues it", async () => {
  const { shop, buy, signer, blind } = await newPurchase();
  const { faults } = place.stage.devnet;
  const failing = signingThen(signer, () =>
    faults.plan({ kind: "http_status", status: 502 }, { method: "getTransaction", times: 1000 }),
  );
  blind(true);
  const error = await buy({ signer: failing, deadlineMs: 1_000 }).catch(
    (caught: unknown) => caught,
  );
  const [event] = place.paymentsOf(shop.orderIds[0] ?? "");
  expect(error).toMatchObject({ code: "payment_unknown", retryable: true, hash: event?.txHash });
  faults.clear();
  blind(false);
  expect((await buy()).card).toEqual(CARD);
  expectPaidOnce(shop);
});

test("a signed payment whose time bound passed unsent is replaced by another one", async () => {
  const { shop, buy, signer } = await newPurchase();
  const stop = new AbortController();
  place.stage.devnet.faults.plan({ kind: "drop" }, { method: "sendTransaction", times: 1000 });
  const stopping = signingThen(signer, () =>
    setTimeout(() => stop.abort(new Error("killed")), 100),
  );
  await expect(buy({ signer: stopping, signal: stop.signal })).rejects.toThrow("killed");
  place.stage.devnet.faults.clear();
  place.stage.devnet.chain.advanceTime(200);
  const counting = signingThen(signer, () => undefined);
  expect((await buy({ signer: counting })).card).toEqual(CARD);
  expect(counting.signatures()).toBe(1);
  expectPaidOnce(shop);
});

test("a payment lost by the network is replaced within the same call once its bound has passed", async () => {
  const { shop, buy, signer } = await newPurchase();
  const { faults, chain } = place.stage.devnet;
  const counting = signingThen(signer, () => {
    faults.plan({ kind: "lose_transaction" });
    setTimeout(() => chain.advanceTime(200), 200);
  });
  expect((await buy({ signer: counting })).card).toEqual(CARD);
  expect(counting.signatures()).toBe(2);
  expectPaidOnce(shop);
});

test("a server that lags and denies an applied payment does not cause a second one", async () => {
  const { shop, buy, signer, blind } = await newPurchase();
  blind(true);
  const stop = new AbortController();
  const stopping = signingThen(signer, () =>
    setTimeout(() => stop.abort(new Error("killed")), 400),
  );
  await expect(buy({ signer: stopping, signal: stop.signal })).rejects.toThrow("killed");
  expectPaidOnce(shop);
  place.stage.devnet.chain.advanceTime(200);
  place.stage.devnet.faults.plan({ kind: "not_found" }, { times: 2 });
  const counting = signingThen(signer, () => undefined);
  setTimeout(() => blind(false), 300);
  expect((await buy({ signer: counting })).card).toEqual(CARD);
  expect(counting.signatures()).toBe(0);
  expectPaidOnce(shop);
});

test("a sequence number used up by another program costs a new signature, not a second payment", async () => {
  const { shop, buy, signer, key } = await newPurchase();
  const racing = signingThen(signer, () => void place.stage.run(key, Operation.setOptions({})));
  expect((await buy({ signer: racing, speed: 1 })).card).toEqual(CARD);
  expect(racing.signatures()).toBe(2);
  expectPaidOnce(shop);
});

test("with the number used up and the history cut, the outcome stays unknown and nothing is signed", async () => {
  const own = await openPayStage();
  onTestFinished(() => own.close());
  const { shop, buy, signer, key, blind } = await newPurchase(own);
  blind(true);
  const stop = new AbortController();
  own.stage.devnet.faults.plan({ kind: "drop" }, { method: "sendTransaction", times: 1000 });
  const stopping = signingThen(signer, () =>
    setTimeout(() => stop.abort(new Error("killed")), 100),
  );
  await expect(buy({ signer: stopping, signal: stop.signal })).rejects.toThrow("killed");
  own.stage.devnet.faults.clear();
  own.stage.run(key, Operation.setOptions({}));
  const { chain } = own.stage.devnet;
  chain.advanceTime(200);
  chain.advanceLedgers(3);
  chain.history.cutBefore(chain.history.latest.sequence);
  const counting = signingThen(signer, () => undefined);
  await expect(buy({ signer: counting })).rejects.toMatchObject({ code: "payment_unknown" });
  expect(counting.signatures()).toBe(0);
  expect(own.paymentsOf(shop.orderIds[0] ?? "")).toHaveLength(0);
});

test("with the number not used, a passed bound proves the payment dead even when the history is cut", async () => {
  const own = await openPayStage();
  onTestFinished(() => own.close());
  const { shop, buy, signer } = await newPurchase(own);
  const stop = new AbortController();
  own.stage.devnet.faults.plan({ kind: "drop" }, { method: "sendTransaction", times: 1000 });
  const stopping = signingThen(signer, () =>
    setTimeout(() => stop.abort(new Error("killed")), 100),
  );
  await expect(buy({ signer: stopping, signal: stop.signal })).rejects.toThrow("killed");
  own.stage.devnet.faults.clear();
  const { chain } = own.stage.devnet;
  chain.advanceTime(200);
  chain.advanceLedgers(3);
  chain.history.cutBefore(chain.history.latest.sequence);
  expect((await buy()).card).toEqual(CARD);
  expectPaidOnce(shop, own);
});

test("what the network rejects is said at once; the next call sends the same bytes", async () => {
  const { shop, buy, signer } = await newPurchase();
  place.stage.devnet.faults.plan({ kind: "reject_transaction", code: "txInsufficientBalance" });
  await expect(buy()).rejects.toMatchObject({
    code: "payment_failed",
    reason: "txINSUFFICIENT_BALANCE",
    retryable: true,
  });
  const counting = signingThen(signer, () => undefined);
  expect((await buy({ signer: counting })).card).toEqual(CARD);
  expect(counting.signatures()).toBe(0);
  expectPaidOnce(shop);
});

/** Sends the account's USDC back to the issuer without using up the account's own sequence number. */
function drain(key: Keypair, amount: string): void {
  const { stage } = place;
  const { chain } = stage.devnet;
  const { keeper } = stage;
  const sequence = loadAccount(chain.state, keeper.xdrAccountId())?.seqNum ?? 0n;
  const transaction = new TransactionBuilder(new Account(keeper.publicKey(), String(sequence)), {
    fee: "1000",
    networkPassphrase: chain.passphrase,
  })
    .addOperation(
      Operation.payment({
        source: key.publicKey(),
        destination: stage.usdc.issuer.publicKey(),
        asset: stage.usdc.asset,
        amount,
      }),
    )
    .setTimeout(0)
    .build();
  transaction.sign(keeper, key);
  const [record] = chain.closeLedgerWith(transaction.toEnvelope().toXdr("base64")).transactions;
  if (record?.successful !== true) throw new Error("the account could not be drained");
}

test("a payment that fails on chain is explained, and after the cause is gone the next call pays", async () => {
  const { shop, buy, signer, key } = await newPurchase();
  const draining = signingThen(signer, () => drain(key, "45"));
  const error = await buy({ signer: draining, asset: "usdc" }).catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: "payment_failed",
    reason: "insufficient_balance",
    retryable: true,
  });
  expect((error as { hash: string }).hash).toMatch(/^[0-9a-f]{64}$/);
  await expect(buy({ asset: "usdc" })).rejects.toMatchObject({ code: "insufficient_balance" });
  giveTestAsset(place.stage.devnet.chain, place.stage.usdc, key.publicKey(), "45");
  expect((await buy({ asset: "usdc" })).card).toEqual(CARD);
  expectPaidOnce(shop);
});

test("a shop that names another contract for a paid order gets nothing more", async () => {
  let contract = place.stage.receiverId;
  const shop = await startPeerShop(place, {
    isBlind: () => true,
    payment: (offer) => ({ ...offer, contract_id: contract }),
  });
  const { signer } = place.newSigner("50");
  const counting = signingThen(signer, () => undefined);
  const options = {
    baseUrl: shop.baseUrl,
    apiKey: API_KEY,
    network: place.network,
    journal: fileJournal(place.newFolder()),
    signer: counting,
    amountUsdc: "10.00",
    idempotencyKey: "k",
  };
  await expect(purchaseCard({ ...options, deadlineMs: 1_000 })).rejects.toMatchObject({
    code: "wait_timeout",
  });
  contract = place.stage.usdc.contractId;
  await expect(purchaseCard(options)).rejects.toMatchObject({ code: "invalid_instructions" });
  expect(counting.signatures()).toBe(1);
  expectPaidOnce(shop);
});
