import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  BREAKER_TERMS,
  CLOSED,
  isProbeDue,
  mayBuy,
  stepBreaker,
  type Breaker,
  type BreakerEvent,
} from "./breaker.ts";

const { coolDownMs } = BREAKER_TERMS;

interface Step {
  readonly event: BreakerEvent;
  readonly waitMs: number;
}

/** The breakers after each step, the first before any. */
function run(steps: readonly Step[]): readonly { breaker: Breaker; nowMs: number }[] {
  const trail = [{ breaker: CLOSED, nowMs: 0 }];
  for (const { event, waitMs } of steps) {
    const { breaker, nowMs } = trail.at(-1) ?? { breaker: CLOSED, nowMs: 0 };
    const thenMs = nowMs + waitMs;
    trail.push({ breaker: stepBreaker(breaker, event, thenMs), nowMs: thenMs });
  }
  return trail;
}

const at = (...events: readonly (BreakerEvent | [BreakerEvent, number])[]): Breaker => {
  const steps = events.map((item) =>
    typeof item === "string" ? { event: item, waitMs: 0 } : { event: item[0], waitMs: item[1] },
  );
  return run(steps).at(-1)?.breaker ?? CLOSED;
};

const OPENED = ["purchase_faulted", "purchase_faulted", "purchase_faulted"] as const;

test("three faults in a row open it, two and a success do not", () => {
  expect(at(...OPENED)).toEqual({ state: "open", consecutiveFaults: 3, openedAtMs: 0 });
  const interrupted = at(
    "purchase_faulted",
    "purchase_faulted",
    "purchase_succeeded",
    "purchase_faulted",
    "purchase_faulted",
  );
  expect(interrupted).toEqual({ state: "closed", consecutiveFaults: 2, openedAtMs: null });
  expect(mayBuy(interrupted)).toBe(true);
});

test("a probe half-opens it after the cool-down and not before", () => {
  expect(at(...OPENED, ["probe_succeeded", coolDownMs - 1]).state).toBe("open");
  expect(at(...OPENED, ["probe_succeeded", coolDownMs])).toEqual({
    state: "half_open",
    consecutiveFaults: 3,
    openedAtMs: 0,
  });
});

test("a probe that fails begins a new cool-down", () => {
  const failed = at(...OPENED, ["probe_faulted", coolDownMs]);
  expect(isProbeDue(failed, 2 * coolDownMs - 1)).toBe(false);
  expect(isProbeDue(failed, 2 * coolDownMs)).toBe(true);
});

test("probes during the cool-down do not prolong it", () => {
  const early = at(...OPENED, ["probe_faulted", coolDownMs - 1], "probe_succeeded");
  expect(isProbeDue(early, coolDownMs)).toBe(true);
});

test("a probe that fails while it is half-open opens it again", () => {
  const half = at(...OPENED, ["probe_succeeded", coolDownMs]);
  expect(stepBreaker(half, "probe_faulted", coolDownMs + 1)).toEqual({
    state: "open",
    consecutiveFaults: 3,
    openedAtMs: coolDownMs + 1,
  });
});

test("half-open lets one purchase start; its success closes the breaker", () => {
  const trial = at(...OPENED, ["probe_succeeded", coolDownMs], "purchase_started");
  expect(mayBuy(trial)).toBe(false);
  expect(stepBreaker(trial, "purchase_succeeded", coolDownMs + 1)).toEqual(CLOSED);
});

test("a trial that fails opens it again for a whole cool-down", () => {
  const failed = at(...OPENED, ["probe_succeeded", coolDownMs], "purchase_started", [
    "purchase_faulted",
    5_000,
  ]);
  expect(failed).toEqual({
    state: "open",
    consecutiveFaults: 4,
    openedAtMs: coolDownMs + 5_000,
  });
});

test("a trial that is never heard of does not block the supplier for ever", () => {
  const lost = at(...OPENED, ["probe_succeeded", coolDownMs], "purchase_started");
  expect(stepBreaker(lost, "probe_succeeded", 2 * coolDownMs).state).toBe("half_open");
});

test("probes neither open nor close a closed breaker", () => {
  const one = at("purchase_faulted", "probe_faulted", "probe_faulted", "probe_succeeded");
  expect(one).toEqual({ state: "closed", consecutiveFaults: 1, openedAtMs: null });
});

const steps = fc.array(
  fc.record({
    event: fc.constantFrom<BreakerEvent>(
      "purchase_started",
      "purchase_succeeded",
      "purchase_faulted",
      "probe_succeeded",
      "probe_faulted",
    ),
    waitMs: fc.constantFrom(0, 1, 1_000, coolDownMs - 1, coolDownMs),
  }),
  { maxLength: 60 },
);

test("whatever happens, every move is one that the diagram shows", () => {
  const allowed = new Set([
    "closed purchase_faulted open",
    "open probe_succeeded half_open",
    "open purchase_succeeded closed",
    "half_open purchase_started open",
    "half_open purchase_faulted open",
    "half_open probe_faulted open",
    "half_open purchase_succeeded closed",
  ]);
  fc.assert(
    fc.property(steps, (taken) => {
      const states = run(taken).map(({ breaker }) => breaker.state);
      const moves = taken
        .map(({ event }, index) => ({ event, from: states[index], to: states[index + 1] }))
        .filter(({ from, to }) => from !== to)
        .map(({ event, from, to }) => `${from} ${event} ${to}`);
      expect(moves.filter((move) => !allowed.has(move))).toEqual([]);
    }),
  );
});

test("whatever happens, it opens after exactly three faults since the last success", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const trail = run(taken);
      let faults = 0;
      for (const [index, { event }] of taken.entries()) {
        if (event === "purchase_succeeded") faults = 0;
        if (event === "purchase_faulted") faults += 1;
        const { breaker } = trail[index + 1] ?? { breaker: CLOSED };
        expect(breaker.consecutiveFaults).toBe(faults);
        expect(breaker.state === "closed").toBe(faults < 3);
        expect(breaker.openedAtMs === null).toBe(breaker.state === "closed");
      }
    }),
  );
});

test("whatever happens, at most one purchase starts per cool-down while it is not closed", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const trail = run(taken);
      let sinceTrialMs = Infinity;
      const gapsMs: number[] = [];
      for (const [index, { event, waitMs }] of taken.entries()) {
        const state = trail[index]?.breaker.state;
        sinceTrialMs = state === "closed" ? Infinity : sinceTrialMs + waitMs;
        if (event !== "purchase_started" || state !== "half_open") continue;
        gapsMs.push(sinceTrialMs);
        sinceTrialMs = 0;
      }
      expect(gapsMs.filter((gapMs) => gapMs < coolDownMs)).toEqual([]);
    }),
  );
});

test("it survives being stored as JSON", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const breaker = run(taken).at(-1)?.breaker;
      expect(JSON.parse(JSON.stringify(breaker))).toEqual(breaker);
    }),
  );
});
