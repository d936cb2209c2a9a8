import { unreachable } from "../errors.ts";

/**
 * Stops buying at a supplier that keeps failing. Pure: plain data in, plain data out.
 *
 *   closed ── three faults in a row ──▶ open ── cool-down, then a probe that succeeds ──▶ half_open
 *     ▲                                  ▲                                                   │
 *     └────── a purchase succeeds ───────┼────── one purchase starts (the trial) ◀───────────┘
 *
 * The trial runs while the breaker is open again, so nobody else buys meanwhile. Its success closes the
 * breaker; its fault begins a new cool-down; if its end is never heard of, the next probe allows another.
 */
export interface Breaker {
  readonly state: "closed" | "open" | "half_open";
  /** Faults since the last success. */
  readonly consecutiveFaults: number;
  /** When it last opened, milliseconds since 1970 UTC; null while closed. */
  readonly openedAtMs: number | null;
}

/** How a breaker begins. */
export const CLOSED: Breaker = { state: "closed", consecutiveFaults: 0, openedAtMs: null };

/**
 * A fault is the supplier's: silence, 5xx, an unreadable answer, a refused connection. A refusal with a reason
 * (out of stock, a face value that is not on offer) is neither fault nor success and is not reported here.
 */
export type BreakerEvent =
  | "purchase_started"
  | "purchase_succeeded"
  | "purchase_faulted"
  | "probe_succeeded"
  | "probe_faulted";

export interface BreakerTerms {
  readonly faultsToOpen: number;
  /** From opening to the first probe, and between probes. */
  readonly coolDownMs: number;
}

export const BREAKER_TERMS: BreakerTerms = { faultsToOpen: 3, coolDownMs: 30_000 };

/** True when a purchase may start now. */
export function mayBuy(breaker: Breaker): boolean {
  return breaker.state !== "open";
}

/** True when a read-only probe should ask whether the supplier is back. */
export function isProbeDue(breaker: Breaker, nowMs: number, terms = BREAKER_TERMS): boolean {
  return breaker.state === "open" && nowMs - (breaker.openedAtMs ?? 0) >= terms.coolDownMs;
}

/**
 * The breaker after an event. The same object when the event changes nothing: a probe may be reported at any
 * time, and counts only when it was due.
 */
export function stepBreaker(
  breaker: Breaker,
  event: BreakerEvent,
  nowMs: number,
  terms = BREAKER_TERMS,
): Breaker {
  switch (event) {
    case "purchase_started":
      return breaker.state === "half_open" ? open(breaker.consecutiveFaults, nowMs) : breaker;
    case "purchase_succeeded":
      return CLOSED;
    case "purchase_faulted":
      return fault(breaker, nowMs, terms);
    case "probe_succeeded":
      return isProbeDue(breaker, nowMs, terms) ? { ...breaker, state: "half_open" } : breaker;
    case "probe_faulted":
      return breaker.state === "half_open" || isProbeDue(breaker, nowMs, terms)
        ? open(breaker.consecutiveFaults, nowMs)
        : breaker;
    default:
      return unreachable(event);
  }
}

function fault(breaker: Breaker, nowMs: number, terms: BreakerTerms): Breaker {
  const consecutiveFaults = breaker.consecutiveFaults + 1;
  const stays = breaker.state === "closed" && consecutiveFaults < terms.faultsToOpen;
  return stays ? { ...breaker, consecutiveFaults } : open(consecutiveFaults, nowMs);
}

function open(consecutiveFaults: number, nowMs: number): Breaker {
  return { state: "open", consecutiveFaults, openedAtMs: nowMs };
}
