import { spoil, type Answer } from "./answer.ts";
import type { Clock } from "./clock.ts";
import type { FaultScript, Subject } from "./faults.ts";

/** Milliseconds that the next call of this kind about this reference ("" for none) takes. */
export type LatencyMs<Call extends string> = (call: Call, about: string) => number;

/** What every call of a simulator goes through. */
export interface CallParts<Call extends string> {
  readonly faults: Pick<FaultScript<Call, string, never>, "strike">;
  readonly spoilers: Parameters<typeof spoil>[0];
  readonly clock: Clock;
  readonly latencyMs: LatencyMs<Call>;
  /** Aborts when the supplier is switched off or reset: calls in progress end without an answer. */
  readonly signal: AbortSignal;
  /** How often each call has arrived; counted here. */
  readonly counts: Record<Call, number>;
}

/** One endpoint's work, given the time it has to take and whether references count. */
export interface Effect<Call extends string> {
  readonly subject: Subject<Call>;
  /**
   * When the time passes: before the effect, between effect and answer, or as the effect itself arranges it
   * (a sale goes on without its client). @default "before"
   */
  readonly waits?: "before" | "after" | "itself";
  run(manner: {
    readonly takesMs: number;
    readonly ignoresReference: boolean;
  }): Answer | Promise<Answer>;
}

/** Carries out one call with whatever the fault script does to it. */
export async function carryOut<Call extends string>(
  parts: CallParts<Call>,
  effect: Effect<Call>,
): Promise<Answer> {
  const { subject, waits = "before" } = effect;
  parts.counts[subject.call] += 1;

  const { spoiling, extraDelayMs, ignoresReference } = parts.faults.strike(subject);
  if (spoiling !== null && spoiling.when !== "after") return spoil(parts.spoilers, spoiling, null);

  const takesMs = parts.latencyMs(subject.call, subject.reference ?? "") + extraDelayMs;
  const pass = async (): Promise<void> => {
    await parts.clock.sleep(takesMs, parts.signal);
    parts.signal.throwIfAborted();
  };
  if (waits === "before") await pass();
  const normal = await effect.run({ takesMs, ignoresReference });
  if (waits === "after") await pass();
  return spoiling === null ? normal : spoil(parts.spoilers, spoiling, normal);
}
