import { beginCell, type Cell, type Slice } from "@ton/core";

/** Marks a forward payload that names an order: "V402" in ASCII. */
const ORDER_TAG = 0x56343032;
/** Text for people; what wallets without payloads write. */
const COMMENT_OP = 0;
/** Marks what an order's own address sends on to the treasury: "swpt" in ASCII. */
export const SWEPT_TAG = 0x73777074;

/** What fits behind the tag, and what the shop keeps of any order id. */
const MAX_ORDER_BYTES = 64;
/** A comment that goes on for longer names no order; the rest is not read. */
const MAX_COMMENT_BYTES = 512;
const PRINTABLE = /^[\x21-\x7e]{1,64}$/;

/** The forward payload that says which order a transfer is for: tag, then the id in ASCII. */
export function orderPayload(orderId: string): Cell {
  return beginCell().storeUint(ORDER_TAG, 32).storeBuffer(Buffer.from(orderId, "ascii")).endCell();
}

/** The same for a wallet that writes comments only. */
export function commentPayload(text: string): Cell {
  return beginCell().storeUint(COMMENT_OP, 32).storeStringTail(text).endCell();
}

/** The forward payload that an order's own address sends along: tag, then the id in ASCII. */
export function sweptPayload(orderId: string): Cell {
  return beginCell().storeUint(SWEPT_TAG, 32).storeBuffer(Buffer.from(orderId, "ascii")).endCell();
}

/** What a forward payload says; each is the id of an order, or "". */
export interface PayloadRefs {
  /** The order that it pays. */
  readonly orderRef: string;
  /** The order whose own address it claims to come from. */
  readonly sweptRef: string;
}

const NO_REFS: PayloadRefs = { orderRef: "", sweptRef: "" };

/**
 * The orders that a forward payload names. Whatever a payer has put there, this does not
 * throw.
 * @param payload What is left of the message behind the forward amount, its either-bit first.
 */
export function readPayload(payload: Slice): PayloadRefs {
  try {
    return readTagged(contentOf(payload));
  } catch {
    // Too short, or a comment whose cells do not hang together: no order is named.
    return NO_REFS;
  }
}

/** Some wallets leave the payload out altogether. */
function contentOf(payload: Slice): Slice | null {
  if (payload.remainingBits === 0) return null;
  return payload.loadBit() ? payload.loadRef().beginParse() : payload;
}

function readTagged(content: Slice | null): PayloadRefs {
  if (content === null || content.remainingBits < 32) return NO_REFS;
  const tag = content.loadUint(32);
  if (tag === ORDER_TAG) return { ...NO_REFS, orderRef: idIn(content, MAX_ORDER_BYTES) };
  if (tag === COMMENT_OP) return { ...NO_REFS, orderRef: idIn(content, MAX_COMMENT_BYTES) };
  if (tag === SWEPT_TAG) return { ...NO_REFS, sweptRef: idIn(content, MAX_ORDER_BYTES) };
  return NO_REFS;
}

function idIn(content: Slice, maxBytes: number): string {
  // latin1 keeps every byte apart; the pattern then lets printable ASCII through.
  const text = tailBytes(content, maxBytes).toString("latin1").trim();
  return PRINTABLE.test(text) ? text : "";
}

/** The bytes of a text that runs on from cell to cell; empty when there are too many or they are not whole. */
function tailBytes(start: Slice, maxBytes: number): Buffer {
  const parts: Buffer[] = [];
  let size = 0;
  for (let slice: Slice | null = start; slice !== null;) {
    if (slice.remainingBits % 8 !== 0) return Buffer.alloc(0);
    const part = slice.loadBuffer(slice.remainingBits / 8);
    size += part.length;
    if (size > maxBytes) return Buffer.alloc(0);
    parts.push(part);
    // An empty link could go on for ever.
    const isLast: boolean = slice.remainingRefs === 0 || (part.length === 0 && parts.length > 1);
    slice = isLast ? null : slice.loadRef().beginParse();
  }
  return Buffer.concat(parts);
}
