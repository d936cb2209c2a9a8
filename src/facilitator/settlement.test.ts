import type { Hex } from "viem";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { type EvmStage, openEvmStage } from "../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../clock.ts";
import { cancel, newPayer, openOn, quiet } from "../rails/evm-x402/test-payer.ts";
import { openReplays } from "./replays.ts";
import { createSettlements, type Settlements } from "./settlement.ts";

let stage: EvmStage;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());

function settlementsOver(waitMs: number): Settlements {
  const replays = openReplays(":memory:");
  const options = { replays, waitMs, lookEveryMs: 10, clock: systemClock, log: quiet };
  const settlements = createSettlements(options);
  onTestFinished(() => {
    settlements.stop();
    replays.close();
  });
  return settlements;
}

test("a payer who takes a promise back while it is on its way has not paid: nobody is told to deliver", async () => {
  const payer = await newPayer(stage, 100_000_000n);
  const { rail, promise } = openOn(stage);
  const authorization = await promise({ payer });
  const sentBefore = stage.front.asked.get("eth_sendRawTransaction") ?? 0;
  const settlements = settlementsOver(2_000);
  const settling = settlements.settle(rail.x402, authorization, null);
  await vi.waitFor(() =>
    expect(stage.front.asked.get("eth_sendRawTransaction") ?? 0).toBeGreaterThan(sentBefore),
  );
  // It bids more than the relay, and comes first in the same block.
  await cancel(stage, payer, (authorization.ref.split("|")[3] ?? "0x") as Hex);
  expect(await settling).toMatchObject({ kind: "pending" });
  await stage.finalize();
  expect(await settlements.settle(rail.x402, authorization, null)).toEqual({
    kind: "refused",
    reason: "authorization_revoked",
    txId: null,
  });
});

test("what was told stays told for a week; what was never sent is forgotten", () => {
  const replays = openReplays(":memory:");
  onTestFinished(() => replays.close());
  const now = 1_000_000_000_000;
  expect(replays.claim("one", now, now)).toMatchObject({ isKnown: false, isTold: false });
  replays.noteSent("one", "0xaa");
  replays.noteSent("one", null);
  expect(replays.claim("one", now, now)).toMatchObject({ isKnown: true, txId: "0xaa" });
  expect(replays.tell("one", "key")).toBe(true);
  expect(replays.tell("one", "other")).toBe(false);
  expect(replays.tell("one", null)).toBe(false);
  expect(replays.tell("one", "key")).toBe(true);
  replays.forget("one");
  expect(replays.claim("one", now, now)).toMatchObject({ isTold: true, toldTo: "key" });
  replays.claim("two", now, now);
  replays.forget("two");
  expect(replays.claim("two", now, now)).toMatchObject({ isKnown: false });
  const longAfter = now + 8 * 24 * 3_600_000;
  expect(replays.claim("one", longAfter, longAfter)).toMatchObject({ isKnown: false });
});
