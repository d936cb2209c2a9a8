import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createHeartbeatWheel } from "./heartbeat.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const TURN_MS = 15_000;

/** A member that notes when it was beaten, in milliseconds since it was made. */
function member() {
  const startMs = Date.now();
  const beats: number[] = [];
  return { beats, beat: () => void beats.push(Date.now() - startMs) };
}

test("a silent member is beaten once per turn, the first time within one", () => {
  const wheel = createHeartbeatWheel(TURN_MS);
  const one = member();
  wheel.add(one);
  vi.advanceTimersByTime(TURN_MS * 4);
  expect(one.beats).toHaveLength(4);
  expect(one.beats[0]).toBeLessThanOrEqual(TURN_MS);
  expect(one.beats.slice(1).map((ms, i) => ms - (one.beats[i] ?? 0))).toEqual([
    TURN_MS,
    TURN_MS,
    TURN_MS,
  ]);
  wheel.stop();
});

test("members that come together are beaten spread over the turn", () => {
  const wheel = createHeartbeatWheel(TURN_MS);
  const members = Array.from({ length: 600 }, member);
  for (const each of members) wheel.add(each);
  vi.advanceTimersByTime(TURN_MS);
  const perTick = Map.groupBy(members, ({ beats }) => beats[0]);
  expect(perTick.size).toBe(60);
  expect(Array.from(perTick.values(), (group) => group.length)).toEqual(
    Array.from({ length: 60 }, () => 10),
  );
  wheel.stop();
});

test("a member that was written to is left alone for a turn, and never silent for longer", () => {
  const wheel = createHeartbeatWheel(TURN_MS);
  for (let offset = 0; offset < TURN_MS; offset += 333) {
    const one = member();
    const spoke = wheel.add(one);
    vi.advanceTimersByTime(TURN_MS + offset);
    one.beats.length = 0;
    const touchedMs = TURN_MS + offset;
    spoke.touch();
    vi.advanceTimersByTime(TURN_MS * 2);
    const silence = (one.beats[0] ?? Infinity) - touchedMs;
    expect(silence).toBeLessThanOrEqual(TURN_MS);
    expect(silence).toBeGreaterThan(TURN_MS - 500);
    spoke.remove();
  }
  wheel.stop();
});

test("a removed member is not beaten again, nor is anyone after the stop", () => {
  const wheel = createHeartbeatWheel(TURN_MS);
  const gone = member();
  const left = member();
  const spoke = wheel.add(gone);
  wheel.add(left);
  vi.advanceTimersByTime(TURN_MS);
  spoke.touch();
  spoke.remove();
  vi.advanceTimersByTime(TURN_MS);
  expect(gone.beats).toHaveLength(1);
  expect(left.beats).toHaveLength(2);
  wheel.stop();
  vi.advanceTimersByTime(TURN_MS * 3);
  expect(left.beats).toHaveLength(2);
});

test("a member that removes others while it is beaten disturbs nobody", () => {
  const wheel = createHeartbeatWheel(5); // one slot
  const spokes: { remove(): void }[] = [];
  const beats: string[] = [];
  spokes.push(
    wheel.add({
      beat: () => {
        beats.push("a");
        for (const spoke of spokes) spoke.remove();
      },
    }),
    wheel.add({ beat: () => void beats.push("b") }),
  );
  vi.advanceTimersByTime(20);
  expect(beats).toEqual(["a", "b"]);
  wheel.stop();
});
