import { readFileSync } from "node:fs";
import {
  type Address,
  beginCell,
  Cell,
  contractAddress,
  internal,
  type MessageRelaxed,
  type StateInit,
} from "@ton/core";
import { rawAddress } from "./addresses.ts";
import { sweptPayload } from "./payload.ts";
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

/**
 * The order whose address a credit of the treasury comes from; null: it is a payment. Anybody can say that a
 * transfer is a sweep, so the sender has to be the address that belongs to the order named.
 */
export function sweptOrder(treasury: Address, credit: Credit): string | null {
  const { sweptRef, from } = credit;
  if (sweptRef === "" || from === null) return null;
  return rawAddress(forwarderOf(treasury, sweptRef).address) === from ? sweptRef : null;
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
