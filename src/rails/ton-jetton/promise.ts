import {
  type Address,
  beginCell,
  Cell,
  loadMessageRelaxed,
  loadOutList,
  type MessageRelaxed,
  type Slice,
  type StateInit,
} from "@ton/core";
import { OP } from "../../chains/ton/transfers.ts";
import { isSignedInternal } from "./promise-ref.ts";

/** What a payer has signed: one jetton transfer, ordered from the payer's wallet v5. Nothing of it is checked yet. */
export interface SignedTransfer {
  readonly payer: Address;
  /** What brings the wallet on chain; null when the payer did not send it. */
  readonly init: StateInit | null;
  /** The signed body as it is delivered to the wallet, signature and all. */
  readonly body: Cell;
  readonly signature: Buffer;
  /** What the signature is over. */
  readonly signedHash: Buffer;
  readonly walletId: number;
  readonly validUntilS: number;
  readonly seqno: number;
  /** To whom the transfer is ordered: the payer's jetton wallet, if all is well. */
  readonly jettonWallet: Address;
  /** What the order takes along for gas, out of the payer's wallet. */
  readonly attachedNano: bigint;
  readonly mode: number;
  readonly isBounceable: boolean;
  readonly order: TransferOrder;
}

export interface TransferOrder {
  readonly atomic: bigint;
  readonly to: Address;
  readonly responseTo: Address | null;
  readonly hasCustomPayload: boolean;
  readonly forwardNano: bigint;
  /** Hash of the forward payload's content, wherever the order has it; that of an empty cell for none. */
  readonly forwardHash: string;
}

/** Why a message is no such promise, in x402's words. */
export type PromiseProblem =
  | "invalid_exact_tvm_settlement_boc"
  | "invalid_exact_tvm_message_not_internal"
  | "invalid_exact_tvm_wallet_opcode"
  | "invalid_exact_tvm_actions"
  | "invalid_exact_tvm_jetton_transfer";

/** No message of this kind is larger. */
const MAX_BASE64 = 32_768;
const SIGNATURE_BITS = 512;
/** Operation, wallet id, end, sequence number, and the two bits of the actions. */
const HEAD_BITS = 4 * 32 + 2;

/** Takes a `settlementBoc` apart. Pure: no chain is asked and no signature is checked. */
export function readSignedTransfer(base64: unknown): SignedTransfer | PromiseProblem {
  const message = readMessage(base64);
  if (message === null) return "invalid_exact_tvm_settlement_boc";
  if (message.info.type !== "internal") return "invalid_exact_tvm_message_not_internal";
  const { body } = message;
  const isWhole = body.bits.length >= HEAD_BITS + SIGNATURE_BITS;
  if (!isWhole || !isSignedInternal(body)) return "invalid_exact_tvm_wallet_opcode";
  const head = attempt(() => readHead(body));
  if (head === null) return "invalid_exact_tvm_actions";
  const order = attempt(() => readOrder(head.message.body.beginParse()));
  const { info } = head.message;
  if (order === null || info.type !== "internal") return "invalid_exact_tvm_jetton_transfer";
  const { signature, signedHash, walletId, validUntilS, seqno, mode } = head;
  return {
    payer: message.info.dest,
    init: message.init ?? null,
    body,
    signature,
    signedHash,
    walletId,
    validUntilS,
    seqno,
    jettonWallet: info.dest,
    attachedNano: info.value.coins,
    mode,
    isBounceable: info.bounce,
    order,
  };
}

function readMessage(base64: unknown): MessageRelaxed | null {
  if (typeof base64 !== "string" || base64.length > MAX_BASE64) return null;
  return attempt(() => loadMessageRelaxed(Cell.fromBase64(base64).beginParse()));
}

/** The parsers of cells throw at whatever does not fit. */
function attempt<Value>(read: () => Value | null): Value | null {
  try {
    return read();
  } catch {
    return null;
  }
}

interface Head {
  readonly walletId: number;
  readonly validUntilS: number;
  readonly seqno: number;
  readonly mode: number;
  readonly message: MessageRelaxed;
  readonly signature: Buffer;
  readonly signedHash: Buffer;
}

/** Null unless the wallet is ordered one message and nothing else. */
function readHead(body: Cell): Head | null {
  const slice = body.beginParse().skip(32);
  const walletId = slice.loadUint(32);
  const validUntilS = slice.loadUint(32);
  const seqno = slice.loadUint(32);
  const list = slice.loadMaybeRef();
  const hasExtended = slice.loadBit();
  // The signature is the rest, and it does not begin at a whole byte.
  if (list === null || hasExtended || slice.remainingBits !== SIGNATURE_BITS) return null;
  if (slice.remainingRefs > 0) return null;
  const signature = slice.loadBuffer(SIGNATURE_BITS / 8);
  const actions = loadOutList(list.beginParse());
  const [action] = actions;
  if (actions.length !== 1 || action?.type !== "sendMsg") return null;
  const { mode, outMsg: message } = action;
  const signedHash = withoutSignature(body).hash();
  return { walletId, validUntilS, seqno, mode, message, signature, signedHash };
}

function withoutSignature(body: Cell): Cell {
  const builder = beginCell().storeBits(body.bits.substring(0, body.bits.length - SIGNATURE_BITS));
  for (const ref of body.refs) builder.storeRef(ref);
  return builder.endCell();
}

function readOrder(slice: Slice): TransferOrder | null {
  if (slice.loadUint(32) !== OP.transfer) return null;
  slice.loadUintBig(64);
  const atomic = slice.loadCoins();
  const to = slice.loadAddress();
  const responseTo = slice.loadMaybeAddress();
  const hasCustomPayload = slice.loadMaybeRef() !== null;
  const forwardNano = slice.loadCoins();
  const forwardHash = readForwardHash(slice);
  if (forwardHash === null) return null;
  return { atomic, to, responseTo, hasCustomPayload, forwardNano, forwardHash };
}

function readForwardHash(slice: Slice): string | null {
  if (!slice.loadBit()) return slice.asCell().hash().toString("hex");
  const cell = slice.loadRef();
  const isAlone = slice.remainingBits === 0 && slice.remainingRefs === 0;
  return isAlone ? cell.hash().toString("hex") : null;
}
