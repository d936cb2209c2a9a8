import { answerHttp, type ApiParts } from "./api.ts";
import {
  cardSpoilers,
  cardWords,
  magicFaceValues,
  type Call,
  type FaultKind,
  type FaultRule,
} from "./card-faults.ts";
import { systemClock, type Clock } from "./clock.ts";
import { formatCents, parseCents, type Cents } from "./decimal.ts";
import { openFaultScript } from "./faults.ts";
import { openIssuer, type Terms } from "./issuer.ts";
import { realLatency } from "./latency.ts";
import { openLedger, withoutSecrets, type Ledger, type SoldCard } from "./ledger.ts";
import { hexDigits } from "./random.ts";
import {
  checkSpeed,
  openLatency,
  runSimulator,
  type Life,
  type Pace,
  type Simulator,
} from "./simulator.ts";

export interface CardSupplierOptions {
  /** @default a free port */
  readonly port?: number;
  /** How many times faster than the real timeline: 1 takes 17 s for a card, 100 takes 0.17 s. */
  readonly speed: number;
  /** Decides every random draw: delays, card numbers, the faults that strike by chance, the API key. */
  readonly seed: string;
  readonly clock?: Clock;
  /** Where the ledger is kept over restarts. @default nowhere, in memory only */
  readonly dataDir?: string;
  /** @default derived from the seed */
  readonly apiKey?: string;
  /** Rules in force from the start, and again after a reset. */
  readonly faults?: readonly FaultRule[];
  /** Decimal text in USD. @default "100000.00" */
  readonly balance?: string;
  /** Cards for sale. @default 10000 */
  readonly stock?: number;
  /** Hundredths of a percent off the face value. @default 200 */
  readonly discountBps?: number;
  /** Decimal text in USD, added to the cost of each card. @default "0.10" */
  readonly fee?: string;
  /** A fixed time until a card exists, not scaled by the speed. */
  readonly issueLatencyMs?: number;
  /** A fixed time until a card is active, not scaled by the speed. */
  readonly activateLatencyMs?: number;
  /** A fixed time for every other call, not scaled by the speed. */
  readonly readLatencyMs?: number;
}

export interface CardSupplier extends Simulator<Call, FaultKind, "faceValue", SoldCard> {
  readonly apiKey: string;
}

/**
 * A prepaid card supplier on a loopback port; see the README beside this file for its API.
 * Throws a RangeError for options it cannot work with, and the listen error when the port is taken.
 *
 * @example
 * const supplier = await startCardSupplier({ speed: 100, seed: "demo" });
 * supplier.faults.add({ call: "activate", fault: "error_500" });
 * // … let the shop buy …
 * console.log(supplier.ledger());
 * await supplier.close();
 */
export async function startCardSupplier(options: CardSupplierOptions): Promise<CardSupplier> {
  const terms = checkTerms(options);
  const ledger = openLedger(options.dataDir ?? null);
  const apiKey = options.apiKey ?? `sim_${hexDigits(32, options.seed, "api key")}`;
  const simulator = await runSimulator<Call, FaultKind, "faceValue", SoldCard, CardLife>({
    port: options.port ?? 0,
    begin: (signal) => startLife(options, { terms, ledger, signal }),
    forget: () => ledger.reset(),
    ledger: () => ledger.cards().map(withoutSecrets),
    balance: ({ issuer }) => formatCents(issuer.balanceCents()),
    answer: (life, request) => answerHttp(life, apiKey, request),
  });
  return { ...simulator, apiKey };
}

type CardLife = ApiParts & Life<Call, FaultKind, "faceValue">;

function startLife(
  options: CardSupplierOptions,
  own: { readonly terms: Terms; readonly ledger: Ledger; readonly signal: AbortSignal },
): CardLife {
  const { seed, clock = systemClock } = options;
  const { terms, ledger, signal } = own;
  const scripts = { rules: options.faults ?? [], magic: magicFaceValues };
  return {
    issuer: openIssuer(seed, terms, ledger, clock),
    ledger,
    faults: openFaultScript(cardWords, seed, scripts),
    spoilers: cardSpoilers,
    clock,
    latencyMs: openLatency(options, (call: Call) => paceOf(options, call)),
    counts: { health: 0, balance: 0, offers: 0, issue: 0, find: 0, card: 0, activate: 0 },
    signal,
  };
}

function checkTerms(options: CardSupplierOptions): Terms {
  const { stock = 10_000, discountBps = 200 } = options;
  checkSpeed(options.speed);
  if (!(Number.isInteger(stock) && stock >= 0)) {
    throw new RangeError(`stock: ${stock} is not a whole number from 0`);
  }
  if (!(Number.isInteger(discountBps) && discountBps >= 0 && discountBps < 10_000)) {
    throw new RangeError(`discountBps: ${discountBps} is not a whole number from 0 to 9999`);
  }
  return {
    minFaceCents: 500n,
    maxFaceCents: 50_000n,
    discountBps: BigInt(discountBps),
    feeCents: checkCents("fee", options.fee ?? "0.10"),
    openingBalanceCents: checkCents("balance", options.balance ?? "100000.00"),
    stock,
  };
}

function checkCents(name: string, text: string): Cents {
  const cents = parseCents(text);
  if (cents === null)
    throw new RangeError(`${name}: ${text} is not a decimal text such as "25.00"`);
  return cents;
}

function paceOf(options: CardSupplierOptions, call: Call): Pace {
  if (call === "issue") return { fixedMs: options.issueLatencyMs, profile: realLatency.issue };
  if (call === "activate")
    return { fixedMs: options.activateLatencyMs, profile: realLatency.activate };
  return { fixedMs: options.readLatencyMs, profile: realLatency.read };
}
