import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { TonChain } from "../../chains/ton/chain.ts";
import { isSignedBy } from "../../chains/ton/ed25519.ts";
import { type JettonBook, readJettonWallet } from "../../chains/ton/jettons.ts";
import type { ReadPromise } from "./read-promise.ts";
import { payerWallet, type PayerWallet } from "./wallet-v5.ts";

export interface VerifyDeps {
  readonly chain: TonChain;
  readonly jettons: JettonBook;
  readonly clock: Clock;
}

/**
 * What an order must take along for gas besides the forward amount. Measured with a payee that has no jetton wallet
 * yet: 0.0191 TON with our own jetton, 0.0181 with USDT's code.
 */
const LEAST_GAS_NANO = 20_000_000n;
/**
 * The relay advances what the order takes along; clients take 0.03 TON. It goes to the payer when the transfer fails
 * after all, so a payer who moves the tokens away in the last moment must not gain much.
 */
const MOST_GAS_NANO = 60_000_000n;
/** A shop's terms say 1; those of others may not make the relay give money away. */
const MOST_FORWARD_NANO = 10_000_000n;

/** Whether the chain would carry the promise out now. `failed` for good has an x402 reason. */
export async function verifyPromise(
  deps: VerifyDeps,
  { transfer, terms }: ReadPromise,
): Promise<Outcome<PayerWallet>> {
  const { chain, jettons, clock } = deps;
  const gas = gasReason(transfer.attachedNano, transfer.order.forwardNano);
  if (gas !== null) return failed(gas, "final");
  const [state, source] = await Promise.all([
    chain.state(transfer.payer),
    jettons.walletOf(terms.asset, transfer.payer),
  ]);
  if (state.kind !== "done") return state;
  if (source.kind !== "done") return source;
  const wallet = payerWallet(state.value, transfer);
  if (typeof wallet === "string") return failed(wallet, "final");
  const nowMs = Math.max(clock.now(), state.value.chainTimeMs);
  const reason = orderReason(wallet, { transfer, terms }, nowMs);
  if (reason !== null) return failed(reason, "final");
  if (!transfer.jettonWallet.equals(source.value))
    return failed("invalid_exact_tvm_jetton_wallet_mismatch", "final");
  const held = await readJettonWallet(chain, source.value);
  if (held.kind !== "done") return held;
  if (!held.value.canSend) return failed("invalid_exact_tvm_jetton_wallet_locked", "final");
  if (held.value.atomic < transfer.order.atomic) return failed("insufficient_funds", "final");
  return done(wallet);
}

function gasReason(attachedNano: bigint, forwardNano: bigint): string | null {
  if (forwardNano > MOST_FORWARD_NANO) return "invalid_payment_requirements";
  if (attachedNano < LEAST_GAS_NANO + forwardNano) return "invalid_exact_tvm_gas_too_low";
  if (attachedNano > MOST_GAS_NANO + forwardNano) return "invalid_exact_tvm_gas_too_high";
  return null;
}

/** Why the wallet would turn the order down, or null. */
function orderReason(
  wallet: PayerWallet,
  { transfer, terms }: ReadPromise,
  nowMs: number,
): string | null {
  const { signedHash, signature, walletId, seqno, validUntilS } = transfer;
  if (!isSignedBy(wallet.publicKey, signedHash, signature)) return "invalid_exact_tvm_signature";
  if (!wallet.takesSignatures) return "invalid_exact_tvm_signature_disabled";
  if (walletId !== wallet.walletId) return "invalid_exact_tvm_wallet_id_mismatch";
  if (validUntilS * 1_000 <= nowMs) return "invalid_exact_tvm_expired";
  if (validUntilS * 1_000 > nowMs + terms.maxTimeoutSeconds * 1_000)
    return "invalid_exact_tvm_valid_until_too_far";
  return seqno === wallet.seqno ? null : "invalid_exact_tvm_seqno_mismatch";
}
