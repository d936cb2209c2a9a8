import { type Cell, contractAddress, type StateInit } from "@ton/core";
import type { AccountState } from "../../chains/ton/chain.ts";
import type { SignedTransfer } from "./promise.ts";

/** The code of wallet v5r1: the only wallet that takes an owner's signed order from somebody else. */
const CODE_HASH = "20834b7b72b112147e1b2fb457b84e74d1a30f04f737d4f62a668e9552d2b72f";

/** What a wallet v5 says of itself; its code is known, so its data can be believed. */
export interface PayerWallet {
  readonly isOnChain: boolean;
  readonly seqno: number;
  readonly walletId: number;
  readonly publicKey: Buffer;
  /** False once its owner has left it to extensions. */
  readonly takesSignatures: boolean;
}

/** The wallet that a promise comes from, on chain or about to be brought there; else why it is none. */
export function payerWallet(
  state: AccountState,
  { payer, init }: Pick<SignedTransfer, "payer" | "init">,
): PayerWallet | string {
  if (state.kind === "frozen") return "invalid_exact_tvm_wallet_frozen";
  if (state.kind === "active") return walletOf(state, true);
  if (init === null) return "invalid_exact_tvm_state_init_missing";
  if (!isStateOf(init, payer)) return "invalid_exact_tvm_state_init_mismatch";
  return walletOf({ code: init.code ?? null, data: init.data ?? null }, false);
}

function isStateOf(init: StateInit, payer: SignedTransfer["payer"]): boolean {
  return contractAddress(payer.workChain, init).equals(payer);
}

function walletOf(
  { code, data }: { readonly code: Cell | null; readonly data: Cell | null },
  isOnChain: boolean,
): PayerWallet | string {
  if (data === null || code?.hash().toString("hex") !== CODE_HASH)
    return "invalid_exact_tvm_wallet_code";
  // A strange first state may hold anything.
  if (data.bits.length < 1 + 32 + 32 + 256) return "invalid_exact_tvm_state_init_mismatch";
  const slice = data.beginParse();
  const takesSignatures = slice.loadBit();
  const seqno = slice.loadUint(32);
  const walletId = slice.loadUint(32);
  const publicKey = slice.loadBuffer(32);
  return { isOnChain, seqno, walletId, publicKey, takesSignatures };
}
