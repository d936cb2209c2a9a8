import { answerApi, type ApiParts } from "./api.ts";
import { systemClock, type Clock } from "./clock.ts";
import { formatCents, parseCents, type Cents } from "./decimal.ts";
import type { Call, FaultRule } from "./fault-rule.ts";
import { openFaultScript, type Faults } from "./faults.ts";
import { openIssuer, type Terms } from "./issuer.ts";
import { drawLatencyMs, realLatency, type LatencyProfile } from "./latency.ts";
import { openLedger, withoutSecrets, type Ledger, type SoldCard } from "./ledger.ts";
import { hexDigits } from "./random.ts";
import { listen } from "./server.ts";

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

export interface CardSupplier {
  /** "http://127.0.0.1:4010", without a slash at the end. */
  readonly url: string;
  readonly apiKey: string;
  readonly faults: Faults;
  /** What was really sold, in the order of sale. */
  ledger(): readonly SoldCard[];
  /** Money left on the account: decimal text in USD. */
  balance(): string;
  /** How often each call has arrived since the start or the last reset. */
  calls(): Readonly<Record<Call, number>>;
  /** As just started with an empty ledger; calls in progress end without an answer. */
  reset(): void;
  close(): Promise<void>;
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
  let life = startLife(options, terms, ledger);

  const supplier: Omit<CardSupplier, "url" | "close"> = {
    apiKey,
    faults: {
      add: (rule) => life.faults.add(rule),
      list: () => life.faults.list(),
      clear: (id) => life.faults.clear(id),
    },
    ledger: () => ledger.cards().map(withoutSecrets),
    balance: () => formatCents(life.issuer.balanceCents()),
    calls: () => ({ ...life.counts }),
    reset: () => {
      life.ended.abort();
      ledger.reset();
      life = startLife(options, terms, ledger);
    },
  };
  const server = await listen({
    port: options.port ?? 0,
    apiKey,
    control: supplier,
    answer: (request) => answerApi(life, request),
  });
  return {
    ...supplier,
    url: server.url,
    close: async () => {
      life.ended.abort();
      await server.close();
    },
  };
}

/** Everything that a reset begins anew. */
type Life = ApiParts & { readonly ended: AbortController };

function startLife(options: CardSupplierOptions, terms: Terms, ledger: Ledger): Life {
  const { seed, clock = systemClock } = options;
  const ended = new AbortController();
  return {
    issuer: openIssuer(seed, terms, ledger, clock),
    ledger,
    faults: openFaultScript(seed, options.faults ?? []),
    clock,
    latencyMs: openLatency(options),
    counts: { health: 0, balance: 0, offers: 0, issue: 0, find: 0, card: 0, activate: 0 },
    signal: ended.signal,
    ended,
  };
}

function checkTerms(options: CardSupplierOptions): Terms {
  const { speed, stock = 10_000, discountBps = 200 } = options;
  if (!(speed > 0 && Number.isFinite(speed))) {
    throw new RangeError(`speed: ${speed} is not a number above 0`);
  }
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

function openLatency(options: CardSupplierOptions): ApiParts["latencyMs"] {
  const ordinals = new Map<string, number>();
  return (call, about) => {
    const key = `${call} ${about}`;
    const ordinal = (ordinals.get(key) ?? 0) + 1;
    ordinals.set(key, ordinal);
    const [fixedMs, profile] = profileOf(options, call);
    return fixedMs ?? drawLatencyMs(profile, options.seed, "latency", key, ordinal) / options.speed;
  };
}

function profileOf(
  options: CardSupplierOptions,
  call: Call,
): readonly [fixedMs: number | undefined, profile: LatencyProfile] {
  if (call === "issue") return [options.issueLatencyMs, realLatency.issue];
  if (call === "activate") return [options.activateLatencyMs, realLatency.activate];
  return [options.readLatencyMs, realLatency.read];
}
