import { Keypair } from "@stellar/stellar-sdk/base";
import { expect, onTestFinished, test } from "vitest";
import { fundAccounts } from "../../../devnet/stellar/friendbot.ts";
import { startStellarDevnet, type StellarDevnet } from "../../../devnet/stellar/index.ts";
import { createTestAsset } from "../../../devnet/stellar/setup.ts";
import { RECEIVER_WASM } from "../../../tests/fixtures/stellar-stage.ts";
import { systemClock } from "../../clock.ts";
import {
  deployAssetContract,
  deployReceiver,
  type DeployReceiverOptions,
  type DeployStep,
} from "./deploy.ts";

interface Site {
  readonly devnet: StellarDevnet;
  readonly options: DeployReceiverOptions;
  /** "upload begun", … in order; emptied by reading. */
  readonly steps: () => readonly string[];
}

async function openSite(): Promise<Site> {
  const devnet = await startStellarDevnet({ closeEveryMs: "instant" });
  onTestFinished(() => devnet.close());
  const [deployer, treasury] = [Keypair.random(), Keypair.random()];
  fundAccounts(devnet.chain, [deployer.publicKey(), treasury.publicKey()]);
  const { issuer } = createTestAsset(devnet.chain);
  const told: DeployStep[] = [];
  return {
    devnet,
    steps: () => told.splice(0).map(({ step, state }) => `${step} ${state}`),
    options: {
      rpcUrls: [devnet.url],
      passphrase: devnet.passphrase,
      deployerSecret: deployer.secret(),
      treasury: treasury.publicKey(),
      usdc: { code: "USDC", issuer: issuer.publicKey() },
      wasm: RECEIVER_WASM,
      clock: systemClock,
      onStep: (step) => told.push(step),
    },
  };
}

test("a receiver is uploaded, created, extended and verified; again it is found as it is", async () => {
  const { options, steps, devnet } = await openSite();
  const first = await deployReceiver(options);
  expect(first).toMatchObject({
    kind: "done",
    value: { contractId: expect.stringMatching(/^C[A-Z2-7]{55}$/) as string },
  });
  expect(steps()).toEqual([
    "look begun",
    "upload begun",
    "upload done",
    "create begun",
    "create done",
    "extend begun",
    "extend done",
    "verify begun",
    "verify done",
  ]);
  devnet.chain.advanceLedgers(3);
  if (first.kind !== "done") throw new Error(first.reason);
  const { contractId, wasmSha256 } = first.value;
  expect(await deployReceiver(options)).toMatchObject({ value: { contractId, wasmSha256 } });
  expect(steps()).toEqual([
    "look begun",
    "upload skipped",
    "create skipped",
    "extend begun",
    "extend done",
    "verify begun",
    "verify done",
  ]);
});

test("a deployment that is cut off anywhere is finished by the same call", async () => {
  const { options, steps, devnet } = await openSite();
  // Dies before the second transaction: the code is there, the contract is not.
  const dying = await deployReceiver({
    ...options,
    onStep(step) {
      if (step.step === "create") throw new Error("killed");
    },
  }).catch(String);
  expect(dying).toBe("Error: killed");
  devnet.faults.plan({ kind: "drop_answer" }, { method: "sendTransaction" });
  const done = await deployReceiver(options);
  expect(done.kind).toBe("done");
  expect(steps()).toContain("upload skipped");
  expect(steps()).not.toContain("create skipped");
});

test("a label makes another receiver of the same parts", async () => {
  const { options } = await openSite();
  const one = await deployReceiver(options);
  const two = await deployReceiver({ ...options, label: "second" });
  if (one.kind !== "done" || two.kind !== "done") throw new Error("not deployed");
  expect(two.value.contractId).not.toBe(one.value.contractId);
  expect(two.value.wasmSha256).toBe(one.value.wasmSha256);
});

test("an issuer whose asset contract is missing stops everything before it costs anything", async () => {
  const { options, steps } = await openSite();
  const usdc = { code: "USDC", issuer: options.treasury };
  expect(await deployReceiver({ ...options, usdc })).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: expect.stringContaining("check the USDC issuer") as string,
  });
  expect(steps()).toEqual(["look begun"]);
});

test("a deployer without an account is named", async () => {
  const { options } = await openSite();
  const nobody = Keypair.random();
  expect(await deployReceiver({ ...options, deployerSecret: nobody.secret() })).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining(`${nobody.publicKey()} does not exist`) as string,
  });
});

test("code that is no contract fails in the simulation, with the network's words", async () => {
  const { options } = await openSite();
  expect(await deployReceiver({ ...options, wasm: Buffer.from("not wasm") })).toMatchObject({
    kind: "failed",
    reason: expect.stringMatching(/^upload of [0-9a-f]{64}: the simulation fails: /) as string,
  });
});

test("an asset contract is created once", async () => {
  const { options, steps, devnet } = await openSite();
  const fresh = Keypair.random();
  fundAccounts(devnet.chain, [fresh.publicKey()]);
  const asset = { code: "EURC", issuer: fresh.publicKey() };
  const first = await deployAssetContract({ ...options, asset });
  expect(first.kind).toBe("done");
  expect(steps()).toEqual(["create begun", "create done"]);
  expect(await deployAssetContract({ ...options, asset })).toEqual(first);
  expect(steps()).toEqual(["create skipped"]);
  expect((await deployAssetContract({ ...options, asset: null })).kind).toBe("done");
});
