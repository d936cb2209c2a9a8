import type { Answer } from "./answer.ts";
import type { CallParts, LatencyMs } from "./call.ts";
import { answerControl } from "./control.ts";
import type { Rule } from "./fault-rule.ts";
import type { Faults, FaultScript } from "./faults.ts";
import { drawLatencyMs, type LatencyProfile } from "./latency.ts";
import { listen, type HttpRequest } from "./server.ts";

/** What every simulated supplier can be asked and told. */
export interface Simulator<Call extends string, Kind extends string, Item extends string, Sold> {
  /** "http://127.0.0.1:4010", without a slash at the end. */
  readonly url: string;
  readonly faults: Faults<Rule<Call, Kind, Item>>;
  /** What was really sold, in the order of sale. */
  ledger(): readonly Sold[];
  /** Money left on the account: decimal text in USD. */
  balance(): string;
  /** How often each call has arrived since the start or the last reset. */
  calls(): Readonly<Record<Call, number>>;
  /** As just started with an empty ledger; calls in progress end without an answer. */
  reset(): void;
  close(): Promise<void>;
}

/** Everything that a reset begins anew. */
export interface Life<
  Call extends string,
  Kind extends string,
  Item extends string,
> extends CallParts<Call> {
  readonly faults: FaultScript<Call, Kind, Item>;
}

interface SimulatorParts<
  Call extends string,
  Kind extends string,
  Item extends string,
  Sold,
  Own extends Life<Call, Kind, Item>,
> {
  /** 0 picks a free one. */
  readonly port: number;
  begin(signal: AbortSignal): Own;
  /** Empties the ledger. */
  forget(): void;
  ledger(): readonly Sold[];
  balance(life: Own): string;
  answer(life: Own, request: HttpRequest): Promise<Answer>;
}

/** Serves a simulated supplier and its control plane on the loopback interface. */
export async function runSimulator<
  Call extends string,
  Kind extends string,
  Item extends string,
  Sold,
  Own extends Life<Call, Kind, Item>,
>(
  parts: SimulatorParts<Call, Kind, Item, Sold, Own>,
): Promise<Simulator<Call, Kind, Item, Sold> & { life(): Own }> {
  let ended = new AbortController();
  let life = parts.begin(ended.signal);
  const faults = {
    add: (rule: Rule<Call, Kind, Item>) => life.faults.add(rule),
    check: (rule: unknown) => life.faults.check(rule),
    list: () => life.faults.list(),
    clear: (id?: string) => life.faults.clear(id),
  };
  const control = {
    faults,
    ledger: () => parts.ledger(),
    balance: () => parts.balance(life),
    calls: () => ({ ...life.counts }),
    reset: () => {
      ended.abort();
      parts.forget();
      ended = new AbortController();
      life = parts.begin(ended.signal);
    },
  };
  const server = await listen({
    port: parts.port,
    control: (request) => answerControl(control, request),
    answer: (request) => parts.answer(life, request),
  });
  return {
    ...control,
    life: () => life,
    url: server.url,
    close: async () => {
      ended.abort();
      await server.close();
    },
  };
}

/** How long one kind of call takes: a fixed time, or a draw that the speed divides. */
export interface Pace {
  readonly fixedMs: number | undefined;
  readonly profile: LatencyProfile;
}

/** Delays that depend on the seed and on what they are for, not on the order of arrival. */
export function openLatency<Call extends string>(
  { seed, speed }: { readonly seed: string; readonly speed: number },
  paceOf: (call: Call) => Pace,
): LatencyMs<Call> {
  const ordinals = new Map<string, number>();
  return (call, about) => {
    const key = `${call} ${about}`;
    const ordinal = (ordinals.get(key) ?? 0) + 1;
    ordinals.set(key, ordinal);
    const { fixedMs, profile } = paceOf(call);
    return fixedMs ?? drawLatencyMs(profile, seed, "latency", key, ordinal) / speed;
  };
}

/** Throws a RangeError when the speed is not a number above 0. */
export function checkSpeed(speed: number): void {
  if (!(speed > 0 && Number.isFinite(speed))) {
    throw new RangeError(`speed: ${speed} is not a number above 0`);
  }
}
