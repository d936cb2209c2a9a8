import { type Address, beginCell } from "@ton/core";
import { beforeEach, expect, test } from "vitest";
import {
  callToBody,
  ENOUGH,
  exitCodeOf,
  gasOf,
  headed,
  internalTransferBody,
  mintBody,
  OP,
  opOf,
  openTestChain,
  type TestChain,
  transactionAt,
  transferBody,
  wasAborted,
} from "./test-chain.ts";

/** The constants of the wallet's source. */
const GAS_TO_SEND = 9_000n;
const GAS_TO_RECEIVE = 10_000n;

let chain: TestChain;
let payer: Address;
let shop: Address;
let stranger: Address;
let payerWallet: Address;
let shopWallet: Address;

beforeEach(async () => {
  chain = await openTestChain();
  payer = await chain.account("payer");
  shop = await chain.account("shop");
  stranger = await chain.account("stranger");
  payerWallet = await chain.walletOf(payer);
  shopWallet = await chain.walletOf(shop);
  await chain.mint(payer, 1_000n);
});

async function tokens(): Promise<readonly bigint[]> {
  return [await chain.tokensOf(payer), await chain.tokensOf(shop), await chain.supply()];
}

test("a wallet's data are status, balance, owner and minter, in this order", async () => {
  const { accountState } = await chain.blockchain.getContract(payerWallet);
  const data = accountState?.type === "active" ? accountState.state.data : null;
  const expected = beginCell().storeUint(0, 4).storeCoins(1_000n).storeAddress(payer);
  expect(data?.hash()).toEqual(expected.storeAddress(chain.minter).endCell().hash());
});

test("a transfer moves tokens, brings the receiver's wallet on chain and tells its owner", async () => {
  const payload = beginCell().storeBit(0).storeUint(0xbeef, 32).endCell();
  const happened = await chain.transfer({ from: payer, to: shop, atomic: 300n, payload });
  expect(await tokens()).toEqual([700n, 300n, 1_000n]);
  expect(happened.map(opOf)).toEqual([
    OP.transfer,
    OP.internalTransfer,
    OP.notification,
    OP.excesses,
  ]);
  const told = transactionAt(happened, shop)?.inMessage;
  const notification = headed(OP.notification).storeCoins(300n).storeAddress(payer);
  expect(told?.body.hash()).toEqual(notification.storeSlice(payload.beginParse()).endCell().hash());
  expect(told?.info.src?.toString()).toBe(shopWallet.toString());
});

test("a transfer that forwards no coin tells nobody, and moves the tokens all the same", async () => {
  const happened = await chain.transfer({ from: payer, to: shop, atomic: 1n, forwardNano: 0n });
  expect(await tokens()).toEqual([999n, 1n, 1_000n]);
  expect(transactionAt(happened, shop)).toBeNull();
});

test("without anybody to respond to, what is left of the coin stays in the receiver's wallet", async () => {
  const wish = { from: payer, to: shop, atomic: 1n, response: null };
  const happened = await chain.transfer(wish);
  expect(happened.map(opOf)).not.toContain(OP.excesses);
  expect(await chain.tokensOf(shop)).toBe(1n);
});

test("only the owner sends, only what is there, and only with enough coin: else nothing moves", async () => {
  const wish = { from: payer, to: shop, atomic: 1n };
  const refused = async (happened: ReturnType<TestChain["send"]>): Promise<number | null> =>
    exitCodeOf(transactionAt(await happened, payerWallet));
  const byStranger = { from: stranger, to: payerWallet, body: transferBody(wish) };
  expect(await refused(chain.send(byStranger))).toBe(73);
  expect(await refused(chain.transfer({ ...wish, atomic: 1_001n }))).toBe(47);
  expect(await refused(chain.transfer({ ...wish, value: 10_000_000n }))).toBe(48);
  expect(
    await refused(chain.send({ from: payer, to: payerWallet, body: headed(7).endCell() })),
  ).toBe(0xffff);
  expect(await tokens()).toEqual([1_000n, 0n, 1_000n]);
});

test("nobody can say that tokens came: not a stranger, not in a payer's name, not as if minted", async () => {
  await chain.transfer({ from: payer, to: shop, atomic: 1n });
  for (const from of [stranger, payer, shop, null]) {
    const body = internalTransferBody(from, 999n);
    const happened = await chain.send({ from: stranger, to: shopWallet, body });
    const received = transactionAt(happened, shopWallet);
    expect(exitCodeOf(received)).toBe(74);
    expect(wasAborted(received)).toBe(true);
  }
  expect(await chain.tokensOf(shop)).toBe(1n);
});

test("a locked sender sends nothing and still receives", async () => {
  await chain.setStatus(payer, 1);
  const happened = await chain.transfer({ from: payer, to: shop, atomic: 1n });
  expect(exitCodeOf(transactionAt(happened, payerWallet))).toBe(45);
  await chain.mint(payer, 5n);
  expect(await tokens()).toEqual([1_005n, 0n, 1_005n]);
  await chain.setStatus(payer, 0);
  await chain.transfer({ from: payer, to: shop, atomic: 1n });
  expect(await tokens()).toEqual([1_004n, 1n, 1_005n]);
});

test("what a locked receiver does not take comes back to the payer", async () => {
  await chain.transfer({ from: payer, to: shop, atomic: 1n });
  await chain.setStatus(shop, 2);
  const happened = await chain.transfer({ from: payer, to: shop, atomic: 500n });
  expect(exitCodeOf(transactionAt(happened, shopWallet))).toBe(45);
  expect(await tokens()).toEqual([999n, 1n, 1_000n]);
  // It may send what it has.
  await chain.transfer({ from: shop, to: payer, atomic: 1n });
  expect(await tokens()).toEqual([1_000n, 0n, 1_000n]);
});

test("what is minted to a locked wallet was never there", async () => {
  await chain.setStatus(payer, 3);
  await chain.mint(payer, 77n);
  expect(await tokens()).toEqual([1_000n, 0n, 1_000n]);
});

test("the issuer takes tokens away, locked or not; nobody else can", async () => {
  await chain.setStatus(payer, 1);
  const take = transferBody({ from: chain.admin, to: shop, atomic: 400n });
  const order = { to: chain.minter, body: callToBody(payer, take), value: 2n * ENOUGH };
  const refused = await chain.send({ from: stranger, ...order });
  expect(exitCodeOf(transactionAt(refused, chain.minter))).toBe(73);
  await chain.send({ from: chain.admin, ...order });
  expect(await tokens()).toEqual([600n, 400n, 1_000n]);
});

test("only the minter locks, and only the admin mints", async () => {
  const lock = headed(OP.setStatus).storeUint(3, 4).endCell();
  for (const from of [stranger, payer, chain.admin]) {
    const happened = await chain.send({ from, to: payerWallet, body: lock });
    expect(exitCodeOf(transactionAt(happened, payerWallet))).toBe(73);
  }
  const { stackReader } = await chain.blockchain.runGetMethod(payerWallet, "get_status");
  expect(stackReader.readNumber()).toBe(0);
  const minted = await chain.send({
    from: stranger,
    to: chain.minter,
    body: mintBody(stranger, 9n),
  });
  expect(exitCodeOf(transactionAt(minted, chain.minter))).toBe(73);
  expect(await chain.supply()).toBe(1_000n);
});

test("burnt tokens leave the supply; a forged notice of it does not", async () => {
  const burn = headed(OP.burn).storeCoins(250n).storeAddress(payer).storeBit(0).endCell();
  await chain.send({ from: payer, to: payerWallet, body: burn });
  expect(await tokens()).toEqual([750n, 0n, 750n]);
  const notice = headed(OP.burnNotification)
    .storeCoins(750n)
    .storeAddress(payer)
    .storeAddress(null);
  const forged = await chain.send({ from: stranger, to: chain.minter, body: notice.endCell() });
  expect(exitCodeOf(transactionAt(forged, chain.minter))).toBe(74);
  expect(await chain.supply()).toBe(750n);
});

test("a contract can ask the minter where an owner's tokens lie", async () => {
  const ask = headed(OP.provideWalletAddress).storeAddress(shop).storeBit(1).endCell();
  const happened = await chain.send({ from: stranger, to: chain.minter, body: ask });
  const answer = transactionAt(happened, stranger)?.inMessage?.body;
  const owner = beginCell().storeAddress(shop).endCell();
  const expected = headed(OP.takeWalletAddress).storeAddress(shopWallet).storeMaybeRef(owner);
  expect(answer?.hash()).toEqual(expected.endCell().hash());
});

test("the gas that the wallet reckons with is what both hops take at most, by a margin", async () => {
  const long = beginCell().storeBit(1).storeRef(beginCell().storeUint(0, 800).endCell()).endCell();
  let send = 0n;
  let receive = 0n;
  // The first transfer brings the receiver's wallet on chain, the second one finds it there.
  for (const forwardNano of [1n, 50_000_000n, 0n]) {
    const wish = { from: payer, to: shop, atomic: 1n, forwardNano, payload: long };
    const happened = await chain.transfer({ ...wish, value: 2n * ENOUGH });
    const [sent, received] = [payerWallet, shopWallet].map((wallet) =>
      gasOf(transactionAt(happened, wallet)),
    );
    send = (sent ?? 0n) > send ? (sent ?? 0n) : send;
    receive = (received ?? 0n) > receive ? (received ?? 0n) : receive;
  }
  expect(send).toBeGreaterThan(GAS_TO_SEND / 2n);
  expect(send).toBeLessThanOrEqual(GAS_TO_SEND);
  expect(receive).toBeGreaterThan(GAS_TO_RECEIVE / 2n);
  expect(receive).toBeLessThanOrEqual(GAS_TO_RECEIVE);
});

test("the least coin that the wallet takes is enough for everything that follows", async () => {
  const first = chain.blockchain.snapshot();
  const attempt = async (value: bigint): Promise<boolean> => {
    await chain.blockchain.loadFrom(first);
    const happened = await chain.transfer({ from: payer, to: shop, atomic: 1n, value });
    return exitCodeOf(transactionAt(happened, payerWallet)) === 0;
  };
  let [tooLittle, enough] = [10_000_000n, 40_000_000n];
  while (enough - tooLittle > 1n) {
    const middle = (enough + tooLittle) / 2n;
    if (await attempt(middle)) enough = middle;
    else tooLittle = middle;
  }
  await attempt(enough);
  expect(await tokens()).toEqual([999n, 1n, 1_000n]);
  // Agents' x402 clients attach 0.03.
  expect(enough).toBeLessThan(30_000_000n);
});
