import { purseOf } from "../devnet/ton/test-clients.ts";
import { systemClock } from "../src/clock.ts";
import { createLog } from "../src/log.ts";
import type { Outcome } from "../src/outcome.ts";
import type { Authorization, PaymentTerms, Rail, X402Scheme } from "../src/rails/rail.ts";
import { rails } from "../src/rails/index.ts";
import { payByX402 } from "../tests/fixtures/ton-agent.ts";
import { payMany } from "../tests/fixtures/ton-many.ts";
import { openTonStage, type TonStage } from "../tests/fixtures/ton-stage.ts";
import type { Size } from "./main.ts";
import { percentile, type Row } from "./report.ts";

const MISSED = 1_000;
const PROMISES = 40;
const AT_ONCE = 8;
const ATOMIC = 6_210_000n;

/**
 * Payments that were missed, caught up per second; x402 payments verified, and relayed until they are on chain. The
 * chain's TVM and its HTTP server run in the same process and take most of the time.
 */
export async function* ton(size: Size): AsyncGenerator<Row> {
  const stage = await openTonStage();
  try {
    yield await measureCatchUp(stage, size.isSmall ? 100 : MISSED);
    const scheme = openRail(stage).x402;
    if (scheme === undefined) throw new Error("x402 is not offered");
    const promises: Authorization[] = [];
    const count = size.isSmall ? AT_ONCE : PROMISES;
    while (promises.length < count) promises.push(await newPromise(stage, scheme));
    yield await measureVerify(scheme, promises, size);
    yield await measureRelay(scheme, promises);
  } finally {
    await stage.close();
  }
}

function openRail(stage: TonStage): Rail {
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return rails["ton-jetton"].open(stage.config(), { clock: systemClock, log });
}

function done<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === "done") return outcome.value;
  throw new Error(outcome.reason);
}

async function measureCatchUp(stage: TonStage, payments: number): Promise<Row> {
  const { signal } = new AbortController();
  const first = await openRail(stage).readDeposits(null, signal);
  if (first.kind !== "done") throw new Error(first.reason);
  await payMany(stage, payments);
  const rail = openRail(stage);
  const beginMs = performance.now();
  let { cursor } = first.value;
  let found = 0;
  for (let isCaughtUp = false; !isCaughtUp;) {
    const page = await rail.readDeposits(cursor, signal);
    if (page.kind !== "done") throw new Error(page.reason);
    found += page.value.deposits.length;
    ({ cursor, isCaughtUp } = page.value);
  }
  if (found !== payments) throw new Error(`${found} of ${payments} payments were found`);
  const value = (found * 1_000) / (performance.now() - beginMs);
  const note = `${payments} payments that came while nobody looked, each proven by the hash of the next`;
  return row("caught_up_per_s", { value, timesMs: [], note });
}

async function newPromise(stage: TonStage, scheme: X402Scheme): Promise<Authorization> {
  const agent = await purseOf(stage.devnet, { jetton: ATOMIC });
  const terms = termsOf(stage);
  const read = scheme.read(2, await payByX402(stage, agent, terms), terms);
  if (read.kind === "invalid") throw new Error(read.reason);
  return read.authorization;
}

function termsOf(stage: TonStage): PaymentTerms {
  return {
    scheme: "exact",
    network: stage.config().network.caip2,
    amount: ATOMIC.toString(),
    asset: stage.devnet.minter.toRawString(),
    payTo: stage.treasury.toRawString(),
    maxTimeoutSeconds: 900,
    extra: {
      areFeesSponsored: true,
      forwardTonAmount: "1",
      responseDestination: stage.relay.toRawString(),
    },
  };
}

async function measureVerify(
  scheme: X402Scheme,
  promises: readonly Authorization[],
  size: Size,
): Promise<Row> {
  const timesMs: number[] = [];
  const beginMs = performance.now();
  const endMs = beginMs + (size.isSmall ? 0.3 : size.seconds) * 1_000;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const promise = promises[next++ % promises.length];
      if (promise === undefined) return;
      const startMs = performance.now();
      done(await scheme.verify(promise));
      timesMs.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  const value = (timesMs.length * 1_000) / (performance.now() - beginMs);
  return row("verified_per_s", { value, timesMs, note: `signature and chain, ${AT_ONCE} at once` });
}

async function measureRelay(scheme: X402Scheme, promises: readonly Authorization[]): Promise<Row> {
  const timesMs: number[] = [];
  const beginMs = performance.now();
  for (const promise of promises) {
    const startMs = performance.now();
    done(await scheme.settle(promise));
    const fate = done(await scheme.fate(promise));
    if (fate.kind !== "used") throw new Error(`a promise is ${fate.kind}`);
    timesMs.push(performance.now() - startMs);
  }
  const value = (timesMs.length * 1_000) / (performance.now() - beginMs);
  const note = "one after the other, verified again, the payer's wallet deployed, seen on chain";
  return row("relayed_per_s", { value, timesMs, note });
}

function row(
  metric: string,
  { value, timesMs, note }: { value: number; timesMs: readonly number[]; note: string },
): Row {
  const at = (share: number): number | null =>
    timesMs.length === 0 ? null : percentile(timesMs, share);
  const nothing = { baseline: null, baselineValue: null };
  return { bench: "ton", metric, value, ...nothing, p50Ms: at(0.5), p99Ms: at(0.99), note };
}
