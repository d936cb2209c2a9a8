import { createHash } from "node:crypto";
import {
  Address,
  beginCell,
  Cell,
  contractAddress,
  Dictionary,
  type Message,
  type StateInit,
  toNano,
} from "@ton/core";
import { readCode } from "./contracts.ts";

const MINT = 0x642b7d07;
const CALL_TO = 0x235caf52;
const INTERNAL_TRANSFER = 0x178d4519;
const SET_STATUS = 0xeed236d3;

/** Enough for a jetton wallet to be made and to keep itself. */
const WALLET_VALUE = toNano("0.1");
const MINTER_VALUE = toNano("0.3");

/** What the issuer forbids the wallet of an owner; as Tether can. */
export type JettonLock = "none" | "sending" | "receiving" | "both";

const STATUS: Readonly<Record<JettonLock, number>> = { none: 0, sending: 1, receiving: 2, both: 3 };

/** A jetton with the message layouts and the storage of USDT, whose issuer is nobody: messages are made out of nowhere. */
export interface Jetton {
  readonly minter: Address;
  walletOf(owner: Address): Address;
  /** Puts the minter on the chain. */
  deployment(): Message;
  minting(owner: Address, amountAtomic: bigint): Message;
  locking(owner: Address, lock: JettonLock): Message;
}

/** The account that faucets pay from. There is none: its messages appear out of nowhere. */
export const NOBODY = new Address(0, Buffer.alloc(32));
/** Where the minter takes orders from; an address without a key. */
const ISSUER = new Address(0, sha256("vend402 devnet issuer"));

export function createJetton(): Jetton {
  const walletCode = readCode("JettonWallet");
  const init: StateInit = {
    code: readCode("JettonMinter"),
    data: beginCell()
      .storeCoins(0)
      .storeAddress(ISSUER)
      .storeRef(walletCode)
      .storeRef(metadata({ name: "Tether USD", symbol: "USD₮", decimals: "6" }))
      .endCell(),
  };
  const minter = contractAddress(0, init);

  function toWallet(op: number, owner: Address, body: Cell): Message {
    const order = beginCell()
      .storeUint(op, 32)
      .storeUint(0, 64)
      .storeAddress(owner)
      .storeCoins(WALLET_VALUE)
      .storeRef(body);
    return internalMessage({
      from: ISSUER,
      to: minter,
      value: MINTER_VALUE,
      body: order.endCell(),
    });
  }

  return {
    minter,
    walletOf(owner) {
      const data = beginCell()
        .storeUint(0, 4)
        .storeCoins(0)
        .storeAddress(owner)
        .storeAddress(minter)
        .endCell();
      return contractAddress(0, { code: walletCode, data });
    },
    deployment: () =>
      internalMessage({ from: NOBODY, to: minter, value: toNano("1"), body: Cell.EMPTY, init }),
    minting(owner, amountAtomic) {
      const transfer = beginCell()
        .storeUint(INTERNAL_TRANSFER, 32)
        .storeUint(0, 64)
        .storeCoins(amountAtomic)
        .storeAddress(null)
        .storeAddress(null)
        .storeCoins(0)
        .storeBit(false)
        .endCell();
      return toWallet(MINT, owner, transfer);
    },
    locking(owner, lock) {
      const order = beginCell()
        .storeUint(SET_STATUS, 32)
        .storeUint(0, 64)
        .storeUint(STATUS[lock], 4);
      return toWallet(CALL_TO, owner, order.endCell());
    },
  };
}

export interface Gift {
  readonly from: Address;
  readonly to: Address;
  /** Nanotons. */
  readonly value: bigint;
  readonly body: Cell;
  readonly init?: StateInit;
}

export function internalMessage({ from, to, value, body, init }: Gift): Message {
  return {
    info: {
      type: "internal",
      ihrDisabled: true,
      bounce: false,
      bounced: false,
      src: from,
      dest: to,
      value: { coins: value },
      ihrFee: 0n,
      forwardFee: 0n,
      createdLt: 0n,
      createdAt: 0,
    },
    body,
    ...(init && { init }),
  };
}

/** On-chain metadata by TEP-64. */
function metadata(fields: Readonly<Record<string, string>>): Cell {
  const entries = Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
  for (const [name, value] of Object.entries(fields)) {
    entries.set(sha256(name), beginCell().storeUint(0, 8).storeStringTail(value).endCell());
  }
  return beginCell().storeUint(0, 8).storeDict(entries).endCell();
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
