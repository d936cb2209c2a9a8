import { internal } from "@ton/core";
import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { TonChain } from "../../chains/ton/chain.ts";
import { type HighloadWallet, pickNumber, signHighload } from "../../chains/ton/highload.ts";
import type { SignedTransfer } from "./promise.ts";
import type { PayerWallet } from "./wallet-v5.ts";

/** What the payer's wallet needs to read and carry out the order, and to come on chain first. */
const WALLET_GAS_NANO = 12_000_000n;
const DEPLOY_GAS_NANO = 8_000_000n;
/** What the relay needs for messages of its own. */
const RESERVE_NANO = 60_000_000n;
const CREATED_BEFORE_S = 5;

export interface RelayDeps {
  readonly chain: TonChain;
  readonly relay: HighloadWallet;
  readonly clock: Clock;
}

/**
 * Brings a payer's signed order to the payer's wallet and pays for it. Nothing is remembered: brought twice, the
 * wallet takes it once, and sends the second message's value back.
 * @returns the hash of the relay's message, by which explorers show all that follows from it
 */
export async function relayPromise(
  { chain, relay }: RelayDeps,
  transfer: SignedTransfer,
  wallet: PayerWallet,
): Promise<Outcome<string>> {
  const state = await chain.state(relay.address);
  if (state.kind !== "done") return state;
  const gasNano = WALLET_GAS_NANO + (wallet.isOnChain ? 0n : DEPLOY_GAS_NANO);
  const valueNano = transfer.attachedNano + gasNano;
  if (state.value.balanceNano < valueNano + RESERVE_NANO)
    return failed("the relay has too little TON for gas", "retry");
  const message = internal({
    to: transfer.payer,
    value: valueNano,
    bounce: true,
    init: wallet.isOnChain ? null : transfer.init,
    body: transfer.body,
  });
  const createdAtS = Math.floor(state.value.chainTimeMs / 1_000) - CREATED_BEFORE_S;
  const number = pickNumber(transfer.body.hash(), createdAtS, state.value);
  const isFirst = state.value.kind !== "active";
  const signed = signHighload(relay, { messages: [message], number, createdAtS, isFirst });
  const sent = await chain.send(signed.boc);
  return sent.kind === "done" ? done(signed.messageHash.toString("hex")) : sent;
}
