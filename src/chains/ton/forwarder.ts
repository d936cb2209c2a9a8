import { readFileSync } from "node:fs";
import {
  Address,
  beginCell,
  Cell,
  contractAddress,
  internal,
  type MessageRelaxed,
  type StateInit,
} from "@ton/core";
import { rawAddress } from "./addresses.ts";
import { hashCell } from "./cell-hash.ts";
import { SWEPT_TAG, sweptPayload } from "./payload.ts";
import type { Credit } from "./transfers.ts";

/** An order's own account, which can send what it gets to the treasury only. See contracts/ton. */
export interface Forwarder {
  readonly address: Address;
  /** Brings it on chain. */
  readonly init: StateInit;
}

const CODE = readCode();

/** The address follows from the committed code, the treasury and the order, so nobody has to be asked for it. */
export function forwarderOf(treasury: Address, orderId: string): Forwarder {
  const data = beginCell().storeAddress(treasury).storeRef(sweptPayload(orderId)).endCell();
  const init: StateInit = { code: CODE, data };
  return { address: contractAddress(0, init), init };
}

/** The same address without the contract, as every new order wants it. */
export function forwarderAddresses(treasury: Address): (orderId: string) => Address {
  const code = { hash: CODE.hash(), depth: CODE.depth() };
  const owner = beginCell().storeAddress(treasury).endCell();
  const ownerBits = owner.bits.length;
  const ownerBytes = beginCell()
    .storeBits(owner.bits)
    .storeUint(0, 8 - (ownerBits % 8))
    .endCell();
  const data = ownerBytes.beginParse().loadBuffer(Math.ceil(ownerBits / 8));
  const tag = Buffer.alloc(4);
  tag.writeUInt32BE(SWEPT_TAG);
  return (orderId) => {
    const content = Buffer.concat([tag, Buffer.from(orderId, "ascii")]);
    const payload = hashCell(content, content.length * 8);
    const state = hashCell(STATE_BITS, 5, [code, hashCell(data, ownerBits, [payload])]);
    return new Address(0, state.hash);
  };
}

/** Neither depth nor special, with code and data, without libraries: 00110. */
const STATE_BITS = Buffer.from([0b00110_000]);

/**
 * The order whose address a credit of the treasury comes from; null: it is a payment. Anybody can say that a
 * transfer is a sweep, so the sender has to be the address that belongs to the order named.
 */
export function sweptOrder(treasury: Address, credit: Credit): string | null {
  const { sweptRef, from } = credit;
  if (sweptRef === "" || from === null) return null;
  return rawAddress(forwarderAddresses(treasury)(sweptRef)) === from ? sweptRef : null;
}

const SWEEP = 0x73776570;

/** Sends tokens of a forwarder to the treasury; what is left of `valueNano` goes back to who sends this. */
export function sweepMessage(
  { address, init }: Forwarder,
  sweep: { readonly jettonWallet: Address; readonly atomic: bigint; readonly valueNano: bigint },
): MessageRelaxed {
  const body = beginCell()
    .storeUint(SWEEP, 32)
    .storeUint(0, 64)
    .storeAddress(sweep.jettonWallet)
    .storeCoins(sweep.atomic)
    .endCell();
  return internal({ to: address, value: sweep.valueNano, bounce: true, init, body });
}

function readCode(): Cell {
  const file = new URL("../../../contracts/ton/DepositForwarder.json", import.meta.url);
  const { code } = JSON.parse(readFileSync(file, "utf8")) as { readonly code: string };
  return Cell.fromBase64(code);
}
