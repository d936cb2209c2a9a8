import { Asset, type Keypair, nativeToScVal, Operation, xdr } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { codes, testChain, type TestChain } from "../test-chain.ts";
import { getEvents } from "./get-events.ts";
import type { Params } from "./json-rpc.ts";

interface Page {
  readonly events: readonly EventInfo[];
  readonly cursor: string;
  readonly latestLedger: number;
  readonly oldestLedger: number;
}

interface EventInfo {
  readonly id: string;
  readonly ledger: number;
  readonly txHash: string;
  readonly contractId: string;
  readonly topic: readonly string[];
  readonly value: string;
  readonly transactionIndex: number;
  readonly operationIndex: number;
  readonly inSuccessfulContractCall: boolean;
}

const TRANSFERS = [{ topics: [[topic("transfer"), "**"]] }];

test("pages follow each other by cursor, without gap and without repetition", () => {
  const network = paidNetwork(25);
  const all = page(network, { startLedger: 1 }).events.map((one) => one.id);
  const seen: string[] = [];
  let cursor: string | undefined;
  for (;;) {
    const from = cursor === undefined ? { startLedger: 1 } : {};
    const pagination = { limit: 7, ...(cursor !== undefined && { cursor }) };
    const next = page(network, { ...from, pagination });
    seen.push(...next.events.map((one) => one.id));
    cursor = next.cursor;
    if (next.events.length === 0) break;
  }
  expect(all.length).toBeGreaterThan(50);
  expect(seen).toEqual(all);
  expect(all.toSorted()).toEqual(all);
  expect(new Set(all).size).toBe(all.length);
});

test("an empty page's cursor stands behind the last ledger and moves with it", () => {
  const network = paidNetwork(1);
  const latest = network.chain.history.latest.sequence;
  const { cursor } = page(network, {
    startLedger: latest,
    filters: [{ contractIds: [unusedId()] }],
  });
  expect(cursor).toBe(endOf(latest));
  network.chain.advanceLedgers(5);
  expect(page(network, { pagination: { cursor } }).cursor).toBe(endOf(latest + 5));
});

test("a page that is full ends at its last event", () => {
  const network = paidNetwork(3);
  const two = page(network, { startLedger: 1, pagination: { limit: 2 } });
  expect(two.cursor).toBe(two.events[1]?.id);
});

test("one call looks at 10,000 ledgers and says how far it came", () => {
  const network = paidNetwork(0);
  network.chain.advanceLedgers(10_050);
  const { alice } = network;
  network.run(alice, [pay(alice, alice)]);
  const first = page(network, { startLedger: 2, filters: [{ contractIds: [unusedId()] }] });
  expect(first.cursor).toBe(endOf(10_001));
  expect(page(network, { startLedger: 100, filters: TRANSFERS }).events).toHaveLength(1);
  const start = network.chain.history.latest.sequence - 10_000;
  expect(page(network, { startLedger: start, filters: TRANSFERS }).events).toHaveLength(0);
});

test("the end of a range is not part of it", () => {
  const network = paidNetwork(3);
  const latest = network.chain.history.latest.sequence;
  const { events, cursor } = page(network, { startLedger: 1, endLedger: latest });
  expect(Math.max(...events.map((one) => one.ledger))).toBe(latest - 1);
  expect(cursor).toBe(endOf(latest - 1));
});

test("outside the remembered ledgers there is an error, not an empty page", () => {
  const network = paidNetwork(1);
  const { history } = network.chain;
  history.cutBefore(3);
  const range = `3 - ${history.latest.sequence}`;
  const message = `startLedger must be within the ledger range: ${range}`;
  expect(() => page(network, { startLedger: 2 })).toThrow(message);
  expect(() => page(network, { startLedger: history.latest.sequence + 1 })).toThrow(message);
  expect(() => page(network, { pagination: { cursor: endOf(2) } })).toThrow(message);
});

test("filters are alternatives; contract, type and topics within one must all match", () => {
  const network = paidNetwork(2);
  const native = Asset.native().contractId(network.chain.passphrase);
  const find = (...filters: object[]) => page(network, { startLedger: 1, filters }).events;
  const transfers = find(...TRANSFERS);
  expect(transfers.length).toBeGreaterThan(0);
  expect(find({ contractIds: [unusedId()] }, ...TRANSFERS)).toEqual(transfers);
  expect(find({ contractIds: [unusedId()], topics: TRANSFERS[0]?.topics })).toEqual([]);
  expect(find({ type: "system" })).toEqual([]);
  expect(find({ type: "contract,system", contractIds: [native] }).length).toBeGreaterThan(
    transfers.length,
  );
});

test("a topic filter fits the number of topics, unless it ends in two stars", () => {
  const network = paidNetwork(1);
  const find = (...topics: string[][]) =>
    page(network, { startLedger: 1, filters: [{ topics }] }).events;
  const transfer = topic("transfer");
  const name = nativeToScVal("native", { type: "string" }).toXdr("base64");
  expect(find([transfer])).toEqual([]);
  expect(find([transfer, "*", "*", "*"]).length).toBe(find([transfer, "**"]).length);
  expect(find([transfer, "*", "*", name]).length).toBeGreaterThan(0);
  expect(find(["*", "*", "*", "*", "**"]).length).toBeGreaterThan(0);
  expect(find(["*", "*"]).every((one) => one.topic[0] === topic("fee"))).toBe(true);
});

test.each([
  [{}, "startLedger must be positive"],
  [{ startLedger: 1, pagination: { cursor: endOf(1) } }, "cannot both be set"],
  [{ startLedger: -1 }, "startLedger must be a non-negative integer"],
  [{ startLedger: 1, pagination: { limit: 10_001 } }, "limit must not exceed 10000"],
  [
    { startLedger: 1, filters: Array.from({ length: 6 }, () => ({})) },
    "maximum 5 filters per request",
  ],
  [filter({ contractIds: Array(6).fill(unusedId()) }), "maximum 5 contract IDs"],
  [filter({ contractIds: ["CABC"] }), "filter 1 invalid: contract ID 1 invalid"],
  [filter({ topics: Array.from({ length: 6 }, () => ["*"]) }), "maximum 5 topics"],
  [filter({ topics: [[]] }), "at least 1 segment"],
  [filter({ topics: [["**", "*"]] }), "only allowed as the last segment"],
  [filter({ topics: [["*", "*", "*", "*", "*"]] }), "more than 4 segments"],
  [filter({ topics: [["pay_usdc"]] }), "not an ScVal"],
  [filter({ type: "diagnostic" }), "type must be either 'system' or 'contract'"],
  [{ pagination: { cursor: "yesterday" } }, "invalid event id yesterday"],
  [{ startLedger: 1, xdrFormat: "json" }, "xdrFormat"],
])("%j is refused: %s", (params, message) => {
  expect(() => page(paidNetwork(0), params)).toThrow(message);
});

test("a payment tells of its fee, then of what moved", () => {
  const network = paidNetwork(0);
  const { alice, bob, run, chain } = network;
  const record = run(alice, [pay(alice, bob), pay(alice, bob)]);
  const events = page(network, { startLedger: chain.history.latest.sequence }).events;
  expect(events.map((one) => [one.transactionIndex, one.operationIndex, eventName(one)])).toEqual([
    [0, 0, "fee"],
    [1, 0, "transfer"],
    [1, 1, "transfer"],
  ]);
  expect(events.every((one) => one.txHash === record.hash)).toBe(true);
});

test("a failed transaction tells of nothing but its fee", () => {
  const network = paidNetwork(0);
  const { alice, bob, run, chain } = network;
  const record = run(alice, [pay(alice, bob, "99999999")]);
  expect(codes(record)[0]).toBe("txFailed");
  const events = page(network, { startLedger: chain.history.latest.sequence }).events;
  expect(events.map((one) => [eventName(one), one.inSuccessfulContractCall])).toEqual([
    ["fee", false],
  ]);
});

function paidNetwork(payments: number): TestChain & { alice: Keypair; bob: Keypair } {
  const network = testChain();
  const [alice, bob] = [network.account(), network.account()];
  for (let paid = 0; paid < payments; paid += 1) network.run(alice, [pay(alice, bob)]);
  return { ...network, alice, bob };
}

function pay(from: Keypair, to: Keypair, amount = "1") {
  return Operation.payment({
    source: from.publicKey(),
    destination: to.publicKey(),
    asset: Asset.native(),
    amount,
  });
}

function page({ chain }: TestChain, params: Params): Page {
  const context = { chain, friendbotUrl: null, retentionLedgers: 1 };
  return getEvents(context, params) as Page;
}

function filter(one: object): Params {
  return { startLedger: 1, filters: [one] };
}

function topic(text: string): string {
  return xdr.ScVal.scvSymbol(text).toXdr("base64");
}

function eventName(event: EventInfo): string {
  const value = xdr.ScVal.fromXdr(event.topic[0] ?? "", "base64");
  return value.type === "scvSymbol" ? value.sym.toString() : "";
}

/** Of a contract that nobody ever called. */
function unusedId(): string {
  return Asset.native().contractId("another network");
}

function endOf(ledger: number): string {
  const id = (BigInt(ledger) << 32n) | 0xffff_ffffn;
  return `${String(id).padStart(19, "0")}-4294967295`;
}
