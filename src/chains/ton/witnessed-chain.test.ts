import { beginCell } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { systemClock } from "../../clock.ts";
import { done as answered } from "../../outcome.ts";
import { type AccountState, openChain, type TonChain } from "./chain.ts";
import { openWitness, type Witness } from "./witness.ts";
import { openWitnessedChain } from "./witnessed-chain.ts";

let stage: TonStage;
let chain: TonChain;
let witness: Witness;

beforeAll(async () => {
  stage = await openTonStage({ blockTimeMs: "manual", isWitnessed: true });
  const options = { config: stage.config(), clock: systemClock };
  chain = openChain(options);
  witness = openWitness(options);
});
afterAll(() => stage.close());

/** Servers that change what the chain shows of an account. */
function changing(change: Partial<AccountState>): TonChain {
  const state: TonChain["state"] = async (address, isCredible) => {
    const changed = { ...done(await chain.state(address)), ...change };
    await isCredible?.(changed);
    return answered(changed);
  };
  return { ...chain, state };
}

test("what a contract holds must be the same after the same transaction", async () => {
  const contradictions: string[] = [];
  const data = beginCell().storeUint(1, 8).endCell();
  const witnessed = openWitnessedChain({
    chain: changing({ data }),
    witness,
    onContradiction: (what) => contradictions.push(what),
  });
  for (let times = 0; times < 2; times++) {
    const state = await witnessed.state(stage.devnet.minter);
    expect(state).toMatchObject({ kind: "failed", retryable: true });
    expect(state.kind === "failed" && state.reason).toBe(witnessed.contradiction?.());
  }
  expect(contradictions).toEqual([expect.stringContaining("other contents after")]);
});

test("an account that no parser can read counts by its last transaction", async () => {
  const unreadable: Witness = {
    ...witness,
    state: async (address) =>
      answered({ ...done(await witness.state(address)), data: "unreadable" as const }),
  };
  const witnessed = openWitnessedChain({ chain, witness: unreadable });
  const { head } = done(await witnessed.state(stage.devnet.minter));
  expect(head).toEqual(done(await chain.state(stage.devnet.minter)).head);
});

test("the earlier time counts, whoever tells it", async () => {
  const { chainTimeMs } = done(await witness.state(stage.treasury));
  for (const laterMs of [-5_000, 5_000]) {
    const told = changing({ chainTimeMs: chainTimeMs + laterMs });
    const state = done(await openWitnessedChain({ chain: told, witness }).state(stage.treasury));
    expect(state.chainTimeMs).toBe(chainTimeMs + Math.min(laterMs, 0));
  }
});

test("an account that nobody has heard of is the same in both", async () => {
  const state = done(await openWitnessedChain({ chain, witness }).state(strangerAddress()));
  expect(state).toMatchObject({ kind: "uninitialized", head: { lt: 0n } });
});

test("get-methods that change from block to block are the first source's word", async () => {
  stage.devnet.liteFaults.plan({ kind: "drop" }, { times: Number.POSITIVE_INFINITY });
  const witnessed = openWitnessedChain({ chain, witness });
  const { exitCode } = done(await witnessed.run(stage.account, "get_wallet_data"));
  expect(exitCode).toBe(0);
  expect(await witnessed.run(stage.devnet.minter, "get_wallet_address")).toMatchObject({
    kind: "failed",
    retryable: true,
  });
  stage.devnet.liteFaults.clear();
});

test("a message that neither takes fails with both reasons; a lost answer makes it unknown", async () => {
  const witnessed = openWitnessedChain({ chain, witness });
  const nonsense = Buffer.from("nonsense");
  expect(await witnessed.send(nonsense)).toMatchObject({
    kind: "failed",
    reason: expect.stringMatching(/^127\.0\.0\.1:\d+: .+; 127\.0\.0\.1:\d+: /) as string,
  });
  stage.devnet.liteFaults.plan({ kind: "drop" }, { method: "sendMessage" });
  expect(await witnessed.send(nonsense)).toMatchObject({ kind: "unknown" });
});
