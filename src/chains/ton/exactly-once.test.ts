/** Refunds through crashes, lost requests, lost answers, late deliveries and outages: each is paid once. */
import { createHash } from "node:crypto";
import { Address } from "@ton/core";
import { beforeAll, expect, test } from "vitest";
import { type DirectChain, openDirectChain } from "../../../tests/fixtures/ton-direct.ts";
import { failed, type Outcome, unknown } from "../../outcome.ts";
import type { Payouts, SignedPayout } from "../../rails/rail.ts";
import type { TonChain } from "./chain.ts";
import { HIGHLOAD_TIMEOUT_S, highloadWallet, type HighloadWallet } from "./highload.ts";
import { openJettonBook } from "./jettons.ts";
import { keysOfSeed } from "./keys.ts";
import { openPayouts } from "./payouts.ts";
import { parseTon, type TonConfig } from "./settings.ts";

const SEEDS = 500;
/** Far more than any seed takes; who needs more is stuck. */
const MAX_STEPS = 400;

let direct: DirectChain;
let config: TonConfig;
let oldTreasury: HighloadWallet;

beforeAll(async () => {
  direct = await openDirectChain();
  const parsed = parseTon({
    NETWORK: "local",
    RPC: "http://127.0.0.1",
    JETTON_MASTER: direct.minter,
    TREASURY_KEY: hashOf("treasury"),
  });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  ({ config } = parsed);
  oldTreasury = await fundedTreasury("treasury");
});

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function fundedTreasury(name: string): Promise<HighloadWallet> {
  const keys = keysOfSeed(hashOf(name));
  if (keys === null) throw new Error("a test's seed is none");
  const treasury = highloadWallet(keys);
  await direct.fund(treasury.address, { nano: 100_000_000_000n, atomic: 100_000_000n });
  return treasury;
}

/** What is on disk: all that a crash leaves. */
interface Refund {
  readonly id: string;
  readonly to: Address;
  readonly atomic: bigint;
  state: "due" | "signed" | "final" | "blocked";
  signed: SignedPayout | null;
}

class Crash extends Error {}

type Random = () => number;

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function oneOf<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random() * items.length)];
}

interface World {
  readonly random: Random;
  readonly treasury: HighloadWallet;
  readonly refunds: readonly Refund[];
  /** Bytes that have left the process at least once, by their names: the network may deliver them at any time. */
  readonly sent: Map<string, Buffer>;
  /** Signs again after a crash, without a proof. */
  readonly isNaive: boolean;
  payouts: Payouts;
  crashes: number;
  signatures: number;
}

/** The chain as a rail sees it through servers that lose requests, messages and answers. */
function flaky(random: Random, { chain }: DirectChain): TonChain {
  const isStruck = (): boolean => random() < 0.04;
  const lost = (): Promise<Outcome<never>> => Promise.resolve(failed("no server answers", "retry"));
  return {
    state: (address) => (isStruck() ? lost() : chain.state(address)),
    transactions: (address, from, limit) =>
      isStruck() ? lost() : chain.transactions(address, from, limit),
    run: (address, method, stack) => (isStruck() ? lost() : chain.run(address, method, stack)),
    async send(boc) {
      const luck = random();
      if (luck < 0.15) return failed("the request is lost", "retry");
      if (luck < 0.35) return { kind: "done", value: null };
      const outcome = await chain.send(boc);
      return luck < 0.5 ? unknown("the answer is lost") : outcome;
    },
  };
}

function restart({ random, treasury }: Pick<World, "random" | "treasury">): Payouts {
  const chain = flaky(random, direct);
  return openPayouts({ chain, config, treasury, jettons: openJettonBook(chain) });
}

function perhapsCrash(world: World, chance: number): void {
  if (world.random() >= chance) return;
  world.crashes += 1;
  throw new Crash();
}

/** One go of a worker at one refund; it may end anywhere. */
async function work(world: World, refund: Refund): Promise<void> {
  if (refund.state === "due") await signAndStore(world, refund);
  if (refund.state === "signed" && refund.signed !== null)
    await chase(world, refund, refund.signed);
}

async function signAndStore(world: World, refund: Refund): Promise<void> {
  const { payouts, refunds } = world;
  const taken = new Set(refunds.flatMap(({ signed }) => signed?.lane ?? []));
  const lane = await payouts.freeLane(taken);
  if (lane.kind !== "done" || lane.value === null) return;
  const { id, atomic } = refund;
  const to = refund.to.toRawString();
  const amount = { asset: config.asset, atomic };
  const signed = await payouts.sign({ id, to, amount, lane: lane.value });
  perhapsCrash(world, 0.1);
  if (signed.kind === "failed" && !signed.retryable) refund.state = "blocked";
  if (signed.kind !== "done") return;
  refund.signed = signed.value;
  refund.state = "signed";
  world.signatures += 1;
  perhapsCrash(world, 0.1);
}

async function chase(world: World, refund: Refund, signed: SignedPayout): Promise<void> {
  const { payouts, random, sent } = world;
  sent.set(signed.txId, bytesOf(signed));
  await payouts.submit(signed);
  perhapsCrash(world, 0.15);
  // A transfer takes three blocks: it may be seen half done.
  for (let blocks = Math.floor(random() * 6); blocks > 0; blocks--) await direct.closeBlock();
  const fate = await payouts.fate(signed);
  perhapsCrash(world, 0.1);
  if (fate.kind !== "done") return;
  if (fate.value.kind === "unprovable") throw new Error(fate.value.reason);
  if (fate.value.kind === "final") refund.state = "final";
  if (fate.value.kind === "dead") forget(refund);
}

function forget(refund: Refund): void {
  refund.state = "due";
  refund.signed = null;
}

function bytesOf({ body }: SignedPayout): Buffer {
  return Buffer.from((JSON.parse(body) as { readonly boc: string }).boc, "base64");
}

/** What happens besides: blocks, time, outages, locks, and messages that the network delivers late. */
async function meanwhile({ random, refunds, sent }: World): Promise<void> {
  direct.advanceTime(Math.floor(random() * 20));
  if (random() < 0.12) direct.advanceTime(HIGHLOAD_TIMEOUT_S + 100);
  const late = random() < 0.2 ? oneOf(random, [...sent.values()]) : undefined;
  if (late) await direct.chain.send(late);
  const unlucky = random() < 0.015 ? oneOf(random, refunds) : undefined;
  if (unlucky) await direct.lock(unlucky.to, "receiving");
  await direct.closeBlock();
}

async function worldOf(seed: number, isNaive = false): Promise<World> {
  const random = randomOf(seed);
  // Some treasuries are not on chain until their first refund brings them there.
  const treasury = seed % 10 === 0 ? await fundedTreasury(`treasury ${seed}`) : oldTreasury;
  const refunds = Array.from({ length: seed % 5 === 0 ? 2 : 1 }, (_, index): Refund => {
    const id = `payout_${seed}_${index}_${isNaive}`;
    const to = Address.parseRaw(`0:${hashOf(id)}`);
    return { id, to, atomic: BigInt(1_000 + index), state: "due", signed: null };
  });
  const payouts = restart({ random, treasury });
  const counts = { crashes: 0, signatures: 0 };
  return { random, treasury, refunds, sent: new Map(), isNaive, payouts, ...counts };
}

/** Until every refund has come to its end. Answers what each payee has more than it is owed; less is negative. */
async function run(world: World): Promise<readonly bigint[]> {
  const { refunds, random, sent } = world;
  const isOpen = ({ state }: Refund): boolean => state === "due" || state === "signed";
  for (let steps = 0; refunds.some(isOpen); steps++) {
    if (steps > MAX_STEPS) throw new Error("it does not come to an end");
    const refund = oneOf(random, refunds.filter(isOpen));
    try {
      if (refund) await work(world, refund);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      world.payouts = restart(world);
      if (world.isNaive) refunds.filter(isOpen).forEach(forget);
    }
    await meanwhile(world);
  }
  // Whatever was ever sent comes once more: now, and when the wallet has forgotten its numbers.
  for (const pauseS of [0, 3 * HIGHLOAD_TIMEOUT_S]) {
    direct.advanceTime(pauseS);
    await direct.closeBlock();
    for (const bytes of sent.values()) await direct.chain.send(bytes);
  }
  await direct.settle();
  return Promise.all(
    refunds.map(async ({ to, atomic, state }) => {
      const owed = state === "final" ? atomic : 0n;
      return (await direct.held(to)) - owed;
    }),
  );
}

test(`${SEEDS} seeds: every refund is paid once, or is blocked and unpaid`, async () => {
  const totals = { refunds: 0, crashes: 0, signatures: 0, blocked: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await worldOf(seed);
    const surplus = await run(world);
    expect(surplus, `seed ${seed}`).toEqual(surplus.map(() => 0n));
    totals.crashes += world.crashes;
    totals.signatures += world.signatures;
    totals.refunds += world.refunds.length;
    totals.blocked += world.refunds.filter(({ state }) => state === "blocked").length;
  }
  // The worlds were as hard as they are meant to be.
  expect(totals.crashes).toBeGreaterThan(totals.refunds / 2);
  expect(totals.signatures).toBeGreaterThan(totals.refunds * 1.05);
  expect(totals.blocked).toBeGreaterThan(0);
  expect(totals.blocked).toBeLessThan(totals.refunds / 10);
}, 300_000);

test("who signs again after a crash without a proof pays twice in the same worlds", async () => {
  let doubles = 0;
  for (let seed = 1; seed <= 60 && doubles === 0; seed++) {
    const surplus = await run(await worldOf(seed, true));
    doubles += surplus.filter((atomic) => atomic > 0n).length;
  }
  expect(doubles).toBeGreaterThan(0);
}, 60_000);
