import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Authorization, AuthorizationFate, X402Scheme } from "../rails/rail.ts";
import type { Replay, Replays } from "./replays.ts";

/** How far a promise has come when the time for waiting is over. */
export type Settlement =
  /** The chain carried it out. The caller is the one that may deliver for it. */
  | { readonly kind: "landed"; readonly txId: string | null }
  /** Sent, or perhaps sent: ask again. */
  | { readonly kind: "pending"; readonly txId: string | null; readonly reason: string }
  /** Never, with an x402 reason. `txId`: what carried it out before, for somebody else. */
  | { readonly kind: "refused"; readonly reason: string; readonly txId: string | null }
  /** Nothing was sent: ask again. */
  | { readonly kind: "unreachable"; readonly reason: string };

export interface SettlementOptions {
  readonly replays: Replays;
  /** How long an answer may wait for the chain. */
  readonly waitMs: number;
  /** Between two looks at the chain. */
  readonly lookEveryMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Settlements {
  /**
   * Carries a promise out. Calls at the same time share one settlement, and one of them alone is told that it
   * landed: a seller must not deliver twice for one promise. A caller that gave a `key` is told again.
   */
  settle(scheme: X402Scheme, authorization: Authorization, key: string | null): Promise<Settlement>;
  /** Ends every wait; answers are `pending` then. */
  stop(): void;
}

/** What spec and facilitators call a promise that was carried out for an earlier call. */
const DUPLICATE = "duplicate_settlement";

export function createSettlements(options: SettlementOptions): Settlements {
  const { replays, clock } = options;
  const stopping = new AbortController();
  const running = new Map<string, Promise<Settlement>>();

  const share = (scheme: X402Scheme, authorization: Authorization, replay: Replay) => {
    const { ref } = authorization;
    const known = running.get(ref);
    if (known !== undefined) return known;
    const run = carryOut(options, { scheme, authorization, replay, signal: stopping.signal });
    const ending = run.finally(() => running.delete(ref));
    running.set(ref, ending);
    return ending;
  };

  return {
    async settle(scheme, authorization, key) {
      const { ref, validUntilMs } = authorization;
      const replay = replays.claim(ref, validUntilMs, clock.now());
      if (replay.isTold && (key === null || replay.toldTo !== key))
        return { kind: "refused", reason: DUPLICATE, txId: replay.txId };
      const settlement = await share(scheme, authorization, replay);
      if (settlement.kind !== "landed") return settlement;
      replays.noteSent(ref, settlement.txId);
      if (replays.tell(ref, key)) return settlement;
      return { kind: "refused", reason: DUPLICATE, txId: settlement.txId };
    },
    stop: () => stopping.abort(),
  };
}

interface Work {
  readonly scheme: X402Scheme;
  readonly authorization: Authorization;
  readonly replay: Replay;
  readonly signal: AbortSignal;
}

async function carryOut(options: SettlementOptions, work: Work): Promise<Settlement> {
  const { clock, replays } = options;
  const { scheme, authorization, replay } = work;
  const { ref } = authorization;
  const endsAtMs = clock.now() + options.waitMs;
  if (replay.isKnown) {
    const fate = await scheme.fate(authorization);
    if (fate.kind !== "done") return { kind: "pending", txId: replay.txId, reason: fate.reason };
    const ended = endOf(fate.value, replay.txId);
    if (ended !== null) return ended;
  }
  const sent = await scheme.settle(authorization);
  if (sent.kind === "done") {
    replays.noteSent(ref, sent.value.txId);
    return waitFor(options, work, { txId: sent.value.txId, endsAtMs });
  }
  if (sent.kind === "unknown")
    return waitFor(options, work, { txId: replay.txId, endsAtMs, reason: sent.reason });
  if (replay.isKnown) {
    // What an earlier call sent may have landed since.
    const fate = await scheme.fate(authorization);
    const ended = fate.kind === "done" ? endOf(fate.value, replay.txId) : null;
    if (ended !== null) return ended;
    if (fate.kind !== "done" || sent.retryable)
      return { kind: "pending", txId: replay.txId, reason: sent.reason };
  }
  replays.forget(ref);
  return sent.retryable
    ? { kind: "unreachable", reason: sent.reason }
    : { kind: "refused", reason: sent.reason, txId: null };
}

/** Null while it is open. */
function endOf(fate: AuthorizationFate, txId: string | null): Settlement | null {
  if (fate.kind === "used") return { kind: "landed", txId: fate.txId ?? txId };
  return fate.kind === "dead" ? { kind: "refused", reason: fate.reason, txId: null } : null;
}

interface Wait {
  readonly txId: string | null;
  readonly endsAtMs: number;
  readonly reason?: string;
}

async function waitFor(
  { clock, log, lookEveryMs }: SettlementOptions,
  { scheme, authorization, signal }: Work,
  { txId, endsAtMs, reason: firstReason = "sent, not on chain yet" }: Wait,
): Promise<Settlement> {
  let reason = firstReason;
  while (!signal.aborted) {
    const fate = await scheme.fate(authorization);
    if (fate.kind === "done") {
      const ended = endOf(fate.value, txId);
      if (ended !== null) return ended;
    } else reason = fate.reason;
    if (clock.now() + lookEveryMs > endsAtMs) break;
    await clock.sleep(lookEveryMs, signal);
  }
  log.warn("a settlement has not landed within the time to wait", {
    ref: authorization.ref,
    tx_id: txId,
    reason,
  });
  return { kind: "pending", txId, reason };
}
