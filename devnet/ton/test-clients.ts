import { randomBytes } from "node:crypto";
import {
  Address,
  beginCell,
  type Cell,
  external,
  internal,
  SendMode,
  storeMessage,
  storeTransaction,
  toNano,
  type Transaction,
} from "@ton/core";
import { keyPairFromSeed } from "@ton/crypto";
import { TonClient, WalletContractV5R1 } from "@ton/ton";
import type { Gift } from "./control.ts";
import type { TonDevnet } from "./start.ts";

/** The stock client, as anybody would make it. */
export function clientOf(devnet: TonDevnet): TonClient {
  return new TonClient({ endpoint: devnet.url });
}

export interface Purse {
  readonly wallet: WalletContractV5R1;
  readonly address: Address;
  readonly secretKey: Buffer;
}

/** A new wallet of version 5, with what it is given. */
export async function purseOf(devnet: TonDevnet, gift: Gift = {}): Promise<Purse> {
  const { publicKey, secretKey } = keyPairFromSeed(randomBytes(32));
  const wallet = WalletContractV5R1.create({ workchain: 0, publicKey });
  await devnet.fund(wallet.address, gift);
  return { wallet, address: wallet.address, secretKey };
}

/** An address that nobody has a key for. */
export function strangerAddress(): Address {
  return new Address(0, randomBytes(32));
}

export interface Payment {
  readonly amountAtomic: bigint;
  readonly to: Address;
  /** @default 0 */
  readonly seqno?: number;
  /** Nanotons that go with it. @default 0.05 TON */
  readonly value?: bigint;
  /** @default 1 */
  readonly forwardTonAmount?: bigint;
  readonly forwardPayload?: Cell;
}

/** A transfer of the test USDT. */
export function transferBody(purse: Purse, payment: Payment): Cell {
  const { forwardPayload, forwardTonAmount = 1n } = payment;
  return beginCell()
    .storeUint(0x0f8a7ea5, 32)
    .storeUint(7, 64)
    .storeCoins(payment.amountAtomic)
    .storeAddress(payment.to)
    .storeAddress(purse.address)
    .storeMaybeRef(null)
    .storeCoins(forwardTonAmount)
    .storeMaybeRef(forwardPayload ?? null)
    .endCell();
}

/** The signed message from outside that makes the wallet pay, as `sendFile` takes it. */
export function signedPayment(devnet: TonDevnet, purse: Purse, payment: Payment): Buffer {
  const { seqno = 0, value = toNano("0.05") } = payment;
  const body = purse.wallet.createTransfer({
    seqno,
    secretKey: purse.secretKey,
    sendMode: SendMode.PAY_GAS_SEPARATELY,
    messages: [
      internal({
        to: devnet.jettonWalletOf(purse.address),
        value,
        bounce: true,
        body: transferBody(purse, payment),
      }),
    ],
  });
  const init = seqno === 0 ? purse.wallet.init : undefined;
  const message = external({ to: purse.address, body, ...(init && { init }) });
  return beginCell().store(storeMessage(message)).endCell().toBoc();
}

/** Base64 of a transaction that never was: like `model`, and as if it had come right after `newest`. */
export function inventedAfter(
  newest: Transaction,
  model: Transaction,
  changes: Partial<Transaction> = {},
): string {
  const invented: Transaction = {
    ...model,
    lt: newest.lt + 1_000n,
    prevTransactionLt: newest.lt,
    prevTransactionHash: BigInt(`0x${newest.hash().toString("hex")}`),
    ...changes,
  };
  return beginCell().store(storeTransaction(invented)).endCell().toBoc().toString("base64");
}
