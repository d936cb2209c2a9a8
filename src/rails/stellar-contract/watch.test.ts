import type { Keypair } from "@stellar/stellar-sdk/base";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  NOBODY_HOME,
  openRpcFront,
  rpcError,
  withResult,
  type RpcBody,
  type RpcFront,
} from "../../../tests/fixtures/rpc-front.ts";
import { openStellarStage, type StellarStage } from "../../../tests/fixtures/stellar-stage.ts";
import { systemClock, type Clock } from "../../clock.ts";
import type { DepositPage } from "../rail.ts";
import { railAssets } from "./network.ts";
import type { StellarContractSettings } from "./parse.ts";
import { createRpc } from "./rpc.ts";
import { openWatch, type Watch } from "./watch.ts";

const { signal } = new AbortController();
let stage: StellarStage;
let payer: Keypair;
/** Where the tests' own payments begin. */
let start: string;

beforeAll(async () => {
  stage = await openStellarStage({ channels: 0 });
  payer = stage.newAccount("1000");
  start = (await pageOf(watch(), null)).cursor;
});
afterAll(() => stage.close());

function watch(changes: Partial<StellarContractSettings> = {}, clock: Clock = systemClock): Watch {
  const config = stage.config(changes);
  const { rpcUrls: urls, passphrase, tuning } = config;
  const rpc = createRpc({ urls, passphrase, timeoutMs: tuning.callTimeoutMs, clock });
  return openWatch(rpc, config, railAssets(config), clock);
}

async function pageOf(from: Watch, cursor: string | null): Promise<DepositPage> {
  const read = await from.read(cursor, signal);
  if (read.kind !== "done") throw new Error(`${read.kind}: ${read.reason}`);
  return read.value;
}

function pay(orderRef: string): void {
  stage.pay({ payer, symbol: "USDC", atomic: 1n, orderRef });
}

const front = (): Promise<RpcFront> => openRpcFront(stage.devnet.url);

test("the next server is read when the first is down, behind the same cursor", async () => {
  const second = await front();
  const reader = watch({ rpcUrls: [NOBODY_HOME, second.url] });
  pay("ord_failover");
  const page = await pageOf(reader, start);
  expect(page.deposits.at(-1)?.orderRef).toBe("ord_failover");
  expect(page.isCaughtUp).toBe(true);
});

test("a server that hangs is left after the timeout", async () => {
  const hanging = await openRpcFront(stage.devnet.url, () => Promise.resolve("hang"));
  const rpcUrls = [hanging.url, stage.devnet.url];
  const reader = watch({ rpcUrls, tuning: { callTimeoutMs: 1_000 } });
  expect((await pageOf(reader, start)).isCaughtUp).toBe(true);
  // It is asked last from now on, so that the next page does not wait for it again.
  await pageOf(reader, start);
  expect(hanging.asked.get("getNetwork")).toBe(1);
});

test("a server of another network is never believed", async () => {
  const foreign = await openRpcFront(stage.devnet.url, (method, forward) =>
    method === "getNetwork" ? withResult(forward, { passphrase: "Somebody's network" }) : null,
  );
  expect(await watch({ rpcUrls: [foreign.url] }).read(start, signal)).toMatchObject({
    kind: "failed",
    retryable: true,
    reason: expect.stringContaining("serves another network") as string,
  });
  expect(foreign.asked.has("getEvents")).toBe(false);
  expect(await pageOf(watch({ rpcUrls: [foreign.url, stage.devnet.url] }), start)).toBeDefined();
});

test("a server that is behind the cursor is no gap; the others are read", async () => {
  const lagging = await front();
  const reader = watch({ rpcUrls: [lagging.url] });
  const before = stage.devnet.chain.history.latest.sequence;
  lagging.twist((method) =>
    method === "getEvents"
      ? Promise.resolve(
          rpcError(-32600, `startLedger must be within the ledger range: 2 - ${before}`),
        )
      : null,
  );
  pay("ord_ahead");
  const ahead = (await pageOf(watch(), start)).cursor;
  expect(await reader.read(ahead, signal)).toMatchObject({
    kind: "failed",
    retryable: true,
    reason: expect.stringContaining("is behind") as string,
  });
  const both = watch({ rpcUrls: [lagging.url, stage.devnet.url] });
  expect((await pageOf(both, ahead)).isCaughtUp).toBe(true);
});

/** A server whose history begins after everything that was paid. */
async function shortHistory(): Promise<RpcFront> {
  const { latest } = stage.devnet.chain.history;
  const range = `${latest.sequence} - ${latest.sequence + 5}`;
  return openRpcFront(stage.devnet.url, (method) =>
    method === "getEvents"
      ? Promise.resolve(rpcError(-32600, `startLedger must be within the ledger range: ${range}`))
      : null,
  );
}

test("what one server has dropped is read from another; it is a gap only when all have", async () => {
  pay("ord_dropped");
  stage.devnet.chain.advanceLedgers(3);
  const [one, two] = [await shortHistory(), await shortHistory()];
  const rescued = await pageOf(watch({ rpcUrls: [one.url, stage.devnet.url] }), start);
  expect(rescued.deposits.at(-1)?.orderRef).toBe("ord_dropped");
  const gap = await watch({ rpcUrls: [one.url, two.url] }).read(start, signal);
  expect(gap).toMatchObject({ kind: "gap" });
});

test("while a server that may still have it is down, a gap is not declared", async () => {
  stage.devnet.chain.advanceLedgers(3);
  const reader = watch({ rpcUrls: [(await shortHistory()).url, NOBODY_HOME] });
  expect(await reader.read(start, signal)).toMatchObject({ kind: "failed", retryable: true });
});

test("a server that starts at its oldest ledger without a word is caught", async () => {
  stage.devnet.chain.advanceLedgers(3);
  const { sequence } = stage.devnet.chain.history.latest;
  const silent = await openRpcFront(stage.devnet.url, (method, forward) =>
    method === "getEvents" ? withResult(forward, { events: [], oldestLedger: sequence }) : null,
  );
  expect(await watch({ rpcUrls: [silent.url] }).read(start, signal)).toMatchObject({
    kind: "gap",
    oldestAvailableHeight: sequence,
  });
});

test("a range that the refusal does not tell is asked of the server's health", async () => {
  const mute = await openRpcFront(stage.devnet.url, async (method, forward) => {
    if (method === "getEvents") return rpcError(-32600, "invalid request");
    if (method !== "getHealth") return null;
    return withResult(forward, { oldestLedger: stage.devnet.chain.history.latest.sequence });
  });
  stage.devnet.chain.advanceLedgers(3);
  expect(await watch({ rpcUrls: [mute.url] }).read(start, signal)).toMatchObject({ kind: "gap" });
});

test.each([
  ["goes back", { cursor: "0000000000000000001-0000000000" }],
  ["is none", { cursor: "latest" }],
  ["is missing", { cursor: null }],
])("a page whose cursor %s is refused", async (_what, changes) => {
  const wrong = await openRpcFront(stage.devnet.url, (method, forward) =>
    method === "getEvents" ? withResult(forward, changes) : null,
  );
  expect(await watch({ rpcUrls: [wrong.url] }).read(start, signal)).toMatchObject({
    kind: "failed",
    retryable: true,
  });
});

test("a page that ends before its own events is refused", async () => {
  pay("ord_beyond");
  const wrong = await openRpcFront(stage.devnet.url, (method, forward) =>
    method === "getEvents" ? withResult(forward, { cursor: start }) : null,
  );
  expect(await watch({ rpcUrls: [wrong.url] }).read(start, signal)).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining("behind the cursor") as string,
  });
});

test("a server that does not advance is a failure, not an endless loop", async () => {
  stage.devnet.chain.closeLedger();
  const stuck = await openRpcFront(stage.devnet.url, (method, forward) =>
    method === "getEvents" ? withResult(forward, { events: [], cursor: start }) : null,
  );
  expect(await watch({ rpcUrls: [stuck.url] }).read(start, signal)).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining("does not advance") as string,
  });
});

test("one unreadable place in a page spoils the page, since a payment may hide in it", async () => {
  pay("ord_spoilt");
  const spoilt = await openRpcFront(stage.devnet.url, async (method, forward) => {
    if (method !== "getEvents") return null;
    const body = await forward();
    const { events } = body["result"] as { events: RpcBody[] };
    return withResult(forward, { events: events.map((event) => ({ ...event, id: "x" })) });
  });
  expect(await watch({ rpcUrls: [spoilt.url] }).read(start, signal)).toMatchObject({
    kind: "failed",
  });
});

test("a server that has stopped taking in ledgers is passed over for one that has not", async () => {
  let nowMs = 1_000_000;
  const clock: Clock = { now: () => nowMs, sleep: () => Promise.resolve() };
  const frozen = await front();
  const reader = watch({ rpcUrls: [frozen.url, stage.devnet.url] }, clock);
  const { cursor } = await pageOf(reader, start);
  const still = await pageOf(watch(), cursor);
  frozen.twist((method, forward) =>
    method === "getEvents"
      ? withResult(forward, { events: [], cursor, latestLedger: still.height })
      : null,
  );
  pay("ord_unseen");
  expect((await pageOf(reader, cursor)).deposits).toEqual([]);
  nowMs += 15_000;
  expect((await pageOf(reader, cursor)).deposits).toMatchObject([{ orderRef: "ord_unseen" }]);
});

test("empty stretches longer than one call looks through are read to the end", async () => {
  const from = (await pageOf(watch(), start)).cursor;
  stage.devnet.chain.advanceLedgers(10_200);
  pay("ord_far");
  const reader = watch();
  const first = await pageOf(reader, from);
  expect(first).toMatchObject({ deposits: [], isCaughtUp: false });
  const second = await pageOf(reader, first.cursor);
  expect(second.deposits).toMatchObject([{ orderRef: "ord_far" }]);
  expect(second.isCaughtUp).toBe(true);
  expect(first.chainTimeMs).toBeLessThanOrEqual(second.chainTimeMs);
});

test("a cold start begins at the configured ledger", async () => {
  const startLedger = stage.devnet.chain.history.latest.sequence + 1;
  expect(await watch({ startLedger }).read(null, signal)).toMatchObject({
    kind: "failed",
    retryable: true,
  });
  pay("ord_first");
  const page = await pageOf(watch({ startLedger }), null);
  expect(page.deposits.map(({ orderRef }) => orderRef)).toEqual(["ord_first"]);
});

test("a cold start without a configured ledger reads all that the servers have", async () => {
  pay("ord_cold");
  const reader = watch();
  const orders: string[] = [];
  let page = await pageOf(reader, null);
  for (; !page.isCaughtUp; page = await pageOf(reader, page.cursor)) {
    orders.push(...page.deposits.map(({ orderRef }) => orderRef));
  }
  orders.push(...page.deposits.map(({ orderRef }) => orderRef));
  expect(orders.length).toBeGreaterThanOrEqual(3);
  expect(orders.at(-1)).toBe("ord_cold");
  const young = await openRpcFront(stage.devnet.url, (method, forward) =>
    method === "getHealth"
      ? withResult(forward, { oldestLedger: stage.devnet.chain.history.latest.sequence })
      : null,
  );
  expect(await watch({ rpcUrls: [young.url] }).read(null, signal)).toMatchObject({ kind: "gap" });
});

test("an oldest ledger that goes while it is asked for is no gap", async () => {
  const range = "9 - 90";
  const trimming = await openRpcFront(stage.devnet.url, (method) =>
    method === "getEvents"
      ? Promise.resolve(rpcError(-32600, `startLedger must be within the ledger range: ${range}`))
      : null,
  );
  expect(await watch({ rpcUrls: [trimming.url] }).read(null, signal)).toMatchObject({
    kind: "failed",
    retryable: true,
  });
});

test("a stored cursor of another rail is refused for good", async () => {
  expect(await watch().read("lt:123", signal)).toMatchObject({ kind: "failed", retryable: false });
});

test("a stopped reader does not go through all servers", async () => {
  const stopped = AbortSignal.abort();
  expect(await watch().read(start, stopped)).toMatchObject({ kind: "failed" });
});
