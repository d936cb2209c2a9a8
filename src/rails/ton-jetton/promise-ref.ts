import type { Cell } from "@ton/core";

/** Wallet v5: a message that its owner has signed and somebody else brings. */
const SIGNED_INTERNAL = 0x73696e74;

/** Whether a message body is an owner's signed order, brought by somebody else. */
export function isSignedInternal(body: Cell): boolean {
  return body.bits.length > 32 && body.beginParse().loadUint(32) === SIGNED_INTERNAL;
}

/**
 * Names a signed order for ever: its body holds the wallet's sequence number, so the chain carries it out once.
 * @param master Raw, as `payer`.
 */
export function promiseRef(
  caip2: string,
  promise: { readonly master: string; readonly payer: string; readonly body: Cell },
): string {
  const { master, payer, body } = promise;
  return `${caip2}|${master}|${payer}|${body.hash().toString("hex")}`;
}
