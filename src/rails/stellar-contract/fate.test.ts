import { afterAll, beforeAll, expect, test } from "vitest";
import {
  NOBODY_HOME,
  openRpcFront,
  rpcError,
  withResult,
  type RpcFront,
  type Twist,
} from "../../../tests/fixtures/rpc-front.ts";
import { openStellarStage, type StellarStage } from "../../../tests/fixtures/stellar-stage.ts";
import { systemClock } from "../../clock.ts";
import type { Outcome } from "../../outcome.ts";
import type { Payouts, SignedPayout } from "../rail.ts";
import { railAssets } from "./network.ts";
import { openPayouts } from "./payout.ts";
import { createRpc } from "./rpc.ts";

let stage: StellarStage;
beforeAll(async () => {
  stage = await openStellarStage({ channels: 0 });
});
afterAll(() => stage.close());

function payouts(...rpcUrls: string[]): Payouts {
  const config = stage.config({ rpcUrls });
  const { rpcUrls: urls, passphrase } = config;
  const rpc = createRpc({ urls, passphrase, timeoutMs: 2_000, clock: systemClock });
  return openPayouts(rpc, config, railAssets(config));
}

function done<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === "done") return outcome.value;
  throw new Error(`${outcome.kind}: ${outcome.reason}`);
}

async function signed(): Promise<SignedPayout> {
  const { asset } = railAssets(stage.config()).usdc;
  const to = stage.newAccount("0").publicKey();
  const lane = stage.treasury.publicKey();
  const amount = { asset, atomic: 1n };
  return done(await payouts(stage.devnet.url).sign({ id: "p", to, amount, lane }));
}

function front(twist: Twist): Promise<RpcFront> {
  return openRpcFront(stage.devnet.url, twist);
}

const notFound: Twist = (method, forward) =>
  method === "getTransaction" ? withResult(forward, { status: "NOT_FOUND" }) : null;

function passBound(): void {
  stage.devnet.chain.advanceTime(91);
  stage.devnet.chain.closeLedger();
}

async function sentAndFinal(): Promise<SignedPayout> {
  const payout = await signed();
  done(await payouts(stage.devnet.url).submit(payout));
  stage.devnet.chain.closeLedger();
  return payout;
}

test("one server that finds it outweighs one that proves it absent", async () => {
  const payout = await sentAndFinal();
  passBound();
  const blind = await front(notFound);
  // Alone the blind server is believed: this is what a second server is good for.
  expect(done(await payouts(blind.url).fate(payout)).kind).toBe("dead");
  expect(done(await payouts(blind.url, stage.devnet.url).fate(payout)).kind).toBe("final");
});

test("a server that took in transaction and late ledger between its two reads is asked twice", async () => {
  const payout = await sentAndFinal();
  passBound();
  let looks = 0;
  const racing = await front((method, forward) =>
    method === "getTransaction" && ++looks === 1
      ? withResult(forward, { status: "NOT_FOUND" })
      : null,
  );
  expect(done(await payouts(racing.url).fate(payout)).kind).toBe("final");
  expect(looks).toBe(2);
});

test("a ledger closed exactly at the bound could still have it", async () => {
  const payout = await signed();
  const atBound = (extraS: number) =>
    front((method, forward) =>
      method === "getTransaction"
        ? withResult(forward, {
            latestLedgerCloseTime: `${(payout.validUntilMs ?? 0) / 1000 + extraS}`,
          })
        : null,
    );
  expect(done(await payouts((await atBound(0)).url).fate(payout)).kind).toBe("pending");
  expect(done(await payouts((await atBound(1)).url).fate(payout)).kind).toBe("dead");
});

test("history must reach back to the ledger after the signing, not further", async () => {
  const payout = await signed();
  passBound();
  const keepingFrom = (oldestLedger: number) =>
    front((method, forward) =>
      method === "getTransaction" ? withResult(forward, { oldestLedger }) : null,
    );
  const enough = await keepingFrom(payout.signedAtHeight + 1);
  const short = await keepingFrom(payout.signedAtHeight + 2);
  expect(done(await payouts(enough.url).fate(payout)).kind).toBe("dead");
  expect(done(await payouts(short.url).fate(payout)).kind).toBe("unprovable");
  expect(done(await payouts(short.url, enough.url).fate(payout)).kind).toBe("dead");
});

test("a server that stands still does not keep a dead payout alive", async () => {
  const payout = await signed();
  const { closeTimeS } = stage.devnet.chain.history.latest;
  passBound();
  const still = await front((method, forward) =>
    method === "getTransaction"
      ? withResult(forward, { latestLedgerCloseTime: `${closeTimeS}` })
      : null,
  );
  expect(done(await payouts(still.url).fate(payout)).kind).toBe("pending");
  expect(done(await payouts(still.url, stage.devnet.url).fate(payout)).kind).toBe("dead");
});

test("an answer without its times is no answer", async () => {
  const payout = await signed();
  passBound();
  const vague = await front((method, forward) =>
    method === "getTransaction" ? withResult(forward, { latestLedgerCloseTime: null }) : null,
  );
  expect(await payouts(vague.url).fate(payout)).toMatchObject({ kind: "failed", retryable: true });
});

test("a server that refuses does not hide one that accepts", async () => {
  const payout = await signed();
  const full = await front((method, forward) =>
    method === "sendTransaction"
      ? forward().then((body) => ({ ...body, result: { status: "TRY_AGAIN_LATER" } }))
      : null,
  );
  const busy = await front((method) =>
    method === "sendTransaction"
      ? Promise.resolve({ jsonrpc: "2.0", id: 1, result: { status: "TRY_AGAIN_LATER" } })
      : null,
  );
  expect(await payouts(busy.url).submit(payout)).toMatchObject({ kind: "failed", retryable: true });
  expect(await payouts(NOBODY_HOME, busy.url, full.url, stage.devnet.url).submit(payout)).toEqual({
    kind: "done",
    value: null,
  });
  stage.devnet.chain.closeLedger();
});

test("an answer lost at one server makes the whole send unknown, whatever the others refuse", async () => {
  const payout = await signed();
  const cut = await front((method) =>
    method === "sendTransaction" ? Promise.resolve("cut") : null,
  );
  const refusing = await front((method) =>
    method === "sendTransaction" ? Promise.resolve(rpcError(-32602, "invalid_xdr")) : null,
  );
  expect(await payouts(refusing.url).submit(payout)).toMatchObject({
    kind: "failed",
    retryable: false,
  });
  expect(await payouts(cut.url, refusing.url).submit(payout)).toMatchObject({ kind: "unknown" });
});

test("a server's own trouble after it tried leaves the send unknown", async () => {
  const payout = await signed();
  const troubled = await front((method) =>
    method === "sendTransaction"
      ? Promise.resolve(rpcError(-32603, "could not submit transaction to stellar-core"))
      : null,
  );
  expect(await payouts(troubled.url).submit(payout)).toMatchObject({ kind: "unknown" });
});

test("a server of another network gets no transaction", async () => {
  const payout = await signed();
  const foreign = await front((method, forward) =>
    method === "getNetwork" ? withResult(forward, { passphrase: "Somebody's network" }) : null,
  );
  expect(await payouts(foreign.url).submit(payout)).toMatchObject({ kind: "failed" });
  expect(foreign.asked.has("sendTransaction")).toBe(false);
});

test("of two servers behind one address, one that lags cannot complete the other's proof", async () => {
  const payout = await sentAndFinal();
  const { closeTimeS } = stage.devnet.chain.history.latest;
  passBound();
  let looks = 0;
  const balanced = await front((method, forward) => {
    if (method !== "getTransaction") return null;
    const isAhead = ++looks === 1;
    const latest = isAhead ? {} : { latestLedgerCloseTime: `${closeTimeS}` };
    return withResult(forward, { status: "NOT_FOUND", ...latest });
  });
  expect(done(await payouts(balanced.url).fate(payout)).kind).toBe("pending");
});
