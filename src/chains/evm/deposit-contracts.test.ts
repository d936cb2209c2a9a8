import { type Address, encodeFunctionData, type Hex, hexToBigInt, slice } from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import { openClient } from "./client.ts";
import { cloneCode, depositAddress, depositId, FACTORY_ABI } from "./deposit-contracts.ts";
import { findSafePayers } from "./payers.ts";

let stage: EvmStage;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());

const code = (address: Address) => stage.devnet.rpc("eth_getCode", [address, "latest"]);

test("the contracts lie where their code and the treasury say", async () => {
  const { factory, forwarder } = stage.contracts;
  expect(await code(factory.address)).not.toBe("0x");
  const treasury = stage.treasury.address.slice(2).toLowerCase();
  expect(await code(forwarder.address)).toContain(treasury);
});

test("an order's address is the one that the factory itself tells", async () => {
  for (const order of ["ord_1", "a7c4e0b2-1d58-4d0a-9b39-2f4f6f3e8b11", "ü 💶"]) {
    const args = [depositId(order)] as const;
    const data = encodeFunctionData({ abi: FACTORY_ABI, functionName: "addressOf", args });
    const call = { to: stage.contracts.factory.address, data };
    const told = (await stage.devnet.rpc("eth_call", [call, "latest"])) as Hex;
    expect(slice(told, 12)).toBe(depositAddress(stage.contracts, order).toLowerCase());
  }
});

test("an address that has been emptied has the code of a clone, and money in it reaches the treasury", async () => {
  const to = depositAddress(stage.contracts, "ord_emptied");
  await stage.transfer({ token: stage.devnet.usdc, to, atomic: 7n });
  const args = [depositId("ord_emptied"), stage.devnet.usdc] as const;
  const data = encodeFunctionData({ abi: FACTORY_ABI, functionName: "flush", args });
  const before = await stage.balanceOf(stage.devnet.usdc, stage.treasury.address);
  await stage.send(stage.keeper, { to: stage.contracts.factory.address, data });
  await stage.devnet.mine();
  expect(await code(to)).toBe(cloneCode(stage.contracts.forwarder.address));
  expect(await stage.balanceOf(stage.devnet.usdc, stage.treasury.address)).toBe(before + 7n);
});

test("money goes back to accounts of a key, not to contracts, exchanges, us or nobody", async () => {
  const { devnet, contracts, treasury } = stage;
  const [plain, delegated, exchange] = await Promise.all([
    stage.newAccount(),
    stage.newAccount(),
    stage.newAccount(),
  ]);
  await devnet.rpc("anvil_setCode", [delegated.address, `0xef0100${"ab".repeat(20)}`]);
  const config = stage.config({ EXCHANGES: exchange.address });
  const nobody: Address = `0x${"0".repeat(40)}`;
  const payers = [plain, delegated, exchange, treasury].map(({ address }) => address);
  const safe = await openClient(config, systemClock).read((server) =>
    findSafePayers(server, config, [...payers, contracts.forwarder.address, nobody]),
  );
  const expected = [plain, delegated].map(({ address }) => address.toLowerCase());
  expect(safe).toEqual({ kind: "done", value: new Set(expected) });
  expect(hexToBigInt(nobody)).toBe(0n);
});
