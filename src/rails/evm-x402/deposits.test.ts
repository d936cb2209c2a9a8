import { encodeFunctionData, type Hex, parseAbi } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EvmStage, openEvmStage, transferCall } from "../../../tests/fixtures/evm-stage.ts";
import { depositAddress, depositId } from "../../chains/evm/deposit-contracts.ts";
import type { Authorization, Deposit } from "../rail.ts";
import { type Call, carryingCall } from "./calls.ts";
import { storedPromise } from "./read.ts";
import { newPayer, openOn, type OpenRail } from "./test-payer.ts";

let stage: EvmStage;
let open: OpenRail;
const { signal } = new AbortController();

beforeAll(async () => {
  stage = await openEvmStage();
  open = openOn(stage);
});
afterAll(() => stage.close());

/** The deposits of one transaction, as the rail reads them. */
async function depositsIn(txId: Hex): Promise<readonly Deposit[]> {
  const found: Deposit[] = [];
  for (let cursor: string | null = null; ;) {
    const read = await open.rail.readDeposits(cursor, signal);
    if (read.kind !== "done") throw new Error("the rail cannot be read");
    found.push(...read.value.deposits.filter((one) => one.txId === txId));
    if (read.value.isCaughtUp) return found;
    ({ cursor } = read.value);
  }
}

const BUNDLE = parseAbi([
  "struct Call3 { address target; bool allowFailure; bytes callData; }",
  "function aggregate3(Call3[] calls) payable",
]);

/** Somebody else's relay, which carries several promises out at once; a call that fails harms no other. */
async function bundle(calls: readonly Call[]): Promise<Hex> {
  const entries = calls.map(({ to, data }) => ({
    target: to,
    allowFailure: true,
    callData: data,
  }));
  const data = encodeFunctionData({ abi: BUNDLE, functionName: "aggregate3", args: [entries] });
  const txId = await stage.send(stage.keeper, { to: stage.devnet.multicall3, data });
  await stage.devnet.mine();
  return txId;
}

function callOf(authorization: Authorization): Call {
  const read = storedPromise(stage.config(), authorization);
  if (read === null) throw new Error("not a promise of this rail");
  return carryingCall(read.promise);
}

const refsOf = (deposits: readonly Deposit[]): readonly unknown[] =>
  deposits.map(({ authorizationRef }) => authorizationRef);

test("a bundle of promises is told apart, of both tokens and of one payer too", async () => {
  const payer = await newPayer(stage, 100_000_000n);
  const promises = [
    await open.promise({ payer }),
    await open.promise({ symbol: "USDT", payer }),
    await open.promise(),
    await open.promise({ payer }),
    await open.promise({ symbol: "USDT" }),
  ];
  const deposits = await depositsIn(await bundle(promises.map(callOf)));
  expect(refsOf(deposits)).toEqual(promises.map(({ ref }) => ref));
});

test("a call in a bundle that was never made names no payment", async () => {
  const payer = await newPayer(stage, 100_000_000n);
  const [decoy, real] = [
    await open.promise({ symbol: "USDT", payer }),
    await open.promise({ symbol: "USDT", payer }),
  ];
  // An account without code takes any call and does nothing.
  const nowhere: Call = { ...callOf(decoy), to: "0x00000000000000000000000000000000000000aa" };
  const deposits = await depositsIn(await bundle([nowhere, callOf(real)]));
  expect(refsOf(deposits)).toEqual([real.ref]);
  expect(await open.rail.x402.fate(decoy)).toMatchObject({ value: { kind: "open" } });
});

test("a plain transfer to the treasury is a deposit that names nothing", async () => {
  const payer = await stage.newAccount();
  const { usdc: token } = stage.devnet;
  const txId = await stage.transfer({ token, to: stage.treasury.address, atomic: 5n, payer });
  const [deposit, ...others] = await depositsIn(txId);
  expect(deposit).toMatchObject({ orderRef: "", from: payer.address, isPayerSafe: true });
  expect(deposit).not.toHaveProperty("authorizationRef");
  expect(others).toEqual([]);
});

test("what a payer adds to a promise in the same transaction is a deposit of its own", async () => {
  const payer = await newPayer(stage, 100_000_000n);
  const promise = await open.promise({ payer });
  const { usdc } = stage.devnet;
  const allow = parseAbi(["function approve(address spender, uint256 value)"]);
  const allowed = [stage.devnet.multicall3, 100_000_000n] as const;
  const data = encodeFunctionData({ abi: allow, functionName: "approve", args: allowed });
  await stage.send(payer, { to: usdc, data });
  await stage.devnet.mine();
  const move = parseAbi(["function transferFrom(address from, address to, uint256 value)"]);
  const moved = [payer.address, stage.treasury.address, promise.amount.atomic] as const;
  const extra = encodeFunctionData({ abi: move, functionName: "transferFrom", args: moved });
  const txId = await bundle([{ to: usdc, data: extra }, callOf(promise)]);
  expect(refsOf(await depositsIn(txId))).toEqual([undefined, promise.ref]);
});

test("what is emptied out of a deposit address was counted when it came in", async () => {
  const order = "ord_flushed";
  const { usdc: token } = stage.devnet;
  await stage.transfer({ token, to: depositAddress(stage.contracts, order), atomic: 9n });
  const data = encodeFunctionData({
    abi: parseAbi(["function flush(bytes32 id, address token)"]),
    functionName: "flush",
    args: [depositId(order), token],
  });
  const txId = await stage.send(stage.keeper, { to: stage.contracts.factory.address, data });
  await stage.devnet.mine();
  expect(await stage.balanceOf(token, depositAddress(stage.contracts, order))).toBe(0n);
  expect(await depositsIn(txId)).toEqual([]);
});

test("what the treasury sends to itself is no payment", async () => {
  const { address } = stage.treasury;
  const txId = await stage.send(stage.treasury, transferCall(stage.devnet.usdc, address, 7n));
  await stage.devnet.mine();
  expect(await depositsIn(txId)).toEqual([]);
});
