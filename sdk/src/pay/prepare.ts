import type { PaymentOffer } from "../answers.ts";
import { formatStroops } from "../decimal.ts";
import type { Runtime } from "../runtime.ts";
import { signChecked, type Signer } from "../signer.ts";
import { authorizesOnlyPayment } from "./authorization.ts";
import { createCallBuilder, type CompleteCall, type DraftCall, type PayTerms } from "./call.ts";
import { chainFailure, contractErrorInText } from "./chain-error.ts";
import { PaymentRefusedError, RpcError } from "./errors.ts";
import type { OpenNetwork } from "./network.ts";
import type { PaymentRecord } from "./record.ts";
import type { EventSeen, StellarRpc, TransactionSeen } from "./rpc.ts";
import { checkOffer, chooseLeg, termsOf, timeBoundS, type Leg, type MaxAmount } from "./terms.ts";

export interface PrepareOptions {
  readonly asset: "usdc" | "xlm" | "auto";
  readonly maxAmount: MaxAmount;
  readonly timeoutS: number;
  readonly maxFeeStroops: bigint;
  readonly inclusionFeeStroops: bigint;
}

export interface PrepareDeps {
  readonly network: OpenNetwork;
  readonly rpc: StellarRpc;
  readonly signer: Signer;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
}

/** `getTransaction` of no transaction: how every version of the RPC tells the chain's time and the history it holds. */
const NO_TRANSACTION = "0".repeat(64);

/** What the chain says before anything is signed. */
export interface Surroundings {
  readonly legs: readonly Leg[];
  readonly clock: TransactionSeen;
  readonly sequence: bigint;
  readonly leg: Leg;
}

/** Checks the offer, the network and the wallet. @throws PaymentRefusedError, RpcError */
export async function survey(
  offer: PaymentOffer,
  options: PrepareOptions,
  deps: PrepareDeps,
): Promise<Surroundings> {
  const { network, rpc, signer, signal } = deps;
  const legs = checkOffer(offer, network, options.maxAmount);
  const [passphrase, clock, seen] = await Promise.all([
    patiently(deps, () => rpc.passphrase(signal)),
    patiently(deps, () => rpc.transaction(NO_TRANSACTION, signal)),
    patiently(deps, () => rpc.account(signer.publicKey, offer.usdc.asset, signal)),
  ]);
  if (passphrase !== network.passphrase)
    throw new PaymentRefusedError("wrong_network", {
      message: "The RPC server belongs to another network.",
      advice: "set network.rpcUrl to a server of your network.",
      given: { server: passphrase, yours: network.passphrase },
    });
  const wallet = {
    publicKey: signer.publicKey,
    seen,
    xlmUnavailable: offer.xlm_unavailable ?? null,
  };
  const leg = chooseLeg(legs, options.asset, wallet);
  return { legs, clock, leg, sequence: (seen.account?.sequence ?? 0n) + 1n };
}

export interface PaymentFound extends EventSeen {
  readonly leg: Leg;
}

/** getEvents reads at most 10,000 ledgers per call; an order lives far shorter than this. */
const EVENT_LEDGERS = 9_000;

/**
 * The event of an earlier payment of this order, by whomever, in any asset it is offered in; null when the chain has none.
 * What guards a purchase that is continued without its journal.
 */
export async function findPayment(
  offer: PaymentOffer,
  { legs, clock }: Surroundings,
  deps: PrepareDeps,
): Promise<PaymentFound | null> {
  const { network, rpc, signer, signal } = deps;
  const { oldestLedger, latestLedger } = clock;
  // The oldest ledger of a full history is gone a moment later.
  const oldest = latestLedger - oldestLedger > 100 ? oldestLedger + 10 : oldestLedger;
  const startLedger = Math.max(oldest, latestLedger - EVENT_LEDGERS);
  for (const leg of legs) {
    const { event } = await createCallBuilder(
      termsOf(leg, offer, { publicKey: signer.publicKey, passphrase: network.passphrase }),
    );
    const query = { startLedger, contractId: offer.contract_id, topics: event.topics };
    const events = await patiently(deps, () => rpc.events(query, signal));
    const found = events.find(({ value }) => value === event.value);
    if (found !== undefined) return { ...found, leg };
  }
  return null;
}

/** Builds, simulates, checks and signs. Nothing is sent or kept. */
export async function signPayment(
  offer: PaymentOffer,
  { leg, clock, sequence }: Surroundings,
  { options, deps }: { readonly options: PrepareOptions; readonly deps: PrepareDeps },
): Promise<PaymentRecord> {
  const { network, signer } = deps;
  const terms = termsOf(leg, offer, {
    publicKey: signer.publicKey,
    passphrase: network.passphrase,
  });
  const maxTimeS = timeBoundS(leg, clock.latestCloseTimeS, options.timeoutS);
  const builder = await createCallBuilder(terms);
  const draft = builder.draft({
    sequence,
    maxTimeS,
    inclusionFeeStroops: options.inclusionFeeStroops,
  });
  const complete = await simulated(draft, terms, deps);
  if (complete.feeStroops > options.maxFeeStroops)
    throw new PaymentRefusedError("fee_over_cap", {
      message: "The network fee is over the cap.",
      advice: "try again later, or raise maxFeeXlm.",
      given: {
        fee: `${formatStroops(complete.feeStroops)} XLM`,
        cap: `${formatStroops(options.maxFeeStroops)} XLM`,
      },
    });
  const signature = await signChecked(signer, complete.hash);
  return {
    version: 1,
    orderId: terms.orderId,
    passphrase: terms.passphrase,
    contractId: terms.contractId,
    payer: terms.payer,
    asset: terms.asset,
    amount: formatStroops(terms.amountStroops),
    envelope: complete.signedBy(signer.publicKey, signature),
    hash: Buffer.from(complete.hash).toString("hex"),
    sequence: String(sequence),
    maxTimeS,
    signedAtLedger: clock.latestLedger,
  };
}

async function simulated(
  draft: DraftCall,
  terms: PayTerms,
  deps: PrepareDeps,
): Promise<CompleteCall> {
  const simulation = await patiently(deps, () => deps.rpc.simulate(draft.envelope, deps.signal));
  const { error, results, restorePreamble } = simulation;
  if (typeof error === "string")
    throw chainFailure("simulated", {
      contractError: contractErrorInText(error),
      resultName: /Error\((\w+, \w+)\)/.exec(error)?.[1]?.replace(", ", "_") ?? "simulation_failed",
      hash: null,
    });
  if (restorePreamble !== undefined && restorePreamble !== null)
    throw chainFailure("simulated", {
      contractError: null,
      resultName: "archived_entry",
      hash: null,
    });
  const [result] = Array.isArray(results) ? (results as readonly { auth?: unknown }[]) : [];
  if (result === undefined || !Array.isArray(result.auth))
    throw new RpcError("simulateTransaction", "no result");
  if (!authorizesOnlyPayment(result.auth, draft.call))
    throw new PaymentRefusedError("unexpected_authorization", {
      message: "The shop's contract wants to do something else than take this one payment.",
      advice: "do not pay; ask the shop's operator.",
      given: { contract: terms.contractId, order: terms.orderId },
    });
  try {
    return draft.complete(simulation);
  } catch (cause) {
    throw new RpcError("simulateTransaction", "the answer cannot be used", cause);
  }
}

const TRIES = 4;

/** Reading is safe to repeat: up to four tries within about two seconds. */
async function patiently<Value>(
  { runtime, signal }: PrepareDeps,
  ask: () => Promise<Value>,
): Promise<Value> {
  for (let tried = 1; ; tried++) {
    try {
      return await ask();
    } catch (error) {
      if (signal.aborted || !(error instanceof RpcError) || tried === TRIES) throw error;
      await runtime.sleep(300 * 2 ** (tried - 1) * (0.5 + runtime.random() / 2), signal);
    }
  }
}
