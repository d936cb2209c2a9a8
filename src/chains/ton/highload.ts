import { createHash } from "node:crypto";
import {
  type Address,
  beginCell,
  Cell,
  contractAddress,
  Dictionary,
  external,
  internal,
  type MessageRelaxed,
  SendMode,
  type StateInit,
  storeMessage,
  storeMessageRelaxed,
  storeOutList,
} from "@ton/core";
import { assert } from "../../errors.ts";
import type { AccountState } from "./chain.ts";
import { signHash } from "./ed25519.ts";
import { HIGHLOAD_CODE_BASE64 } from "./highload-code.ts";
import type { TonKeys } from "./keys.ts";

/** A highload wallet v3: many messages at a time, each of its own number, each carried out once at most. */
export interface HighloadWallet {
  readonly address: Address;
  readonly init: StateInit;
  readonly keys: TonKeys;
}

/**
 * How long after its creation a message may be carried out, seconds. Part of the wallet's address. Short enough
 * that a lost refund is signed anew soon, long enough for a busy chain.
 */
export const HIGHLOAD_TIMEOUT_S = 600;
/** What wallets of this kind have, so that other tools find the address by the key. */
const SUBWALLET = 0x10ad;
const INTERNAL_BATCH = 0xae42e5a4;
const CODE = Cell.fromBase64(HIGHLOAD_CODE_BASE64);

/** Numbers are 13 bits of shift and 10 of bit, of which 1023 is not allowed. */
const BITS = 1023;
export const HIGHLOAD_NUMBERS = 8192 * BITS;

/** The wallet adds by itself that what cannot be sent is skipped. */
const MODE = SendMode.PAY_GAS_SEPARATELY;

export function highloadWallet(keys: TonKeys): HighloadWallet {
  const data = beginCell()
    .storeBuffer(keys.publicKey)
    .storeUint(SUBWALLET, 32)
    .storeBit(0)
    .storeBit(0)
    .storeUint(0, 64)
    .storeUint(HIGHLOAD_TIMEOUT_S, 22)
    .endCell();
  const init: StateInit = { code: CODE, data };
  return { address: contractAddress(0, init), init, keys };
}

export interface SignedMessage {
  /**
   * What explorers find the message by: its hash without what may differ from one sending to the next (TEP-467).
   */
  readonly messageHash: Buffer;
  /** Of the signed body: the same whether the message deploys the wallet or not. */
  readonly bodyHash: Buffer;
  /** The external message, as it is sent. */
  readonly boc: Buffer;
}

export interface MessageToSign {
  /** At least one and at most `MAX_MESSAGES`; all of them are sent, or none. */
  readonly messages: readonly MessageRelaxed[];
  /** From 0 to `HIGHLOAD_NUMBERS` - 1. */
  readonly number: number;
  readonly createdAtS: number;
  /** The wallet is not on chain yet, and this message brings it there. */
  readonly isFirst: boolean;
}

/** Actions of one transaction are 255 at most. */
const MAX_MESSAGES = 254;

/** Signs messages out of the wallet. Several, or one that brings code along, go by way of a message to itself. */
export function signHighload(wallet: HighloadWallet, order: MessageToSign): SignedMessage {
  const { messages, number, createdAtS, isFirst } = order;
  assert(messages.length <= MAX_MESSAGES, "more messages than a wallet can send at once");
  const [message, ...others] = messages;
  assert(message !== undefined, "nothing is to be sent");
  const queryId = (Math.floor(number / BITS) << 10) | (number % BITS);
  // The wallet turns down a message with a state in it, unless it sends it to itself first.
  const isPlain = others.length === 0 && !message.init;
  const sent = isPlain ? message : viaItself(wallet, messages, queryId);
  const inner = beginCell()
    .storeUint(SUBWALLET, 32)
    .storeRef(beginCell().store(storeMessageRelaxed(sent)).endCell())
    .storeUint(MODE, 8)
    .storeUint(queryId, 23)
    .storeUint(createdAtS, 64)
    .storeUint(HIGHLOAD_TIMEOUT_S, 22)
    .endCell();
  const signature = signHash(inner.hash(), wallet.keys.secretKey);
  const body = beginCell().storeBuffer(signature).storeRef(inner).endCell();
  const outer = external({ to: wallet.address, init: isFirst ? wallet.init : null, body });
  const boc = beginCell().store(storeMessage(outer)).endCell().toBoc();
  return { messageHash: normalizedHash(wallet.address, body), bodyHash: body.hash(), boc };
}

function normalizedHash(to: Address, body: Cell): Buffer {
  const head = beginCell().storeUint(0b1000, 4).storeAddress(to).storeCoins(0);
  return head.storeBit(0).storeBit(1).storeRef(body).endCell().hash();
}

/** The gas of the way round, and of each message on it; what is left stays in the wallet. */
const WAY_ROUND_NANO = 20_000_000n;
const EACH_NANO = 1_000_000n;

function viaItself(
  { address }: HighloadWallet,
  messages: readonly MessageRelaxed[],
  queryId: number,
): MessageRelaxed {
  const sending = messages.map((outMsg) => ({ type: "sendMsg", mode: MODE, outMsg }) as const);
  const actions = beginCell().store(storeOutList(sending)).endCell();
  const body = beginCell()
    .storeUint(INTERNAL_BATCH, 32)
    .storeUint(queryId, 64)
    .storeRef(actions)
    .endCell();
  const value = messages.reduce((sum, { info }) => sum + coinsOf(info), WAY_ROUND_NANO);
  return internal({ to: address, value, bounce: true, body });
}

function coinsOf(info: MessageRelaxed["info"]): bigint {
  return info.type === "internal" ? info.value.coins + EACH_NANO : EACH_NANO;
}

/**
 * The numbers that the wallet remembers as used, from its stored data: a message with one of them would be turned
 * down. Forgets by time as the wallet does.
 */
export function usedNumbers(data: Cell, chainTimeS: number): (number: number) => boolean {
  const slice = data.beginParse().skip(256 + 32);
  const old = slice.loadMaybeRef();
  const recent = slice.loadMaybeRef();
  const cleanedAtS = slice.loadUint(64);
  const timeoutS = slice.loadUint(22);
  const books: Cell[] = [];
  // Read a little late, so that no number is taken for free before the wallet has forgotten it.
  if (recent !== null && cleanedAtS >= chainTimeS - 2 * timeoutS - MARGIN_S) books.push(recent);
  if (old !== null && cleanedAtS >= chainTimeS - timeoutS - MARGIN_S) books.push(old);
  const bits = books.map(bitsOf);
  return (number) =>
    bits.some((book) => book.get(Math.floor(number / BITS))?.[number % BITS] === true);
}

const MARGIN_S = 60;

/**
 * A number that the wallet has not seen lately. Picked by what is sent and the time, since several processes may
 * send out of one wallet: where two meet after all, one of them waits for its next try.
 */
export function pickNumber(
  what: Buffer,
  createdAtS: number,
  { data, chainTimeMs }: Pick<AccountState, "data" | "chainTimeMs">,
): number {
  const isUsed = data === null ? () => false : usedNumbers(data, chainTimeMs / 1_000);
  const seed = createHash("sha256").update(what).update(String(createdAtS)).digest();
  const first = seed.readUInt32BE() % HIGHLOAD_NUMBERS;
  for (let step = 0; step < HIGHLOAD_NUMBERS; step++) {
    const number = (first + step) % HIGHLOAD_NUMBERS;
    if (!isUsed(number)) return number;
  }
  return first;
}

type Bits = ReadonlyMap<number, readonly boolean[]>;

function bitsOf(book: Cell): Bits {
  const values = Dictionary.loadDirect(Dictionary.Keys.Uint(13), Dictionary.Values.Cell(), book);
  const bits = new Map<number, readonly boolean[]>();
  for (const [shift, cell] of values)
    bits.set(
      shift,
      Array.from({ length: cell.bits.length }, (_, index) => cell.bits.at(index)),
    );
  return bits;
}
