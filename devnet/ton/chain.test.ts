import { beginCell, fromNano, internal, SendMode, toNano } from "@ton/core";
import { JettonMaster, JettonWallet, type TonClient } from "@ton/ton";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTonDevnet, type TonDevnet } from "./start.ts";
import { clientOf, type Purse, purseOf, signedPayment, strangerAddress } from "./test-clients.ts";

let devnet: TonDevnet;
let client: TonClient;
let payer: Purse;
const shop = strangerAddress();

beforeEach(async () => {
  devnet = await startTonDevnet({ blockTimeMs: "instant" });
  client = clientOf(devnet);
  payer = await purseOf(devnet, { ton: toNano("10"), jetton: 100_000_000n });
});

afterEach(() => devnet.close());

function jettonBalance(owner = shop): Promise<bigint> {
  return client.open(JettonWallet.create(devnet.jettonWalletOf(owner))).getBalance();
}

test("the stock client finds the jetton and everybody's wallet of it", async () => {
  const master = client.open(JettonMaster.create(devnet.minter));
  const { totalSupply, mintable, adminAddress } = await master.getJettonData();
  expect({ totalSupply, mintable }).toEqual({ totalSupply: 100_000_000n, mintable: true });
  expect(adminAddress.equals(payer.address)).toBe(false);
  const found = await master.getWalletAddress(shop);
  expect(found.equals(devnet.jettonWalletOf(shop))).toBe(true);
});

test("a wallet of version 5 deploys itself and pays the chain's coin", async () => {
  const opened = client.open(payer.wallet);
  expect(await opened.getSeqno()).toBe(0);
  await opened.sendTransfer({
    seqno: 0,
    secretKey: payer.secretKey,
    sendMode: SendMode.PAY_GAS_SEPARATELY,
    messages: [internal({ to: shop, value: toNano("1.5"), bounce: false, body: "thanks" })],
  });
  expect(await opened.getSeqno()).toBe(1);
  expect(fromNano(await client.getBalance(shop))).toBe("1.5");
  expect(await client.isContractDeployed(payer.address)).toBe(true);
  const [received] = await client.getTransactions(shop, { limit: 5 });
  expect(received?.inMessage?.body.beginParse().skip(32).loadStringTail()).toBe("thanks");
});

test("a jetton transfer arrives with its payload, and the rest of the coin comes back", async () => {
  const forwardPayload = beginCell().storeUint(0x56343032, 32).storeStringTail("ord_1").endCell();
  const payment = { amountAtomic: 6_210_000n, to: shop, forwardPayload };
  await client.sendFile(signedPayment(devnet, payer, payment));
  expect(await jettonBalance()).toBe(6_210_000n);
  expect(await jettonBalance(payer.address)).toBe(93_790_000n);
  const [credit] = await client.getTransactions(devnet.jettonWalletOf(shop), { limit: 1 });
  const body = credit?.inMessage?.body.beginParse();
  expect(body?.loadUint(32)).toBe(0x178d4519);
  const [notified] = await client.getTransactions(shop, { limit: 1 });
  expect(notified?.description).toMatchObject({ aborted: true });
  const spent = toNano("10") - (await client.getBalance(payer.address));
  expect(spent).toBeLessThan(toNano("0.03"));
});

test("a message with a used up number is refused in the lite server's words", async () => {
  const boc = signedPayment(devnet, payer, { amountAtomic: 1n, to: shop });
  await client.sendFile(boc);
  const refused = await client.sendFile(boc).catch((error: unknown) => error);
  expect(refused).toMatchObject({
    response: {
      status: 500,
      data: {
        ok: false,
        code: 500,
        error: expect.stringMatching(
          /LITE_SERVER_UNKNOWN: cannot apply external message .*exitcode=133/s,
        ) as string,
      },
    },
  });
  expect(await jettonBalance()).toBe(1n);
});

test("what is no message is told so", async () => {
  const refused = await client.sendFile(Buffer.from("nonsense")).catch((error: unknown) => error);
  expect(refused).toMatchObject({ response: { status: 422, data: { code: 422 } } });
});
