/** Refunds through crashes, lost requests, lost answers, late deliveries and outages: each is paid once. */
import { createHash } from "node:crypto";
import { Address, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import type { Fault } from "../../../devnet/ton/index.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Rail, SignedPayout } from "../rail.ts";
import { highloadWallet, HIGHLOAD_TIMEOUT_S } from "./highload.ts";
import { tonJetton } from "./index.ts";
import type { TonConfig } from "./settings.ts";

const SEEDS = 10;
const REFUNDS = 2;
/** Far more than any seed takes; who needs more is stuck. */
const MAX_STEPS = 400;

let stage: TonStage;

beforeAll(async () => {
  stage = await openTonStage({ blockTimeMs: "manual", isOneHopPerBlock: true });
});

afterAll(() => stage.close());

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

interface World {
  readonly random: Random;
  readonly config: TonConfig;
  readonly refunds: readonly Refund[];
  /** Bytes that have left the process at least once: the network may deliver them at any time. */
  readonly sent: Buffer[];
  /** Whether a refund that was found signed after a crash is signed again without a proof. */
  readonly isNaive: boolean;
  rail: Rail;
  crashes: number;
  signatures: number;
}

const log = createLog({ level: "error", now: () => 0, write: () => {} });

function openRail(config: TonConfig): Rail {
  return tonJetton.open(config, { clock: systemClock, log });
}

const SEND_FAULTS: readonly Fault[] = [
  { kind: "drop" },
  { kind: "drop_answer" },
  { kind: "lose_message" },
  { kind: "http_status", status: 503 },
  { kind: "http_status", status: 504 },
];
const READ_FAULTS: readonly Fault[] = [
  { kind: "drop" },
  { kind: "http_status", status: 429 },
  { kind: "api_error", code: 500, message: "LITE_SERVER_NETWORK: timeout" },
];

function oneOf<Item>(random: Random, items: readonly Item[]): Item | undefined {
  return items[Math.floor(random() * items.length)];
}

function strike({ random }: World, chance: number, method: "sendBoc" | "reads"): void {
  if (random() >= chance) return;
  const fault = oneOf(random, method === "sendBoc" ? SEND_FAULTS : READ_FAULTS);
  const reads = oneOf(random, ["getAddressInformation", "getTransactions", "runGetMethod"]);
  if (fault) stage.devnet.faults.plan(fault, { method: method === "sendBoc" ? method : reads ?? "" });
}

function perhapsCrash(world: World, chance: number): void {
  if (world.random() >= chance) return;
  world.crashes += 1;
  throw new Crash();
}

/** One go of a worker at one refund; it may end anywhere. */
async function work(world: World, refund: Refund): Promise<void> {
  strike(world, 0.15, "reads");
  if (refund.state === "due") await signAndStore(world, refund);
  if (refund.state === "signed" && refund.signed !== null) await chase(world, refund, refund.signed);
}

async function signAndStore(world: World, refund: Refund): Promise<void> {
  const { payouts, assets } = world.rail;
  const [asset] = assets;
  if (asset === undefined) throw new Error("a rail has an asset");
  const taken = new Set(world.refunds.flatMap(({ signed }) => signed?.lane ?? []));
  const lane = await payouts.freeLane(taken);
  if (lane.kind !== "done" || lane.value === null) return;
  const { id, atomic } = refund;
  const to = refund.to.toRawString();
  const signed = await payouts.sign({ id, to, amount: { asset, atomic }, lane: lane.value });
  perhapsCrash(world, 0.1);
  if (signed.kind === "failed" && !signed.retryable) refund.state = "blocked";
  if (signed.kind !== "done") return;
  refund.signed = signed.value;
  refund.state = "signed";
  world.signatures += 1;
  perhapsCrash(world, 0.1);
}

async function chase(world: World, refund: Refund, signed: SignedPayout): Promise<void> {
  world.sent.push(bytesOf(signed));
  strike(world, 0.4, "sendBoc");
  await world.rail.payouts.submit(signed);
  perhapsCrash(world, 0.15);
  for (let blocks = Math.floor(world.random() * 4); blocks > 0; blocks--)
    await stage.devnet.closeBlocks();
  strike(world, 0.15, "reads");
  const fate = await world.rail.payouts.fate(signed);
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

/** What the world does meanwhile: blocks, time, outages, and messages that somebody delivers once more. */
async function meanwhile(world: World): Promise<void> {
  const { random, sent } = world;
  stage.devnet.advanceTime(Math.floor(random() * 20));
  if (random() < 0.06) stage.devnet.advanceTime(HIGHLOAD_TIMEOUT_S + 100);
  const late = random() < 0.2 ? oneOf(random, sent) : undefined;
  if (late) await deliver(late);
  await stage.devnet.closeBlocks();
}

/** Without the server that the rail sees, and its faults. The network may well refuse. */
async function deliver(bytes: Buffer): Promise<void> {
  stage.devnet.faults.clear();
  await stage.client.sendFile(bytes).catch(() => {});
}

async function worldOf(seed: number, isNaive: boolean): Promise<World> {
  const random = randomOf(seed);
  const config = seed % 10 === 0 ? await freshTreasury(seed) : stage.config();
  const refunds = Array.from({ length: REFUNDS }, (_, index): Refund => {
    const id = `payout_${isNaive ? "naive" : "seed"}_${seed}_${index}`;
    const to = new Address(0, createHash("sha256").update(id).digest());
    return { id, to, atomic: BigInt(1_000 + index), state: "due", signed: null };
  });
  const rail = openRail(config);
  return { random, config, refunds, sent: [], isNaive, rail, crashes: 0, signatures: 0 };
}

/** One that no message has brought on chain yet. */
async function freshTreasury(seed: number): Promise<TonConfig> {
  const key = createHash("sha256").update(`treasury ${seed}`).digest("hex");
  const config = stage.config({ TREASURY_KEY: key });
  const { address } = highloadWallet(config.treasuryKeys);
  await stage.devnet.fund(address, { ton: toNano("10"), jetton: 1_000_000n });
  return config;
}

/** Until every refund has come to its end. Answers what each payee has more than it is owed; less is negative. */
async function run(world: World): Promise<readonly bigint[]> {
  const { refunds, random } = world;
  const isOpen = ({ state }: Refund): boolean => state === "due" || state === "signed";
  for (let steps = 0; refunds.some(isOpen); steps++) {
    if (steps > MAX_STEPS) throw new Error("it does not come to an end");
    const refund = oneOf(random, refunds.filter(isOpen));
    if (random() < 0.01 && refund) await stage.devnet.lock(refund.to, "receiving");
    try {
      if (refund) await work(world, refund);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      world.rail = openRail(world.config);
      if (world.isNaive) for (const one of refunds) if (isOpen(one)) forget(one);
    }
    await meanwhile(world);
  }
  for (const bytes of world.sent) await deliver(bytes);
  stage.devnet.faults.clear();
  while (stage.devnet.waiting() > 0) await stage.devnet.closeBlocks();
  return Promise.all(refunds.map(surplusOf));
}

async function surplusOf({ to, atomic, state }: Refund): Promise<bigint> {
  const state0 = await stage.client.getContractState(stage.devnet.jettonWalletOf(to));
  const held = state0.state === "active" ? await stage.held(to) : 0n;
  return held - (state === "final" ? atomic : 0n);
}

test(`${SEEDS} seeds: every refund is paid once or is blocked unpaid, whatever crashes or is lost`, async () => {
  const totals = { crashes: 0, signatures: 0, final: 0, blocked: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = await worldOf(seed, false);
    const surplus = await run(world);
    expect(surplus, `seed ${seed}`).toEqual(surplus.map(() => 0n));
    totals.crashes += world.crashes;
    totals.signatures += world.signatures;
    for (const { state } of world.refunds) {
      if (state === "final") totals.final += 1;
      if (state === "blocked") totals.blocked += 1;
    }
  }
  expect(totals.final + totals.blocked).toBe(SEEDS * REFUNDS);
  expect(totals.final).toBeGreaterThan(SEEDS * REFUNDS * 0.8);
  expect(totals.blocked).toBeGreaterThan(0);
  expect(totals.crashes).toBeGreaterThan(SEEDS / 2);
  expect(totals.signatures).toBeGreaterThan(SEEDS * REFUNDS);
  process.stderr.write(`${JSON.stringify(totals)}\n`);
}, 120_000);

test("who signs again after a crash without a proof pays twice: these worlds are hard enough", async () => {
  let doubles = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const surplus = await run(await worldOf(seed, true));
    doubles += surplus.filter((atomic) => atomic > 0n).length;
  }
  expect(doubles).toBeGreaterThan(0);
}, 60_000);
