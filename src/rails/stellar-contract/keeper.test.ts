import { Address, Keypair, nativeToScVal, Operation } from "@stellar/stellar-sdk/base";
import { expect, onTestFinished, test } from "vitest";
import { NOBODY_HOME } from "../../../tests/fixtures/rpc-front.ts";
import {
  openStellarStage,
  type StageOptions,
  type StellarStage,
} from "../../../tests/fixtures/stellar-stage.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Rail } from "../rail.ts";
import { codeKey, instanceKey, readEntries } from "./entries.ts";
import { stellarContract } from "./index.ts";
import { DEFAULT_TUNING } from "./network.ts";
import type { StellarContractSettings } from "./parse.ts";
import { createRpc } from "./rpc.ts";

const { signal } = new AbortController();

async function openStage(options: StageOptions = {}): Promise<StellarStage> {
  const stage = await openStellarStage({ channels: 0, ...options });
  onTestFinished(() => stage.close());
  return stage;
}

function railOn(stage: StellarStage, changes: Partial<StellarContractSettings> = {}): Rail {
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return stellarContract.open(stage.config(changes), { clock: systemClock, log });
}

async function swept(stage: StellarStage, rail: Rail, everything = false): Promise<string | null> {
  const extent = everything ? "everything" : "worthwhile";
  const outcome = await stage.closingWhile(rail.sweep(signal, extent));
  if (outcome.kind !== "done") throw new Error(`${outcome.kind}: ${outcome.reason}`);
  return outcome.value;
}

/** Ledgers that instance and code have left. */
async function lives(stage: StellarStage): Promise<readonly number[]> {
  const { rpcUrls: urls, passphrase, receiverContractId, receiverWasmSha256 } = stage.config();
  const rpc = createRpc({ urls, passphrase, timeoutMs: 5_000, clock: systemClock });
  const keys = [instanceKey(receiverContractId), codeKey(receiverWasmSha256)];
  const entries = await readEntries(rpc, keys);
  if (entries.kind !== "done") throw new Error(entries.reason);
  const { value } = entries;
  return keys.map((key) => (value.get(key)?.liveUntilLedger ?? -Infinity) - value.height);
}

test("what is not worth a fee stays, until everything is asked for", async () => {
  const stage = await openStage();
  const payer = stage.newAccount("100");
  const rail = railOn(stage);
  const [usdc] = rail.assets;
  await swept(stage, rail);
  stage.pay({ payer, symbol: "USDC", atomic: 9_9999999n, orderRef: "ord_1" });
  expect(await swept(stage, rail)).toBeNull();
  expect(await swept(stage, rail, true)).toMatch(/^sweep of 9\.9999999 USDC to the treasury in /);
  stage.pay({ payer, symbol: "USDC", atomic: 10_0000000n, orderRef: "ord_2" });
  expect(await swept(stage, rail)).toMatch(/^sweep of 10\.00 USDC/);
  if (usdc === undefined) throw new Error("no asset");
  expect(await rail.payouts.balance(usdc)).toEqual({ kind: "done", value: 1_019_9999999n });
});

test("two who sweep at once move the money once", async () => {
  const stage = await openStage();
  const rail = railOn(stage);
  await swept(stage, rail);
  const payer = stage.newAccount("100");
  stage.pay({ payer, symbol: "USDC", atomic: 50_0000000n, orderRef: "ord_1" });
  const both = [rail.sweep(signal), rail.sweep(signal)];
  const outcomes = await stage.closingWhile(Promise.all(both));
  const lines = outcomes.map((outcome) => (outcome.kind === "done" ? outcome.value : "failed"));
  expect(lines).toEqual([expect.stringContaining("sweep of 50.00 USDC"), null]);
});

test("a sweep whose answer was lost is followed to its end all the same", async () => {
  const stage = await openStage();
  const rail = railOn(stage);
  await swept(stage, rail);
  const payer = stage.newAccount("100");
  stage.pay({ payer, symbol: "XLM", atomic: 50_0000000n, orderRef: "ord_1" });
  stage.devnet.faults.plan({ kind: "drop_answer" }, { method: "sendTransaction" });
  expect(await swept(stage, rail)).toMatch(/^sweep of 50\.00 XLM/);
});

test("a contract that lives a while is left alone, one that runs low is extended", async () => {
  const stage = await openStage();
  const rail = railOn(stage);
  expect(await lives(stage)).toSatisfy((left: number[]) => left.every((one) => one < 121_000));
  expect(await swept(stage, rail)).toMatch(/^extension of the life of the receiver/);
  const { ttlTargetLedgers, ttlLowLedgers } = DEFAULT_TUNING;
  for (const left of await lives(stage)) {
    expect(left).toBeLessThanOrEqual(ttlTargetLedgers);
    expect(left).toBeGreaterThan(ttlLowLedgers);
  }
  expect(await swept(stage, rail)).toBeNull();
});

test("an archived contract is restored and extended before it is swept", async () => {
  const stage = await openStage({ contractTtl: 60 });
  const payer = stage.newAccount("100");
  const rail = railOn(stage);
  stage.devnet.chain.advanceLedgers(70);
  expect(await lives(stage)).toSatisfy((left: number[]) => left.some((one) => one < 0));
  const archived = await rail.check();
  expect(archived).toMatchObject([
    { severity: "warning", what: expect.stringContaining("archived") as string },
  ]);
  expect(await swept(stage, rail)).toMatch(/^restoration .*; extension /);
  expect(await rail.check()).toEqual([]);
  stage.pay({ payer, symbol: "USDC", atomic: 10_0000000n, orderRef: "ord_1" });
  expect(await swept(stage, rail)).toMatch(/^sweep of 10\.00 USDC/);
});

test("a keeper without money, or without a server, fails with a reason and may try again", async () => {
  const stage = await openStage();
  const poor = Keypair.random();
  expect(await railOn(stage, { keeperSecret: poor.secret() }).sweep(signal)).toMatchObject({
    kind: "failed",
    retryable: true,
    reason: expect.stringContaining("does not exist") as string,
  });
  expect(await railOn(stage, { rpcUrls: [NOBODY_HOME] }).sweep(signal)).toMatchObject({
    kind: "failed",
    retryable: true,
  });
});

test("tokens of others that lie on the receiver's address are moved too, and are nobody's payment", async () => {
  const stage = await openStage();
  const rail = railOn(stage);
  await swept(stage, rail);
  const giver = stage.newAccount("100");
  stage.run(
    giver,
    Operation.invokeContractFunction({
      contract: stage.usdc.contractId,
      function: "transfer",
      args: [
        new Address(giver.publicKey()).toScVal(),
        new Address(stage.receiverId).toScVal(),
        nativeToScVal(25_0000000n, { type: "i128" }),
      ],
    }),
  );
  const page = await rail.readDeposits(null, signal);
  expect(page).toMatchObject({ kind: "done", value: { deposits: [], unreadable: [] } });
  expect(await swept(stage, rail)).toMatch(/^sweep of 25\.00 USDC/);
});

test("a sweep that is stopped ends soon and says that nobody knows", async () => {
  const stage = await openStage();
  const rail = railOn(stage);
  await swept(stage, rail);
  const payer = stage.newAccount("100");
  stage.pay({ payer, symbol: "USDC", atomic: 50_0000000n, orderRef: "ord_1" });
  const outcome = await rail.sweep(AbortSignal.timeout(400));
  expect(outcome).toMatchObject({ kind: "unknown" });
  stage.devnet.chain.closeLedger();
  expect(await swept(stage, rail)).toBeNull();
});
