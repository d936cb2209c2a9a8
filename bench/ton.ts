import { purseOf } from "../devnet/ton/test-clients.ts";
import { systemClock } from "../src/clock.ts";
import { createLog } from "../src/log.ts";
import type { Asset } from "../src/money.ts";
import type { Order } from "../src/orders/order.ts";
import type { Outcome } from "../src/outcome.ts";
import type { Authorization, PaymentTerms, Rail, X402Scheme } from "../src/rails/rail.ts";
import { rails } from "../src/rails/index.ts";
import type { TonTuning } from "../src/chains/ton/settings.ts";
import { payByX402 } from "../tests/fixtures/ton-agent.ts";
import { payMany } from "../tests/fixtures/ton-many.ts";
import { openTonStage, type TonStage } from "../tests/fixtures/ton-stage.ts";
import { catchUp, seconds, withStore } from "./catch-up.ts";
import type { Size } from "./main.ts";
import { openOrder } from "./orders.ts";
import { median, percentile, type Row } from "./report.ts";
import { openMemory } from "./ton-memory.ts";

const MISSED = 1_000;
const CHECKED = 32;
const RELAYED = 40;
const RELAYED_IN_TURN = 10;
const CHECKS_AT_ONCE = 8;
const RELAYS_AT_ONCE = 8;
const ROUNDS = 3;
const BLOCK_MS = 400;
const LOOK_MS = 200;
const RELAY_LIMIT_MS = 60_000;
const ATOMIC = 6_210_000n;

/**
 * Payments that were missed, read and booked per second; x402 payments verified per second; and those relayed, from
 * the promise to the payee's credit. The chain runs in this process; its virtual machine takes most of a relay's time.
 */
export async function* ton(size: Size): AsyncGenerator<Row> {
  const stage = await openTonStage();
  try {
    yield await measureCatchUp(stage, size.isSmall ? 60 : MISSED);
    yield await measureVerify(stage, size);
  } finally {
    await stage.close();
  }
  const inBlocks = await openTonStage({ blockTimeMs: BLOCK_MS });
  try {
    yield await measureRelay(inBlocks, size);
  } finally {
    await inBlocks.close();
  }
}

/** @param url Of another server than the stage's. */
function openRail(stage: TonStage, tuning: Partial<TonTuning> = {}, url?: string): Rail {
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return rails["ton-jetton"].open(stage.config(url === undefined ? {} : { RPC: url }, tuning), {
    clock: systemClock,
    log,
  });
}

function schemeOf({ x402 }: Rail): X402Scheme {
  if (x402 === undefined) throw new Error("x402 is not offered");
  return x402;
}

function done<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === "done") return outcome.value;
  throw new Error(outcome.reason);
}

async function measureCatchUp(stage: TonStage, payments: number): Promise<Row> {
  const { signal } = new AbortController();
  const present = await openRail(stage).readDeposits(null, signal);
  if (present.kind !== "done") throw new Error(present.reason);
  const { cursor } = present.value;
  await payMany(stage, payments);
  const { asset } = stage.config();
  const orders = Array.from({ length: payments }, (_, index) => orderOf(asset, index + 1));
  const perSecond = async (tuning: Partial<TonTuning>): Promise<number> => {
    const takenS = await withStore(orders, (store) =>
      seconds(async () => {
        const paid = await catchUp(store, openRail(stage, tuning), { cursor });
        if (paid !== payments) throw new Error(`${paid} of ${payments} orders were paid`);
      }),
    );
    return payments / takenS;
  };
  // Which comes first would pay for the compiling of what both run.
  await perSecond({});
  return {
    bench: "ton",
    metric: "caught_up_per_s",
    value: await perSecond({}),
    baseline: "one transaction per question and commit",
    baselineValue: await perSecond({ transactionsPerCall: 1 }),
    p50Ms: null,
    p99Ms: null,
    note: `${payments} orders paid while nobody looked: proven by the chain of hashes, matched and stored`,
  };
}

/** Waits for what `payMany` pays: the order's number in base units. */
function orderOf(asset: Asset, number: number): Order {
  const order = openOrder(`ord_${number}`, asset);
  const legs = order.quote.legs.map((leg) => ({ ...leg, atomic: String(number) }));
  return { ...order, quote: { ...order.quote, legs } };
}

interface Payment {
  readonly payload: unknown;
  readonly terms: PaymentTerms;
}

/** Each by an agent of its own that has no TON, and whose wallet is not on chain yet. */
async function newPayments(stage: TonStage, count: number): Promise<readonly Payment[]> {
  const scheme = schemeOf(openRail(stage));
  const leg = { amount: { asset: stage.config().asset, atomic: ATOMIC }, expiresAtMs: Infinity };
  const payments: Payment[] = [];
  while (payments.length < count) {
    const id = `ord_x402_${payments.length}`;
    const [terms] = scheme.terms({ id, legs: [leg], missing: [] });
    if (terms === undefined) throw new Error("there are no terms");
    const agent = await purseOf(stage.devnet, { jetton: ATOMIC });
    payments.push({ terms, payload: await payByX402(stage, agent, terms) });
  }
  return payments;
}

function readPayment(scheme: X402Scheme, { payload, terms }: Payment): Authorization {
  const read = scheme.read(2, payload, terms);
  if (read.kind === "invalid") throw new Error(`a good payment was refused: ${read.reason}`);
  return read.authorization;
}

async function measureVerify(stage: TonStage, size: Size): Promise<Row> {
  const payments = await newPayments(stage, size.isSmall ? CHECKS_AT_ONCE : CHECKED);
  const memory = await openMemory(stage.devnet.url);
  try {
    const open = (): X402Scheme => schemeOf(openRail(stage, {}, memory.url));
    const kept = open();
    return await verifyInTurns(size, payments, { own: () => kept, fresh: open });
  } finally {
    await memory.close();
  }
}

/** What verifies the next payment. */
type Verifier = () => X402Scheme;

async function verifyInTurns(
  size: Size,
  payments: readonly Payment[],
  { own, fresh }: { readonly own: Verifier; readonly fresh: Verifier },
): Promise<Row> {
  const roundS = size.isSmall ? 0.3 : size.seconds;
  for (const verifier of [own, fresh]) await verifyFor(verifier, payments, roundS / 5);
  const rounds: { readonly own: Round; readonly fresh: Round }[] = [];
  while (rounds.length < (size.isSmall ? 1 : ROUNDS))
    rounds.push({
      own: await verifyFor(own, payments, roundS),
      fresh: await verifyFor(fresh, payments, roundS),
    });
  const timesMs = rounds.flatMap((round) => round.own.timesMs);
  return {
    bench: "ton",
    metric: "verified_per_s",
    value: median(rounds.map((round) => round.own.perSecond)),
    baseline: "a new rail for every payment",
    baselineValue: median(rounds.map((round) => round.fresh.perSecond)),
    p50Ms: percentile(timesMs, 0.5),
    p99Ms: percentile(timesMs, 0.99),
    note: `payers seen before, ${CHECKS_AT_ONCE} at once, the chain's answers repeated from memory; the baseline asks for each jetton wallet, as for a new payer`,
  };
}

interface Round {
  readonly perSecond: number;
  readonly timesMs: readonly number[];
}

async function verifyFor(
  verifier: Verifier,
  payments: readonly Payment[],
  limitS: number,
): Promise<Round> {
  const timesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + limitS * 1_000;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const payment = payments[next++ % payments.length];
      if (payment === undefined) return;
      const beginMs = performance.now();
      const scheme = verifier();
      done(await scheme.verify(readPayment(scheme, payment)));
      timesMs.push(performance.now() - beginMs);
    }
  };
  await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, caller));
  return { perSecond: (timesMs.length * 1_000) / (performance.now() - startMs), timesMs };
}

async function measureRelay(stage: TonStage, size: Size): Promise<Row> {
  const [many, few] = size.isSmall ? [4, 2] : [RELAYED, RELAYED_IN_TURN];
  const scheme = schemeOf(openRail(stage));
  const payments = await newPayments(stage, 1 + few + many);
  // The first message brings the relay's own wallet on chain.
  await relayAll(scheme, payments.slice(0, 1), 1);
  const inTurn = await relayAll(scheme, payments.slice(1, 1 + few), 1);
  const atOnce = await relayAll(scheme, payments.slice(1 + few), RELAYS_AT_ONCE);
  return {
    bench: "ton",
    metric: "relayed_per_s",
    value: atOnce.perSecond,
    baseline: "one at a time, as a relay that counts its messages has to",
    baselineValue: inTurn.perSecond,
    p50Ms: percentile(atOnce.timesMs, 0.5),
    p99Ms: percentile(atOnce.timesMs, 0.99),
    note: `${RELAYS_AT_ONCE} at once, verified, sent and seen on chain, the payer's wallet deployed; blocks every ${BLOCK_MS} ms`,
  };
}

async function relayAll(
  scheme: X402Scheme,
  payments: readonly Payment[],
  callers: number,
): Promise<Round> {
  const timesMs: number[] = [];
  const startMs = performance.now();
  const left = [...payments];
  const caller = async (): Promise<void> => {
    for (let payment = left.pop(); payment !== undefined; payment = left.pop()) {
      const beginMs = performance.now();
      await relay(scheme, readPayment(scheme, payment));
      timesMs.push(performance.now() - beginMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { perSecond: (timesMs.length * 1_000) / (performance.now() - startMs), timesMs };
}

/** Until the payee has been credited. */
async function relay(scheme: X402Scheme, promise: Authorization): Promise<void> {
  done(await scheme.settle(promise));
  const limit = AbortSignal.timeout(RELAY_LIMIT_MS);
  for (;;) {
    const fate = await scheme.fate(promise);
    if (fate.kind === "done" && fate.value.kind === "used") return;
    if (fate.kind === "done" && fate.value.kind === "dead") throw new Error(fate.value.reason);
    limit.throwIfAborted();
    await systemClock.sleep(LOOK_MS);
  }
}
