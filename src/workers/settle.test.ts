import { expect, test } from "vitest";
import {
  newDeposit,
  newOrder,
  NOW_MS,
  openShopStore,
  pageOf,
  RAIL_ID,
  silentLog,
  USDC,
} from "../../tests/fixtures/shop-store.ts";
import { systemClock } from "../clock.ts";
import type { ShopActions } from "../actions/index.ts";
import { done, failed, unknown, type Outcome } from "../outcome.ts";
import type { AuthorizationFate, Rail, X402Scheme } from "../rails/rail.ts";
import type { Store } from "../store/tx.ts";
import { settleAuthorization } from "./settle.ts";

const REF = "net|asset|payer|nonce";
const signal = new AbortController().signal;

type SettleOutcome = Outcome<{ readonly txId: string | null }>;

/** What the network says and takes: each answer is used once, the last one stays. */
interface Network {
  readonly settles: SettleOutcome[];
  readonly fates: Outcome<AuthorizationFate>[];
  sent: number;
}

interface Bench {
  readonly store: Store<ShopActions>;
  readonly network: Network;
  /** One run of the job, this much later. */
  readonly run: (afterMs?: number) => Promise<{ readonly kind: string }>;
  readonly promise: () => Promise<{ readonly state?: string; readonly txId?: string | null }>;
  readonly state: () => Promise<string | undefined>;
}

async function openBench(answers: Partial<Network>): Promise<Bench> {
  const store = await openShopStore();
  await store.transact("createOrder", { order: newOrder(), idempotency: null });
  const network: Network = { settles: [], fates: [], sent: 0, ...answers };
  const next = <Answer>(list: Answer[]): Answer => {
    const answer = list.length > 1 ? list.shift() : list[0];
    if (answer === undefined) throw new Error("the network was asked something unexpected");
    return answer;
  };
  const x402: X402Scheme = {
    terms: () => [],
    read: () => ({ kind: "invalid", reason: "not asked" }),
    verify: async () => done(null),
    settle: async () => {
      network.sent++;
      return next(network.settles);
    },
    fate: async () => next(network.fates),
  };
  const rails = new Map([[RAIL_ID, { id: RAIL_ID, x402 } as Rail]]);
  let nowMs = NOW_MS;
  const clock = { ...systemClock, now: () => nowMs };
  const job = settleAuthorization({ store, clock, log: silentLog, rails });
  const authorization = {
    ref: REF,
    from: "payer",
    amount: { asset: USDC, atomic: 100_000_000n },
    validUntilMs: NOW_MS + 900_000,
    body: {},
  };
  await store.transact("claimAuthorization", {
    orderId: "ord_1",
    railId: RAIL_ID,
    authorization,
    nowMs,
  });
  return {
    store,
    network,
    run: async (afterMs = 3_000) => {
      nowMs += afterMs;
      return job(REF, signal);
    },
    promise: async () => (await store.read.authorizations.byRef(REF)) ?? {},
    state: async () => (await store.read.orders.byId("ord_1"))?.state,
  };
}

const SENT = done({ txId: "0x1" });
const OPEN = done({ kind: "open" } as const);
const USED = done({ kind: "used", txId: "0x9" } as const);
const DEAD = done({ kind: "dead", reason: "expired" } as const);

test("an answer that was lost is looked up, and what landed is not sent again", async () => {
  const { network, run, promise, state } = await openBench({
    settles: [unknown("timeout")],
    fates: [USED],
  });
  expect((await run(1)).kind).toBe("retry");
  expect((await run()).kind).toBe("retry");
  expect(network.sent).toBe(1);
  expect((await promise()).txId).toBe("0x9");
  expect(await state()).toBe("confirming");
});

test("a refusal is believed only when the chain does not show the payment", async () => {
  const refused = failed("invalid_exact_evm_nonce_already_used", "final");
  const used = await openBench({ settles: [refused], fates: [USED] });
  expect((await used.run(1)).kind).toBe("retry");
  expect(await used.state()).toBe("confirming");
  const open = await openBench({
    settles: [failed("insufficient_funds", "final")],
    fates: [OPEN],
  });
  expect((await open.run(1)).kind).toBe("finish");
  expect(await open.promise()).toMatchObject({ state: "failed", reason: "insufficient_funds" });
  expect(await open.state()).toBe("awaiting_payment");
});

test("a refusal while nobody can be asked decides nothing", async () => {
  const { run, promise } = await openBench({
    settles: [failed("insufficient_funds", "final")],
    fates: [unknown("the RPC is dead"), OPEN],
  });
  expect((await run(1)).kind).toBe("retry");
  expect((await promise()).state).toBe("settling");
});

test("what was said to be sent and never shows is sent again, until the chain proves that it is dead", async () => {
  const { network, run, state } = await openBench({
    settles: [SENT],
    fates: [OPEN, OPEN, OPEN, DEAD],
  });
  await run(1);
  await run(3_000);
  expect(network.sent).toBe(1);
  await run(20_000);
  expect(network.sent).toBe(2);
  await run(3_000);
  expect((await run(3_000)).kind).toBe("finish");
  expect(await state()).toBe("awaiting_payment");
});

test("a promise of an order that was paid otherwise is not carried out", async () => {
  const { network, run, promise, store } = await openBench({ settles: [SENT], fates: [OPEN] });
  await store.transact("applyDeposits", {
    railId: RAIL_ID,
    before: null,
    page: pageOf([newDeposit()]),
    terms: { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n },
    nowMs: NOW_MS,
  });
  expect((await run(1)).kind).toBe("finish");
  expect(network.sent).toBe(0);
  expect((await promise()).state).toBe("failed");
});

test("the job ends when the watcher has read the payment", async () => {
  const { run, promise, store, state } = await openBench({ settles: [SENT], fates: [OPEN] });
  await run(1);
  await store.transact("applyDeposits", {
    railId: RAIL_ID,
    before: null,
    page: pageOf([newDeposit({ orderRef: "", authorizationRef: REF })]),
    terms: { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n },
    nowMs: NOW_MS,
  });
  expect((await run()).kind).toBe("finish");
  expect((await promise()).state).toBe("settled");
  expect(await state()).toBe("paid");
});

test("a promise presented in time pays, though the chain takes it after the window", async () => {
  const { store, state } = await openBench({ settles: [SENT], fates: [OPEN] });
  const late = newDeposit({ orderRef: "", authorizationRef: REF, chainTimeMs: NOW_MS + 7_900_000 });
  await store.transact("applyDeposits", {
    railId: RAIL_ID,
    before: null,
    page: pageOf([late]),
    terms: { holdMs: 0, dustAtomic: {}, toleranceUsdMicro: 0n },
    nowMs: NOW_MS,
  });
  expect(await state()).toBe("paid");
});

test("a promise that failed may be presented again, signed anew with a later end", async () => {
  const { store, run, promise, state } = await openBench({
    settles: [failed("insufficient_funds", "final"), SENT],
    fates: [OPEN],
  });
  await run(1);
  expect(await state()).toBe("awaiting_payment");
  const validUntilMs = NOW_MS + 1_800_000;
  const again = await store.transact("claimAuthorization", {
    orderId: "ord_1",
    railId: RAIL_ID,
    authorization: {
      ref: REF,
      from: "payer",
      amount: { asset: USDC, atomic: 100_000_000n },
      validUntilMs,
      body: { signed: "anew" },
    },
    nowMs: NOW_MS + 10,
  });
  expect(again).toBe("claimed");
  expect(await promise()).toMatchObject({
    state: "settling",
    validUntilMs,
    body: { signed: "anew" },
  });
  expect(await state()).toBe("confirming");
});

test("one order has one promise at a time, and one promise pays one order", async () => {
  const { store } = await openBench({ settles: [SENT], fates: [OPEN] });
  const other = newOrder({ id: "ord_2" });
  await store.transact("createOrder", { order: other, idempotency: null });
  const claim = (orderId: string, ref: string): Promise<string> =>
    store.transact("claimAuthorization", {
      orderId,
      railId: RAIL_ID,
      authorization: {
        ref,
        from: "payer",
        amount: { asset: USDC, atomic: 100_000_000n },
        validUntilMs: NOW_MS + 900_000,
        body: {},
      },
      nowMs: NOW_MS,
    });
  expect(await claim("ord_1", REF)).toBe("known");
  expect(await claim("ord_1", "another")).toBe("paid");
  expect(await claim("ord_2", REF)).toBe("elsewhere");
  expect(await claim("ord_2", "another")).toBe("claimed");
});
