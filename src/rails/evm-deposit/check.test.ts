import type { Address } from "viem";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openEvmFront } from "../../../tests/fixtures/evm-front.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import type { EvmTexts } from "../../chains/evm/settings.ts";
import { createLog } from "../../log.ts";
import type { RailProblem } from "../rail.ts";
import { evmDeposit } from "./index.ts";

const log = createLog({ level: "error", now: () => 0, write: () => {} });
const NOBODY_HOME = "http://127.0.0.1:1";

let stage: EvmStage;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());
afterEach(() => {
  stage.front.twist(null);
  stage.front.hideBefore(0);
});

function check(
  changes: EvmTexts = {},
  cursor: string | null = null,
): Promise<readonly RailProblem[]> {
  return evmDeposit.open(stage.config(changes), { clock: systemClock, log }).check(cursor);
}

const texts = (problems: readonly RailProblem[]): readonly string[] =>
  problems.map(({ severity, what }) => `${severity}: ${what}`);

async function withCode(address: Address, code: string, run: () => Promise<void>): Promise<void> {
  const before = await stage.devnet.rpc("eth_getCode", [address, "latest"]);
  await stage.devnet.rpc("anvil_setCode", [address, code]);
  await run();
  await stage.devnet.rpc("anvil_setCode", [address, before]);
}

test("a rail in order has no problems", async () => {
  expect(await check()).toEqual([]);
});

test("no server is fatal, one dead server among others is a warning", async () => {
  expect(texts(await check({ RPC: NOBODY_HOME }))).toEqual([
    expect.stringMatching(/^warning: 127\.0\.0\.1:1: /),
    "fatal: no RPC server is healthy",
  ]);
  expect(texts(await check({ RPC: `${NOBODY_HOME},${stage.front.url}` }))).toEqual([
    expect.stringMatching(/^warning: 127\.0\.0\.1:1: /),
  ]);
});

test("a server of another chain is fatal, though others are right", async () => {
  const foreign = await openEvmFront(stage.devnet.url);
  foreign.twist(({ method }) => (method === "eth_chainId" ? { result: "0x1" } : null));
  const problems = texts(await check({ RPC: `${foreign.url},${stage.front.url}` }));
  await foreign.close();
  expect(problems).toEqual([expect.stringMatching(/^fatal: .* serves chain 1$/)]);
});

test("a factory that is not there is fatal, and so is a forwarder", async () => {
  const { factory, forwarder } = stage.contracts;
  for (const { address } of [factory, forwarder])
    await withCode(address, "0x", async () => {
      expect(texts(await check())).toEqual([
        `fatal: the deposit factory ${factory.address} is not on Polygon`,
      ]);
    });
});

test("a chain without Multicall3 takes payments, but cannot be swept", async () => {
  await withCode(stage.devnet.multicall3, "0x", async () => {
    expect(texts(await check())).toEqual([
      expect.stringMatching(/^warning: Multicall3 is not at /),
    ]);
  });
});

test("a token that is none, or has other decimals, is fatal", async () => {
  const { usdc, usdt } = stage.devnet;
  const wrong = `USDC:${usdc}:18:permit2,NONE:${stage.keeper.address}:6:permit2,USDT:${usdt}:6:permit2`;
  expect(texts(await check({ ASSETS: wrong }))).toEqual([
    "fatal: USDC has 6 decimals, not 18",
    expect.stringMatching(/^fatal: NONE at 0x\w+ does not answer as a token/),
  ]);
});

test("little gas of the treasury or the keeper is a warning that names the account", async () => {
  for (const account of [stage.treasury, stage.keeper]) {
    const coin = (await stage.devnet.rpc("eth_getBalance", [account.address, "latest"])) as string;
    await stage.devnet.setBalance(account.address, 7n);
    const problems = texts(await check());
    await stage.devnet.setBalance(account.address, BigInt(coin));
    expect(problems).toEqual([
      expect.stringMatching(
        new RegExp(`^warning: the \\w+ ${account.address} has 0\\.0+7 POL left for gas$`),
      ),
    ]);
  }
});

test("history that no server has is fatal for a shop that has not begun, a warning for one that has", async () => {
  const rail = evmDeposit.open(stage.config(), { clock: systemClock, log });
  const read = await rail.readDeposits(null, new AbortController().signal, async () => []);
  const cursor = read.kind === "done" ? read.value.cursor : null;
  await stage.devnet.mine(10);
  await stage.forgetHistory();
  const first = await check({}, null);
  const later = await check({}, cursor);
  expect(texts(first)).toEqual(["fatal: payments are unread from block 0, which no server has"]);
  expect(texts(later)).toEqual([
    expect.stringMatching(/^warning: payments are unread from block \d+, which no server has$/),
  ]);
});

test("a server without the state of its final block is a warning", async () => {
  stage.front.twist(({ method, params }) =>
    method === "eth_getTransactionCount" && params[1] !== "latest"
      ? { error: { code: -32000, message: "missing trie node" } }
      : null,
  );
  expect(texts(await check())).toEqual([
    expect.stringMatching(/^warning: .* keeps no state of its final block/),
  ]);
});
