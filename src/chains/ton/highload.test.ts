import { Cell, internal, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { HIGHLOAD_CODE_BASE64, HIGHLOAD_CODE_HASH } from "./highload-code.ts";
import {
  HIGHLOAD_TIMEOUT_S,
  type HighloadWallet,
  highloadWallet,
  signHighload,
  usedNumbers,
} from "./highload.ts";
import { keysOfSeed } from "./keys.ts";

let stage: TonStage;
let wallet: HighloadWallet;

beforeAll(async () => {
  stage = await openTonStage();
  const keys = keysOfSeed("cd".repeat(32));
  if (keys === null) throw new Error("no keys");
  wallet = highloadWallet(keys);
  await stage.devnet.fund(wallet.address, { ton: toNano("10") });
});
afterAll(() => stage.close());

async function nowS(): Promise<number> {
  return Math.floor((await stage.nowMs()) / 1_000);
}

/** Sends one coin to somebody new; answers whether the wallet took it. */
async function send(number: number, createdAtS: number): Promise<boolean> {
  const message = internal({ to: strangerAddress(), value: toNano("0.01"), bounce: false });
  const isFirst = !(await stage.client.isContractDeployed(wallet.address));
  const { boc } = signHighload(wallet, { messages: [message], number, createdAtS, isFirst });
  return stage.client.sendFile(boc).then(
    () => true,
    () => false,
  );
}

async function used(): Promise<(number: number) => boolean> {
  const { data } = await stage.client.getContractState(wallet.address);
  const [cell] = data === null ? [] : Cell.fromBoc(data);
  if (cell === undefined) throw new Error("the wallet has no data");
  return usedNumbers(cell, await nowS());
}

test("the code is that of every such wallet", () => {
  expect(Cell.fromBase64(HIGHLOAD_CODE_BASE64).hash().toString("hex")).toBe(HIGHLOAD_CODE_HASH);
});

test("a number is taken once, seen as used until the wallet forgets it, and then free again", async () => {
  // The two ends of a shift, and of the range.
  const numbers = [0, 1_022, 1_023, 8_192 * 1_023 - 1];
  for (const number of numbers) {
    expect(await send(number, (await nowS()) - 5)).toBe(true);
    expect(await send(number, (await nowS()) - 5)).toBe(false);
  }
  const isUsed = await used();
  expect(numbers.map(isUsed)).toEqual([true, true, true, true]);
  expect([1, 1_021, 1_024, 2_046].map(isUsed)).toEqual([false, false, false, false]);

  stage.devnet.advanceTime(HIGHLOAD_TIMEOUT_S + 30);
  expect((await used())(0)).toBe(true);
  // Something else makes the wallet move its books on.
  expect(await send(7, (await nowS()) - 5)).toBe(true);
  expect((await used())(0)).toBe(true);
  stage.devnet.advanceTime(2 * HIGHLOAD_TIMEOUT_S + 120);
  expect((await used())(0)).toBe(false);
  expect(await send(0, (await nowS()) - 5)).toBe(true);
});

test("no number is told to be free that the wallet would turn down, whatever time has passed", async () => {
  const wrong: number[] = [];
  let frees = 0;
  for (const pauseS of [100, 400, 200, 599, 2, 650, 1, 1_190, 30, 1_300]) {
    stage.devnet.advanceTime(pauseS);
    const isFree = !(await used())(11);
    if (isFree) frees++;
    // Another number makes the wallet move its books on.
    const isTaken = await send(isFree ? 11 : 12, (await nowS()) - 5);
    if (isFree && !isTaken) wrong.push(pauseS);
  }
  expect(wrong).toEqual([]);
  expect(frees).toBeGreaterThan(1);
});

test("a message is taken up to its end by the chain's clock, and not a second later", async () => {
  const atS = await nowS();
  expect(await send(100, atS - HIGHLOAD_TIMEOUT_S + 30)).toBe(true);
  expect(await send(101, (await nowS()) - HIGHLOAD_TIMEOUT_S)).toBe(false);
  expect(await send(102, (await nowS()) + 60)).toBe(false);
});
