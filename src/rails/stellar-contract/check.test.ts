import { Keypair, Operation, Asset as StellarAsset } from "@stellar/stellar-sdk/base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NOBODY_HOME, openRpcFront, withResult } from "../../../tests/fixtures/rpc-front.ts";
import { openStellarStage, type StellarStage } from "../../../tests/fixtures/stellar-stage.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Rail, RailProblem } from "../rail.ts";
import { stellarContract } from "./index.ts";
import type { StellarContractSettings } from "./parse.ts";

let stage: StellarStage;
beforeAll(async () => {
  stage = await openStellarStage({ channels: 1, contractTtl: 300_000 });
});
afterAll(() => stage.close());

function rail(changes: Partial<StellarContractSettings> = {}): Rail {
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  return stellarContract.open(stage.config(changes), { clock: systemClock, log });
}

/** Each problem in short: "fatal: what". All of them must say what to do. */
async function problems(
  changes: Partial<StellarContractSettings> = {},
  cursor: string | null = null,
): Promise<readonly string[]> {
  const found: readonly RailProblem[] = await rail(changes).check(cursor);
  for (const { fix } of found) expect(fix).toMatch(/^[A-Z].*\.$/);
  return found.map(({ severity, what }) => `${severity}: ${what}`);
}

test("a stage in order has no problems", async () => {
  expect(await problems()).toEqual([]);
});

test("a passphrase of another network is fatal", async () => {
  expect(await problems({ passphrase: "Another network" })).toEqual([
    expect.stringMatching(/^fatal: 127.* serves another network/),
    "fatal: no RPC server is healthy",
    expect.stringMatching(/^fatal: the ledger cannot be read/),
  ]);
});

test("one server of another network is fatal even beside a good one", async () => {
  const foreign = await openRpcFront(stage.devnet.url, (method, forward) =>
    method === "getNetwork" ? withResult(forward, { passphrase: "Somebody's" }) : null,
  );
  expect(await problems({ rpcUrls: [stage.devnet.url, foreign.url] })).toEqual([
    expect.stringMatching(/^fatal: .* serves another network/),
  ]);
});

test("one server of two that is down is a warning, all of them are fatal", async () => {
  expect(await problems({ rpcUrls: [NOBODY_HOME, stage.devnet.url] })).toEqual([
    expect.stringMatching(/^warning: 127\.0\.0\.1:1 getNetwork/),
  ]);
  expect(await problems({ rpcUrls: [NOBODY_HOME] })).toContain("fatal: no RPC server is healthy");
});

test("a receiver that is not there is fatal", async () => {
  const receiverContractId = anyContract();
  expect(await problems({ receiverContractId })).toEqual([
    `fatal: the receiver ${receiverContractId} is not on this network`,
  ]);
});

test("a receiver with other code is fatal", async () => {
  const found = await problems({ receiverWasmSha256: "ab".repeat(32) });
  expect(found).toEqual([
    expect.stringMatching(
      /^fatal: the receiver is another one .* code has the hash [0-9a-f]{64}, not abab/,
    ),
    "fatal: the receiver's code is not on this network",
  ]);
});

test("an asset contract in place of a receiver is fatal", async () => {
  const found = await problems({ receiverContractId: stage.usdc.contractId });
  expect(found[0]).toMatch(/^fatal: the receiver is another one .* of no wasm/);
  expect(found).toContainEqual(expect.stringMatching(/its treasury is missing/));
});

test("a receiver of another treasury or another USDC is fatal", async () => {
  const other = stage.newAccount("0");
  expect(await problems({ treasurySecret: other.secret() })).toEqual([
    expect.stringMatching(
      new RegExp(
        `^fatal: .* its treasury is ${stage.treasury.publicKey()}, not ${other.publicKey()}`,
      ),
    ),
  ]);
  const found = await problems({ usdcIssuer: other.publicKey() });
  expect(found).toContainEqual(expect.stringMatching(/its usdc is C.*, not C/));
  expect(found).toContainEqual(expect.stringMatching(/^fatal: the asset contract of USDC/));
  expect(found).toContainEqual("fatal: the treasury cannot hold USDC");
});

test("a treasury that is missing, or whose key cannot sign for it, is fatal", async () => {
  expect(await problems({ treasurySecret: Keypair.random().secret() })).toContainEqual(
    expect.stringMatching(/^fatal: the treasury G.* does not exist/),
  );
  const stranger = { treasuryAddress: stage.treasury.publicKey() };
  expect(await problems({ ...stranger, treasurySecret: Keypair.random().secret() })).toEqual([
    "fatal: the configured key cannot sign payments of the treasury",
  ]);
});

test("a keeper or channel that is missing is fatal, one that runs out of XLM a warning", async () => {
  const missing = Keypair.random();
  expect(await problems({ keeperSecret: missing.secret() })).toEqual([
    `fatal: the keeper ${missing.publicKey()} does not exist`,
  ]);
  const poor = stage.newAccount();
  const destination = stage.usdc.issuer.publicKey();
  const amount = "9998.5";
  stage.run(poor, Operation.payment({ destination, amount, asset: StellarAsset.native() }));
  expect(await problems({ channelSecrets: [poor.secret()] })).toEqual([
    expect.stringMatching(/^warning: the channel account G.* has 0\.49999 XLM left for fees/),
  ]);
});

test("a contract that is archived soon is a warning", async () => {
  expect(await problems({ tuning: { ttlLowLedgers: 400_000 } })).toEqual([
    expect.stringMatching(/^warning: the receiver is archived in \d{6} ledgers unless extended/),
  ]);
});

test("a start before the servers' history is fatal, a cursor before it is a warning, one at its edge neither", async () => {
  const read = await rail().readDeposits(null, new AbortController().signal);
  if (read.kind !== "done") throw new Error(read.reason);
  const { cursor, height } = read.value;
  const keepingFrom = (oldestLedger: number) =>
    openRpcFront(stage.devnet.url, (method, forward) =>
      method === "getHealth" ? withResult(forward, { oldestLedger }) : null,
    );
  const edge = await keepingFrom(height + 1);
  const beyond = await keepingFrom(height + 2);
  expect(await problems({ rpcUrls: [edge.url] }, cursor)).toEqual([]);
  const gap = `warning: deposits are unread from ledger ${height + 1}, but history begins at ${height + 2}`;
  expect(await problems({ rpcUrls: [beyond.url] }, cursor)).toEqual([gap]);
  expect(await problems({ rpcUrls: [beyond.url, edge.url] }, cursor)).toEqual([]);
  expect(await problems({ rpcUrls: [beyond.url], startLedger: 5 })).toEqual([
    expect.stringMatching(/^fatal: deposits are unread from ledger 5,/),
  ]);
});

/** A valid address at which nothing is. */
function anyContract(): string {
  return new StellarAsset("NONE", stage.keeper.publicKey()).contractId(stage.devnet.passphrase);
}
