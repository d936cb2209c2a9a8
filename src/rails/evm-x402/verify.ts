import type { EvmClient } from "../../chains/evm/client.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { Clock } from "../../clock.ts";
import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import { digestOf } from "./digest.ts";
import { LONGEST_WINDOW_S, type SignedPromise } from "./promise.ts";
import type { ReadPromise } from "./read.ts";
import { recoverAddress } from "./recover.ts";
import type { Simulations } from "./simulation.ts";
import { readPayer, type PayerState } from "./state.ts";

export interface VerifyDeps {
  readonly config: EvmConfig;
  readonly client: EvmClient;
  readonly clock: Clock;
  readonly simulations: Simulations;
}

/** A promise must hold so much longer, or it runs out on its way to the chain. */
const MARGIN_S = 6;
/** No wallet's code changes back: an account without code is asked about again after this long. */
const CODE_KEPT_MS = 15 * 60_000;
const MAX_KNOWN_CODES = 10_000;

/** Checks promises: by their window and signature at once, then by what the chain would make of them now. */
export interface Verifier {
  /** Null, or why it is refused, as far as that shows without the chain's state. */
  precheck(read: ReadPromise): Promise<Outcome<null>>;
  /** `failed` is final with an x402 reason; `unknown`: nobody could be asked. */
  verify(read: ReadPromise): Promise<Outcome<null>>;
  /** Why the contracts turn a promise down, in x402's words. */
  diagnose(promise: SignedPromise, fallback: string): Promise<Outcome<null>>;
}

export function createVerifier(deps: VerifyDeps): Verifier {
  const hasCode = createCodeCheck(deps);

  const precheck = async ({ promise }: ReadPromise): Promise<Outcome<null>> => {
    const late = windowReason(promise, Math.floor(deps.clock.now() / 1_000));
    if (late !== null) return failed(late, "final");
    if (isSignedByKey(deps.config, promise)) return done(null);
    // Only a contract may have signed otherwise; whether it did is for the simulation to say.
    const code = await hasCode(promise.from);
    if (code.kind !== "done") return unknown(code.reason);
    return code.value ? done(null) : failed(signatureReason(promise), "final");
  };

  const diagnose = async (promise: SignedPromise, fallback: string): Promise<Outcome<null>> => {
    const payer = await deps.client.read((server) => readPayer(server, promise));
    if (payer.kind === "failed" && payer.retryable) return unknown(payer.reason);
    const reason = payer.kind === "done" ? payerReason(promise, payer.value) : null;
    return failed(reason ?? fallback, "final");
  };

  return {
    precheck,
    diagnose,
    verify: async (read) => {
      const checked = await precheck(read);
      if (checked.kind !== "done") return checked;
      const simulated = await deps.simulations.run(read.promise);
      if (simulated.kind === "done") return simulated;
      if (simulated.kind === "unknown" || simulated.retryable) return unknown(simulated.reason);
      return diagnose(read.promise, simulationReason(read.promise));
    },
  };
}

function windowReason(promise: SignedPromise, nowS: number): string | null {
  const isEip3009 = promise.method === "eip3009";
  if (promise.validAfter > BigInt(nowS))
    return isEip3009
      ? "invalid_exact_evm_payload_authorization_valid_after"
      : "permit2_not_yet_valid";
  const [soonest, latest] = [BigInt(nowS + MARGIN_S), BigInt(nowS + LONGEST_WINDOW_S)];
  if (promise.validBefore < soonest || promise.validBefore > latest)
    return isEip3009
      ? "invalid_exact_evm_payload_authorization_valid_before"
      : "permit2_deadline_expired";
  return null;
}

/** A signature of 65 bytes by the payer's own key. */
function isSignedByKey(config: EvmConfig, promise: SignedPromise): boolean {
  const token = config.tokens.find(({ address }) => address.toLowerCase() === promise.token);
  const method = token?.method;
  const domain = method?.kind === "eip3009" ? method.domain : { name: "", version: "" };
  const digest = digestOf(promise, { chainId: config.chainId, ...domain });
  return recoverAddress(digest, promise.signature) === promise.from;
}

function createCodeCheck({
  client,
  clock,
}: VerifyDeps): (address: SignedPromise["from"]) => Promise<Outcome<boolean>> {
  const known = new Map<string, { readonly hasCode: boolean; readonly untilMs: number }>();
  return async (address) => {
    const kept = known.get(address);
    if (kept !== undefined && kept.untilMs > clock.now()) return done(kept.hasCode);
    const read = await client.read((server) =>
      server.request({ method: "eth_getCode", params: [address, "latest"] }),
    );
    if (read.kind !== "done") return read;
    const hasCode = read.value !== "0x";
    if (known.size >= MAX_KNOWN_CODES) known.clear();
    known.set(address, { hasCode, untilMs: clock.now() + CODE_KEPT_MS });
    return done(hasCode);
  };
}

function payerReason(
  promise: SignedPromise,
  { isNonceUsed, balanceAtomic, allowanceAtomic }: PayerState,
): string | null {
  const isEip3009 = promise.method === "eip3009";
  if (isNonceUsed)
    return isEip3009 ? "invalid_exact_evm_nonce_already_used" : "permit2_invalid_nonce";
  if (balanceAtomic < promise.atomic)
    return isEip3009 ? "invalid_exact_evm_insufficient_balance" : "permit2_insufficient_balance";
  if (allowanceAtomic !== null && allowanceAtomic < promise.atomic)
    return "permit2_allowance_required";
  return null;
}

function signatureReason({ method }: SignedPromise): string {
  return method === "eip3009" ? "invalid_exact_evm_signature" : "invalid_permit2_signature";
}

export function simulationReason({ method }: SignedPromise): string {
  return method === "eip3009"
    ? "invalid_exact_evm_transaction_simulation_failed"
    : "permit2_simulation_failed";
}
