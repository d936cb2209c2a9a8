import type { PaymentOffer } from "../answers.ts";
import { formatStroops, parseStroops } from "../decimal.ts";
import { InvalidOptionError } from "../errors.ts";
import type { Fetch } from "../http.ts";
import { fileJournal, type PaymentJournal } from "../journal.ts";
import type { Runtime } from "../runtime.ts";
import type { Signer } from "../signer.ts";
import { decodeStrKey } from "../strkey.ts";
import { preloadStellarSdk } from "./call.ts";
import { openNetwork, type NetworkOption } from "./network.ts";
import { PaymentFailedError, PaymentRefusedError } from "./errors.ts";
import {
  findPayment,
  signPayment,
  survey,
  type PaymentFound,
  type PrepareDeps,
  type PrepareOptions,
} from "./prepare.ts";
import { keepAttempt, latestAttempt, type KeptPayment, type PaymentRecord } from "./record.ts";
import { createRpc } from "./rpc.ts";
import { settle, type Settled } from "./settle.ts";
import type { MaxAmount } from "./terms.ts";

/** How to pay. */
export interface StellarPayOptions {
  readonly signer: Signer;
  /** @default "pubnet" */
  readonly network?: NetworkOption | undefined;
  /** "auto": USDC if the wallet holds enough of it, else XLM. @default "auto" */
  readonly asset?: "usdc" | "xlm" | "auto" | undefined;
  /** Highest price per asset. @default usdc: the amount that was ordered; xlm: none, so set it for a shop you do not trust */
  readonly maxAmount?: MaxAmount | undefined;
  /** Highest network fee in XLM; a payment usually costs under 0.1, and about 1 when it prolongs the shop's contract. @default "5" */
  readonly maxFeeXlm?: string | undefined;
  /** How long the signed payment stays valid, by the chain's clock, 30 to 300. @default 180 */
  readonly validForS?: number | undefined;
  /** Where signed payments are kept before they are sent. @default fileJournal() */
  readonly journal?: PaymentJournal | undefined;
}

/** A payment as far as it is known. */
export interface PaymentReceipt {
  /** Transaction hash. */
  readonly hash: string;
  readonly asset: "usdc" | "xlm";
  /** Decimal text. */
  readonly amount: string;
  /** Null while it is not known to be in a ledger. */
  readonly ledger: number | null;
  /** ISO 8601: no ledger that closes later can contain it. Null when somebody else signed it. */
  readonly validUntil: string | null;
}

export type PayStep = {
  readonly step: "signed" | "sent" | "ledger";
  readonly payment: PaymentReceipt;
};

export interface PayRequest {
  readonly offer: PaymentOffer;
  /** True only when no other call can ever have paid this order: it was created in this very call. */
  readonly isFirst: boolean;
  /** The offer as the shop shows it now; null when the order no longer waits for a payment. */
  readonly refresh: () => Promise<PaymentOffer | null>;
  readonly onStep: (step: PayStep) => void;
  readonly signal: AbortSignal;
}

/** Pays, or continues to pay, one order. Internal to this package. */
export type StellarPayer = (request: PayRequest) => Promise<PaymentReceipt | null>;

/** @throws InvalidOptionError */
export function createStellarPayer(
  options: StellarPayOptions,
  runtime: Runtime,
  fetch?: Fetch,
): StellarPayer {
  const network = openNetwork(options.network, fetch);
  const { signer } = options;
  if (decodeStrKey("account", signer.publicKey) === null)
    throw new InvalidOptionError(
      "signer.publicKey is not a Stellar account.",
      'pass a signer whose publicKey is "G…".',
    );
  const journal = options.journal ?? fileJournal();
  const rpc = createRpc(network);
  const prepareOptions = checkOptions(options);
  preloadStellarSdk();
  return async (request) => {
    const deps = { network, rpc, signer, runtime, signal: request.signal };
    const release = await takeTurn(`${network.passphrase} ${signer.publicKey}`, request.signal);
    try {
      return await pay(request, { journal, prepareOptions, deps });
    } finally {
      release();
    }
  };
}

function checkOptions(options: StellarPayOptions): PrepareOptions {
  const { asset = "auto", maxAmount = {}, validForS = 180, maxFeeXlm = "5" } = options;
  if (!["auto", "usdc", "xlm"].includes(asset))
    throw new InvalidOptionError("asset is not known.", 'pass "usdc", "xlm" or "auto".');
  if (!(validForS >= 30 && validForS <= 300))
    throw new InvalidOptionError("validForS is not between 30 and 300.", "leave it out for 180.");
  stroopsOf("maxAmount.usdc", maxAmount.usdc);
  stroopsOf("maxAmount.xlm", maxAmount.xlm);
  return {
    asset,
    maxAmount,
    timeoutS: Math.floor(validForS),
    maxFeeStroops: stroopsOf("maxFeeXlm", maxFeeXlm),
    inclusionFeeStroops: INCLUSION_FEE_STROOPS,
  };
}

function stroopsOf(name: string, amount = "0"): bigint {
  const stroops = parseStroops(amount);
  if (stroops !== null) return stroops;
  throw new InvalidOptionError(
    `${name} is not a plain decimal text.`,
    'pass a string such as "12.5".',
  );
}

/** A bid, not a price: the network charges 100 unless a ledger is full. */
const INCLUSION_FEE_STROOPS = 10_000n;

/** How many payments may die unsent or late in one call before it is the caller's turn again. */
const MAX_SIGNINGS = 4;

interface PayContext {
  readonly journal: PaymentJournal;
  readonly prepareOptions: PrepareOptions;
  readonly deps: PrepareDeps;
}

/**
 * The one place where money moves, in this order: look for a payment that was signed before; else sign one and keep it;
 * send those bytes until the chain says how they ended; sign another one only when it proves that they are dead.
 */
async function pay(request: PayRequest, context: PayContext): Promise<PaymentReceipt | null> {
  const { journal, deps } = context;
  const { passphrase } = deps.network;
  const kept = await latestAttempt(journal, { passphrase, orderId: request.offer.order_id });
  let { offer } = request;
  let payment = kept === null ? null : { ...kept, isNew: false };
  let attempt = kept?.attempt ?? 0;
  for (let signings = 0; ;) {
    if (payment === null) {
      if (signings++ === MAX_SIGNINGS) throw neverIncluded(offer.order_id);
      const next = await nextPayment({ ...request, offer }, ++attempt, context);
      if ("receipt" in next) return told(request, "ledger", next.receipt);
      payment = next;
    }
    const { record } = payment;
    const receipt = told(request, "signed", receiptOf(record));
    const onSent = () => told(request, "sent", receipt);
    const settled = await settle(record, payment.isNew, { ...deps, onSent });
    const ledger = ledgerOf(settled, { record, offer, isOld: payment.attempt === kept?.attempt });
    if (ledger !== null) return told(request, "ledger", { ...receipt, ledger });
    const refreshed = await request.refresh();
    if (refreshed === null) return null;
    offer = refreshed;
    payment = null;
  }
}

/** The ledger of an applied payment; null when another one may be signed. Throws what the caller must hear. */
function ledgerOf(
  settled: Settled,
  { record, offer, isOld }: { record: PaymentRecord; offer: PaymentOffer; isOld: boolean },
): number | null {
  if (settled.kind === "dead") return null;
  if (settled.kind === "applied") {
    if (record.contractId !== offer.contract_id) throw paidElsewhere(record, offer);
    return settled.ledger;
  }
  // A failure from before this call was told then; calling again means to try again.
  if (settled.kind === "failed" && isOld) return null;
  throw settled.error;
}

interface NextPayment extends KeptPayment {
  /** Signed here and now; another process may have been first. */
  readonly isNew: boolean;
}

/** Signs and keeps a payment, unless the chain shows that the order has one. */
async function nextPayment(
  request: PayRequest,
  attempt: number,
  { journal, prepareOptions, deps }: PayContext,
): Promise<NextPayment | { readonly receipt: PaymentReceipt }> {
  const { offer } = request;
  const surroundings = await survey(offer, prepareOptions, deps);
  const mayBePaid = !request.isFirst || attempt > 1;
  const found = mayBePaid ? await findPayment(offer, surroundings, deps) : null;
  if (found !== null) return { receipt: receiptOfEvent(found) };
  const signed = await signPayment(offer, surroundings, { options: prepareOptions, deps });
  // A wallet may take its time; a call that has ended meanwhile leaves nothing behind.
  request.signal.throwIfAborted();
  const record = await keepAttempt(journal, attempt, signed);
  return { attempt, record, isNew: record.hash === signed.hash };
}

function told(request: PayRequest, step: PayStep["step"], payment: PaymentReceipt): PaymentReceipt {
  request.onStep({ step, payment });
  return payment;
}

function receiptOf({ hash, asset, amount, maxTimeS }: PaymentRecord): PaymentReceipt {
  return { hash, asset, amount, ledger: null, validUntil: new Date(maxTimeS * 1000).toISOString() };
}

function receiptOfEvent({ transactionHash, ledger, leg }: PaymentFound): PaymentReceipt {
  return {
    hash: transactionHash,
    asset: leg.asset,
    amount: formatStroops(leg.amountStroops),
    ledger,
    validUntil: null,
  };
}

function paidElsewhere(record: PaymentRecord, offer: PaymentOffer): PaymentRefusedError {
  return new PaymentRefusedError("invalid_instructions", {
    message: "An order of this id was already paid, to another contract than the shop names now.",
    advice: "ask the shop's operator; nothing more was paid.",
    given: { transaction: record.hash, paid: record.contractId, named: offer.contract_id },
  });
}

function neverIncluded(orderId: string): PaymentFailedError {
  return new PaymentFailedError("not_included", {
    message: `The network did not include the payment in time, ${String(MAX_SIGNINGS)} times in a row.`,
    advice:
      "the network is congested or the RPC server does not forward; call again, perhaps with another rpcUrl.",
    hash: null,
    given: { order: orderId },
  });
}

// Process-wide on purpose: the account is shared by every caller in the process.
const turns = new Map<string, Promise<void>>();

/**
 * One payment at a time per account within this process: the network queues one Soroban transaction per account, and two that
 * are built on the same sequence number exclude each other. Across processes `settle` sorts that out.
 */
async function takeTurn(account: string, signal: AbortSignal): Promise<() => void> {
  const before = turns.get(account) ?? Promise.resolve();
  let release = () => {};
  const mine = new Promise<void>((resolve) => {
    release = resolve;
  });
  const queue = before.then(() => mine);
  turns.set(account, queue);
  void queue.then(() => {
    if (turns.get(account) === queue) turns.delete(account);
  });
  const abandoned = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    await Promise.race([before, abandoned]);
  } catch (error) {
    release();
    throw error;
  }
  return release;
}
