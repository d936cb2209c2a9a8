import { systemClock, type Clock } from "../clock.ts";
import { formatCents, parseCents } from "../decimal.ts";
import { openFaultScript } from "../faults.ts";
import { drawLatencyMs, type LatencyProfile } from "../latency.ts";
import { hexDigits } from "../random.ts";
import {
  checkSpeed,
  openLatency,
  runSimulator,
  type Life,
  type Pace,
  type Simulator,
} from "../simulator.ts";
import { answerEsimHttp, type EsimApiParts } from "./api.ts";
import { openBucket } from "./bucket.ts";
import { magicPackages } from "./catalogue.ts";
import { openEsimLedger, soldEsims, type SoldEsim } from "./ledger.ts";
import { openSeller, type EsimTerms } from "./seller.ts";
import type { EsimCredentials } from "./signature.ts";
import {
  esimSpoilers,
  esimWords,
  type EsimCall,
  type EsimFaultKind,
  type EsimFaultRule,
} from "./words.ts";

export interface EsimSupplierOptions {
  /** @default a free port */
  readonly port?: number;
  /** How many times faster than the real timeline: 1 takes about 4 s for a profile, 100 takes 0.04 s. */
  readonly speed: number;
  /** Decides every random draw: delays, ICCIDs, the faults that strike by chance, the credentials. */
  readonly seed: string;
  readonly clock?: Clock;
  /** Where the ledger is kept over restarts. @default nowhere, in memory only */
  readonly dataDir?: string;
  /** @default derived from the seed */
  readonly credentials?: EsimCredentials;
  /** Rules in force from the start, and again after a reset. */
  readonly faults?: readonly EsimFaultRule[];
  /** Decimal text in USD. @default "10000.00" */
  readonly balance?: string;
  /** Profiles for sale. @default 10000 */
  readonly stock?: number;
  /** Calls let through; as many at once after a rest. @default 8, times the speed */
  readonly requestsPerSecond?: number;
  /** A fixed time until a profile is allocated, not scaled by the speed. */
  readonly allocationMs?: number;
  /** A fixed time for every call and hook, not scaled by the speed. */
  readonly callLatencyMs?: number;
}

export interface EsimSupplier extends Simulator<EsimCall, EsimFaultKind, "packageCode", SoldEsim> {
  readonly credentials: EsimCredentials;
  /** A device downloads the profile: from now on it cannot be cancelled. */
  download(esimTranNo: string): void;
}

const latencies = {
  order: { medianMs: 400, sigma: 0.4 },
  hook: { medianMs: 500, sigma: 0.5 },
  read: { medianMs: 120, sigma: 0.4 },
} as const satisfies Record<string, LatencyProfile>;

/** "Within 30 s" by the documentation. */
const allocation: LatencyProfile = { medianMs: 4_000, sigma: 0.7 };
const MIN_ALLOCATION_MS = 1_000;
const MAX_ALLOCATION_MS = 30_000;

/**
 * An eSIM wholesaler on a loopback port, with the API that eSIM Access documents; see the README of this
 * package's suppliers. Throws a RangeError for options it cannot work with, and the listen error when the
 * port is taken.
 *
 * @example
 * const supplier = await startEsimSupplier({ speed: 100, seed: "demo" });
 * supplier.faults.add({ call: "order", fault: "busy", when: "after" });
 * // … let the shop buy …
 * console.log(supplier.ledger());
 * await supplier.close();
 */
export async function startEsimSupplier(options: EsimSupplierOptions): Promise<EsimSupplier> {
  const { seed, clock = systemClock } = options;
  const terms = checkTerms(options);
  const ledger = openEsimLedger(options.dataDir ?? null);
  const credentials = options.credentials ?? {
    accessCode: `sim_${hexDigits(32, seed, "access code")}`,
    secret: `sim_${hexDigits(32, seed, "secret")}`,
  };
  const simulator = await runSimulator<EsimCall, EsimFaultKind, "packageCode", SoldEsim, EsimLife>({
    port: options.port ?? 0,
    begin: (signal) => startLife(options, { terms, ledger, signal, credentials }),
    forget: () => ledger.reset(),
    ledger: () => soldEsims(ledger, clock.now()),
    balance: ({ seller }) => formatCents(BigInt(seller.balance()) / UNITS_PER_CENT),
    answer: answerEsimHttp,
  });
  return {
    ...simulator,
    credentials,
    download: (esimTranNo) => ledger.download(esimTranNo, clock.now()),
  };
}

type EsimLife = EsimApiParts & Life<EsimCall, EsimFaultKind, "packageCode">;

function startLife(
  options: EsimSupplierOptions,
  own: Pick<EsimApiParts, "ledger" | "signal" | "credentials"> & { readonly terms: EsimTerms },
): EsimLife {
  const { seed, speed, clock = systemClock } = options;
  const { terms, ledger, signal, credentials } = own;
  const scripts = { rules: options.faults ?? [], magic: magicPackages };
  return {
    seed,
    credentials,
    ledger,
    seller: openSeller(terms, ledger, clock),
    bucket: openBucket(options.requestsPerSecond ?? REQUESTS_PER_SECOND * speed, clock),
    faults: openFaultScript(esimWords, seed, scripts),
    spoilers: esimSpoilers,
    clock,
    latencyMs: openLatency(options, (call: EsimCall) => paceOf(options, call)),
    allocationMs: (transactionId) =>
      options.allocationMs ?? drawAllocationMs(options, transactionId),
    counts: { packages: 0, balance: 0, order: 0, query: 0, cancel: 0, webhook: 0, hook: 0 },
    signal,
  };
}

const REQUESTS_PER_SECOND = 8;
/** 10000 units are one dollar. */
const UNITS_PER_CENT = 100n;

function checkTerms(options: EsimSupplierOptions): EsimTerms {
  const { seed, stock = 10_000, balance = "10000.00" } = options;
  checkSpeed(options.speed);
  if (!(Number.isInteger(stock) && stock >= 0)) {
    throw new RangeError(`stock: ${stock} is not a whole number from 0`);
  }
  const cents = parseCents(balance);
  if (cents === null) throw new RangeError(`balance: ${balance} is not a decimal text`);
  return { seed, stock, openingBalance: Number(cents * UNITS_PER_CENT) };
}

function paceOf(options: EsimSupplierOptions, call: EsimCall): Pace {
  const { callLatencyMs: fixedMs } = options;
  if (call === "order") return { fixedMs, profile: latencies.order };
  return { fixedMs, profile: call === "hook" ? latencies.hook : latencies.read };
}

function drawAllocationMs({ seed, speed }: EsimSupplierOptions, transactionId: string): number {
  const drawnMs = drawLatencyMs(allocation, seed, "allocation", transactionId);
  return Math.min(MAX_ALLOCATION_MS, Math.max(MIN_ALLOCATION_MS, drawnMs)) / speed;
}
