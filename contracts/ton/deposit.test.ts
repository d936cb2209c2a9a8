import { type Address, beginCell, type Cell, contractAddress, type StateInit } from "@ton/core";
import type { BlockchainTransaction } from "@ton/sandbox";
import { beforeEach, expect, test } from "vitest";
import {
  codeOf,
  exitCodeOf,
  headed,
  OP,
  opOf,
  openTestChain,
  type TestChain,
  transactionAt,
} from "./test-chain.ts";

let chain: TestChain;
/** Has no code, and nobody's key is used for it. */
let treasury: Address;
let payer: Address;
let stranger: Address;
let deposit: Deposit;

beforeEach(async () => {
  chain = await openTestChain();
  treasury = await chain.account("treasury");
  payer = await chain.account("payer");
  stranger = await chain.account("stranger");
  await chain.mint(payer, 1_000n);
  deposit = depositOf("ord_1");
});

interface Deposit {
  readonly address: Address;
  readonly init: StateInit;
}

function payloadOf(orderId: string): Cell {
  return beginCell().storeUint(OP.sweptFrom, 32).storeBuffer(Buffer.from(orderId)).endCell();
}

function depositOf(orderId: string, paysTo = treasury): Deposit {
  const data = beginCell().storeAddress(paysTo).storeRef(payloadOf(orderId)).endCell();
  const init = { code: codeOf("DepositForwarder"), data };
  return { address: contractAddress(0, init), init };
}

async function sweepBody(address: Address, atomic: bigint): Promise<Cell> {
  const wallet = await chain.walletOf(address);
  return headed(OP.sweep).storeAddress(wallet).storeCoins(atomic).endCell();
}

async function sweep(
  from: Address,
  { address, init }: Deposit,
  atomic: bigint,
): Promise<readonly BlockchainTransaction[]> {
  return chain.send({ from, to: address, init, body: await sweepBody(address, atomic) });
}

function pay(to: Address, atomic: bigint): Promise<unknown> {
  return chain.transfer({ from: payer, to, atomic });
}

test("an address follows from order and treasury, before anything is there", async () => {
  const { address } = deposit;
  expect(depositOf("ord_1").address.equals(address)).toBe(true);
  expect(depositOf("ord_2").address.equals(address)).toBe(false);
  expect(depositOf("ord_1", stranger).address.equals(address)).toBe(false);
  await pay(address, 7n);
  const { accountState } = await chain.blockchain.getContract(address);
  expect(accountState?.type).not.toBe("active");
  expect(await chain.tokensOf(address)).toBe(7n);
});

test("a stranger brings it on chain and sweeps it: the treasury has the tokens, the stranger none", async () => {
  await pay(deposit.address, 300n);
  await sweep(stranger, deposit, 300n);
  expect(await chain.tokensOf(treasury)).toBe(300n);
  expect(await chain.tokensOf(deposit.address)).toBe(0n);
  expect(await chain.tokensOf(stranger)).toBe(0n);
  const read = await chain.blockchain.runGetMethod(deposit.address, "get_forwarder_data");
  expect(read.stackReader.readAddress().toString()).toBe(treasury.toString());
  expect(read.stackReader.readCell().hash()).toEqual(payloadOf("ord_1").hash());
});

test("what comes late or twice is swept as well", async () => {
  for (const atomic of [10n, 20n, 30n]) {
    await pay(deposit.address, atomic);
    await sweep(stranger, deposit, atomic);
  }
  expect(await chain.tokensOf(treasury)).toBe(60n);
});

test("the treasury reads beside the tokens which order's address they come from", async () => {
  await pay(deposit.address, 1n);
  const happened = await sweep(stranger, deposit, 1n);
  const received = transactionAt(happened, await chain.walletOf(treasury));
  const expected = headed(OP.internalTransfer)
    .storeCoins(1n)
    .storeAddress(deposit.address)
    .storeAddress(stranger)
    .storeCoins(0n)
    .storeBit(1)
    .storeRef(payloadOf("ord_1"));
  expect(received?.inMessage?.body.hash()).toEqual(expected.endCell().hash());
});

test("what is left of the coin goes back to whoever called; a gift that lay there stays", async () => {
  await chain.send({ from: payer, to: deposit.address, value: 500_000_000n, init: deposit.init });
  await pay(deposit.address, 1n);
  const before = await chain.coinOf(deposit.address);
  const happened = await sweep(stranger, deposit, 1n);
  expect(happened.filter((one) => opOf(one) === OP.excesses)).toHaveLength(1);
  const back = transactionAt(happened, stranger)?.inMessage?.info;
  expect(back?.type === "internal" ? back.value.coins : 0n).toBeGreaterThan(50_000_000n);
  // But for the coin that storing it costs.
  expect(before - (await chain.coinOf(deposit.address))).toBeLessThan(1_000_000n);
});

test("a sweep of more than there is moves nothing, and neither does one out of another wallet", async () => {
  const other = depositOf("ord_2");
  await pay(deposit.address, 5n);
  await pay(other.address, 5n);
  await sweep(stranger, deposit, 6n);
  const body = await sweepBody(other.address, 5n);
  await chain.send({ from: stranger, to: deposit.address, body });
  expect(await chain.tokensOf(treasury)).toBe(0n);
  expect(await chain.tokensOf(deposit.address)).toBe(5n);
  expect(await chain.tokensOf(other.address)).toBe(5n);
  await sweep(stranger, deposit, 5n);
  expect(await chain.tokensOf(treasury)).toBe(5n);
});

test("named a contract of the caller's own as its wallet, it gives nothing away", async () => {
  await chain.send({ from: payer, to: deposit.address, value: 500_000_000n, init: deposit.init });
  await pay(deposit.address, 5n);
  const before = await chain.coinOf(deposit.address);
  const body = headed(OP.sweep).storeAddress(stranger).storeCoins(5n).endCell();
  await chain.send({ from: stranger, to: deposit.address, body });
  expect(await chain.tokensOf(deposit.address)).toBe(5n);
  expect(before - (await chain.coinOf(deposit.address))).toBeLessThan(1_000_000n);
});

test("coin that was sent by mistake goes to the treasury, whoever asks for it", async () => {
  await chain.send({ from: payer, to: deposit.address, value: 2_000_000_000n, init: deposit.init });
  const before = await chain.coinOf(treasury);
  const body = headed(OP.sweepCoins).endCell();
  await chain.send({ from: stranger, to: deposit.address, body });
  expect((await chain.coinOf(treasury)) - before).toBeGreaterThan(1_990_000_000n);
  expect(await chain.coinOf(deposit.address)).toBe(0n);
  // It still works after that.
  await pay(deposit.address, 9n);
  await sweep(stranger, deposit, 9n);
  expect(await chain.tokensOf(treasury)).toBe(9n);
});

/** Any body, of which many begin with an opcode that means something somewhere. */
function oddBodies(): readonly Cell[] {
  const heads = [...Object.values(OP), 0, 1, 0xffffffff];
  return heads.flatMap((op) => [
    beginCell().storeUint(op, 32).endCell(),
    headed(op).endCell(),
    headed(op).storeAddress(stranger).storeCoins(5n).endCell(),
    headed(op).storeAddress(stranger).storeCoins(5n).storeAddress(stranger).endCell(),
    headed(op).storeCoins(5n).storeAddress(stranger).storeAddress(stranger).endCell(),
    headed(op).storeAddress(null).storeCoins(5n).storeRef(codeOf("JettonMinter")).endCell(),
    beginCell()
      .storeUint(op, 32)
      .storeUint(2n ** 200n - 1n, 200)
      .endCell(),
  ]);
}

/** How many messages about tokens it sent; each of them, and its own coin, must be for the treasury. */
function tokenTransfers(own: BlockchainTransaction | null): number {
  let count = 0;
  for (const { info, body } of own?.outMessages.values() ?? []) {
    if (info.type !== "internal" || info.bounced || info.dest.equals(treasury)) continue;
    const slice = body.beginParse();
    expect(slice.loadUint(32)).toBe(OP.transfer);
    slice.loadUintBig(64);
    slice.loadCoins();
    expect(slice.loadAddress().toString()).toBe(treasury.toString());
    expect(info.value.coins).toBeLessThan(100_000_000n);
    count += 1;
  }
  return count;
}

test("no message makes it send tokens or its coin anywhere else, or change what it is", async () => {
  await chain.send({ from: payer, to: deposit.address, value: 500_000_000n, init: deposit.init });
  await pay(deposit.address, 5n);
  const { data } = deposit.init;
  const start = chain.blockchain.snapshot();
  let ran = 0;
  let transfers = 0;
  for (const body of [beginCell().endCell(), ...oddBodies()]) {
    await chain.blockchain.loadFrom(start);
    const happened = await chain.send({ from: stranger, to: deposit.address, body });
    const own = transactionAt(happened, deposit.address);
    if (exitCodeOf(own) === 0) ran += 1;
    transfers += tokenTransfers(own);
    const { accountState } = await chain.blockchain.getContract(deposit.address);
    if (accountState?.type !== "active") throw new Error("it is gone");
    expect(accountState.state.data?.hash()).toEqual(data?.hash());
    expect(accountState.state.code?.hash()).toEqual(codeOf("DepositForwarder").hash());
    expect(await chain.tokensOf(stranger)).toBe(0n);
  }
  expect(ran).toBeGreaterThan(50);
  expect(transfers).toBe(1);
});
