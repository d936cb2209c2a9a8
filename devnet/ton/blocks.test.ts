import { beginCell, toNano } from "@ton/core";
import { JettonWallet } from "@ton/ton";
import { afterEach, expect, test, vi } from "vitest";
import { startTonDevnet, type TonDevnet, type TonDevnetOptions } from "./start.ts";
import { clientOf, type Purse, purseOf, signedPayment, strangerAddress } from "./test-clients.ts";

let devnet: TonDevnet;
let payer: Purse;
const shop = strangerAddress();

afterEach(() => devnet.close());

async function start(options: TonDevnetOptions): Promise<void> {
  devnet = await startTonDevnet(options);
  payer = await purseOf(devnet, { ton: toNano("10"), jetton: 100_000_000n });
}

function balanceOf(owner = shop): Promise<bigint> {
  const wallet = JettonWallet.create(devnet.jettonWalletOf(owner));
  return clientOf(devnet).open(wallet).getBalance();
}

const payment = (amountAtomic: bigint, seqno = 0) =>
  signedPayment(devnet, payer, { amountAtomic, to: shop, seqno });

test("on request, nothing happens before the block, and all of it in the block", async () => {
  await start({ blockTimeMs: "manual" });
  await clientOf(devnet).sendFile(payment(5n));
  expect(await balanceOf(payer.address)).toBe(100_000_000n);
  expect(devnet.waiting()).toBe(1);
  await devnet.closeBlocks();
  expect(await balanceOf()).toBe(5n);
  expect(devnet.waiting()).toBe(0);
});

test("one hop per block shows a payer who is debited before the shop is credited", async () => {
  await start({ blockTimeMs: "manual", isOneHopPerBlock: true });
  await clientOf(devnet).sendFile(payment(5n));
  const seen: [bigint, bigint][] = [];
  for (let i = 0; i < 3; i += 1) {
    await devnet.closeBlocks();
    seen.push([await balanceOf(payer.address), await balanceOf()]);
  }
  expect(seen).toEqual([
    [100_000_000n, 0n], // the payer's own contract
    [99_999_995n, 0n], // its jetton wallet
    [99_999_995n, 5n], // that of the shop
  ]);
  await devnet.closeBlocks();
  expect(devnet.waiting()).toBe(0);
});

test("of two messages with the same number in one block the second is dropped without a word", async () => {
  await start({ blockTimeMs: "manual" });
  const client = clientOf(devnet);
  await client.sendFile(payment(5n));
  await client.sendFile(payment(7n));
  await devnet.closeBlocks();
  expect(await balanceOf()).toBe(5n);
  await expect(client.sendFile(payment(7n))).rejects.toThrow("500");
});

test("a gift comes at once and leaves alone what waits", async () => {
  await start({ blockTimeMs: "manual" });
  await clientOf(devnet).sendFile(payment(5n));
  await devnet.fund(shop, { jetton: 1n });
  expect(await balanceOf()).toBe(1n);
  expect(devnet.waiting()).toBe(1);
});

test("blocks come by themselves when they have a time", async () => {
  await start({ blockTimeMs: 50 });
  const before = devnet.latestBlock();
  await clientOf(devnet).sendFile(payment(5n));
  await vi.waitFor(async () => expect(await balanceOf()).toBe(5n), { timeout: 10_000 });
  expect(devnet.latestBlock()).toBeGreaterThan(before);
});

test("a message that expired while time passed is refused", async () => {
  await start({ blockTimeMs: "manual" });
  const boc = payment(5n);
  devnet.advanceTime(3600);
  await expect(clientOf(devnet).sendFile(boc)).rejects.toThrow("500");
});

test("time moves blocks, states and transactions, and never back", async () => {
  let nowMs = 1_800_000_000_000;
  await start({ blockTimeMs: "manual", now: () => nowMs });
  devnet.advanceTime(100);
  await devnet.fund(shop, { ton: 1n });
  const client = clientOf(devnet);
  const { timestampt, blockId } = await client.getContractState(shop);
  expect(timestampt).toBe(1_800_000_100);
  expect((await client.getTransactions(shop, { limit: 1 }))[0]?.now).toBe(1_800_000_100);
  nowMs -= 500_000;
  await devnet.closeBlocks();
  const state = await client.getContractState(shop);
  expect(state.timestampt).toBe(1_800_000_100);
  expect(state.blockId.seqno).toBe(blockId.seqno + 1);
});

test("instant blocks keep pace with the clock although nothing happens", async () => {
  let nowMs = 1_800_000_000_000;
  await start({ blockTimeMs: "instant", now: () => nowMs });
  nowMs += 60_000;
  const { timestampt } = await clientOf(devnet).getContractState(shop);
  expect(timestampt).toBe(1_800_000_060);
});

test("a block lists its transactions, and tells when it was made", async () => {
  const nowMs = Date.now();
  await start({ blockTimeMs: "manual", now: () => nowMs });
  const client = clientOf(devnet);
  await client.sendFile(payment(5n));
  await devnet.closeBlocks();
  const { latestSeqno } = await client.getMasterchainInfo();
  const [shard] = await client.getWorkchainShards(latestSeqno);
  if (!shard) throw new Error("there is a shard");
  const listed = await client.getShardTransactions(shard.workchain, shard.seqno, shard.shard);
  expect(listed.map(({ account }) => account.toRawString())).toContain(
    devnet.jettonWalletOf(shop).toRawString(),
  );
  const url = new URL(`/api/v2/getBlockHeader?workchain=-1&seqno=${latestSeqno}`, devnet.url);
  const header = (await (await fetch(url)).json()) as { result: { gen_utime: number } };
  expect(header.result.gen_utime).toBe(Math.floor(nowMs / 1000));
});

test("a payment too poor for its gas reaches nobody and is not lost", async () => {
  await start({ blockTimeMs: "instant" });
  const poor = { amountAtomic: 5n, to: shop, value: toNano("0.01") };
  await clientOf(devnet).sendFile(signedPayment(devnet, payer, poor));
  expect(await balanceOf()).toBe(0n);
  expect(await balanceOf(payer.address)).toBe(100_000_000n);
});

test("one hop per block and instant blocks exclude each other", async () => {
  await start({ blockTimeMs: "instant" });
  const wrong = startTonDevnet({ blockTimeMs: "instant", isOneHopPerBlock: true });
  await expect(wrong).rejects.toThrow("one hop per block");
});

test("a comment in an unusual place does no harm", async () => {
  await start({ blockTimeMs: "instant" });
  const broken = beginCell().storeUint(0, 32).storeUint(1, 3).endCell();
  await clientOf(devnet).sendFile(
    signedPayment(devnet, payer, { amountAtomic: 5n, to: shop, forwardPayload: broken }),
  );
  const [notified] = await clientOf(devnet).getTransactions(shop, { limit: 1 });
  expect(notified?.inMessage?.info.type).toBe("internal");
});
