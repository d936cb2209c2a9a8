import { Address, Keypair, nativeToScVal, StrKey, xdr } from "@stellar/stellar-sdk/base";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MalformedAnswer } from "./answer.ts";
import { PAYMENT_TOPICS, readEvent, type EventRead } from "./events.ts";
import { railAssets } from "./network.ts";

const RECEIVER = StrKey.encodeContract(new Uint8Array(32).fill(7));
const PAYER = Keypair.fromRawEd25519Seed(new Uint8Array(32).fill(9)).publicKey();
const ASSETS = railAssets({
  network: "local",
  passphrase: "a network",
  usdc: { code: "USDC", issuer: PAYER },
});

const symbol = (text: string): string => nativeToScVal(text, { type: "symbol" }).toXdr("base64");
const bytes = (value: string | Uint8Array): string =>
  xdr.ScVal.scvBytes(Buffer.from(value)).toXdr("base64");
const address = (text: string): string => new Address(text).toScVal().toXdr("base64");
const i128 = (value: bigint): string => nativeToScVal(value, { type: "i128" }).toXdr("base64");

/** As getEvents writes it: ledger 108, first transaction, first operation, second event. */
const EVENT = {
  type: "contract",
  ledger: 108,
  ledgerClosedAt: "2026-11-05T10:00:00Z",
  contractId: RECEIVER,
  id: "0000000463856472064-0000000001",
  operationIndex: 0,
  transactionIndex: 1,
  txHash: "ab".repeat(32),
  inSuccessfulContractCall: true,
  topic: [symbol("pay_usdc"), bytes("ord_1"), address(PAYER)],
  value: i128(25_0000000n),
};

function read(changes: object = {}): EventRead {
  return readEvent({ ...EVENT, ...changes }, RECEIVER, ASSETS);
}

test("a payment event is a deposit, its place taken from the event's id", () => {
  expect(read()).toEqual({
    kind: "deposit",
    id: EVENT.id,
    deposit: {
      txId: "ab".repeat(32),
      index: 1,
      height: 108,
      orderRef: "ord_1",
      from: PAYER,
      amount: { asset: ASSETS.usdc.asset, atomic: 25_0000000n },
      chainTimeMs: Date.UTC(2026, 10, 5, 10),
      isFinal: true,
    },
  });
});

test("XLM payments, contract payers, 64 characters and amounts beyond 64 bits are read", () => {
  const topic = [symbol("pay_xlm"), bytes("x".repeat(64)), address(RECEIVER)];
  expect(read({ topic, value: i128(2n ** 100n) })).toMatchObject({
    deposit: {
      orderRef: "x".repeat(64),
      from: RECEIVER,
      amount: { asset: ASSETS.xlm.asset, atomic: 2n ** 100n },
    },
  });
});

test("events of one transaction differ in their index, also across operations", () => {
  const ids = ["0000000463856472064-0000000001", "0000000463856472064-0000000002"];
  ids.push("0000000463856472065-0000000001");
  const indexes = ids.map((id) => {
    const event = read({ id });
    return event.kind === "deposit" ? event.deposit.index : null;
  });
  expect(indexes).toEqual([1, 2, 4_294_967_297]);
});

test.each([
  ["of another contract", { contractId: StrKey.encodeContract(new Uint8Array(32)) }],
  ["of a call that failed", { inSuccessfulContractCall: false }],
  ["that is diagnostic", { type: "diagnostic" }],
  ["with two topics", { topic: EVENT.topic.slice(0, 2) }],
  ["without topics", { topic: null }],
])("an event %s is not ours", (_what, changes) => {
  expect(read(changes)).toEqual({ kind: "foreign", id: EVENT.id });
});

test("servers that no longer send the success flag are understood", () => {
  expect(read({ inSuccessfulContractCall: undefined }).kind).toBe("deposit");
});

test.each([
  ["an unknown name", { topic: [symbol("pay_eur"), bytes("o"), address(PAYER)] }],
  ["a name that is bytes", { topic: [bytes("pay_usdc"), bytes("o"), address(PAYER)] }],
  ["a fourth topic", { topic: [...EVENT.topic, symbol("more")] }],
  ["an empty order id", { topic: [symbol("pay_usdc"), bytes(""), address(PAYER)] }],
  ["65 characters", { topic: [symbol("pay_usdc"), bytes("x".repeat(65)), address(PAYER)] }],
  ["a line break", { topic: [symbol("pay_usdc"), bytes("ord\n1"), address(PAYER)] }],
  ["bytes beyond ASCII", { topic: [symbol("pay_usdc"), bytes("örd"), address(PAYER)] }],
  ["an order id that is a symbol", { topic: [symbol("pay_usdc"), symbol("o"), address(PAYER)] }],
  ["a payer that is text", { topic: [symbol("pay_usdc"), bytes("o"), symbol("me")] }],
  ["an amount of zero", { value: i128(0n) }],
  ["a negative amount", { value: i128(-5n) }],
  ["an amount of another type", { value: nativeToScVal(5n, { type: "u64" }).toXdr("base64") }],
  ["a value that is no XDR", { value: "AAAA" }],
  ["a value that is missing", { value: undefined }],
  ["a topic that is a number", { topic: [1, 2, 3] }],
])("an event of ours with %s is kept as unreadable, with its place", (_what, changes) => {
  expect(read(changes)).toMatchObject({
    kind: "unreadable",
    unreadable: { txId: "ab".repeat(32), index: 1, height: 108, raw: expect.any(String) as string },
  });
});

test("what is kept of an unreadable event is bounded", () => {
  const event = read({ value: "A".repeat(100_000) });
  expect(event.kind === "unreadable" && event.unreadable.raw.length).toBe(2_000);
});

test.each([
  ["without an id", { id: undefined }],
  ["with an id of another form", { id: "5" }],
  ["without a transaction", { txHash: null }],
  ["without a readable time", { ledgerClosedAt: "yesterday" }],
  ["of another ledger than its id says", { ledger: 109 }],
])("an event %s is a fault of the server", (_what, changes) => {
  expect(() => read(changes)).toThrow(MalformedAnswer);
});

test("whatever a server sends, reading ends in one of the known ways", () => {
  const part = fc.oneof(
    fc.anything(),
    fc.constantFrom(...EVENT.topic, EVENT.value, i128(0n), symbol("x"), "", null),
  );
  const event = fc.record(
    {
      type: fc.constantFrom("contract", "system", 5),
      ledger: fc.constantFrom(108, "108", -1),
      ledgerClosedAt: fc.constantFrom(EVENT.ledgerClosedAt, "", 7),
      contractId: fc.constantFrom(RECEIVER, "", null),
      id: fc.constantFrom(EVENT.id, "x", 1),
      txHash: fc.constantFrom(EVENT.txHash, undefined),
      topic: fc.oneof(fc.array(part, { maxLength: 5 }), part),
      value: part,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(event, fc.anything()), (raw) => {
      let kind: string;
      try {
        kind = readEvent(raw, RECEIVER, ASSETS).kind;
      } catch (error) {
        kind = error instanceof MalformedAnswer ? "malformed" : `bug: ${String(error)}`;
      }
      expect(["deposit", "unreadable", "foreign", "malformed"]).toContain(kind);
    }),
    { numRuns: 500 },
  );
});

test("the filter asks for both payments by name, whatever the order and the payer", () => {
  expect(PAYMENT_TOPICS).toEqual([
    [symbol("pay_usdc"), "*", "*"],
    [symbol("pay_xlm"), "*", "*"],
  ]);
});
