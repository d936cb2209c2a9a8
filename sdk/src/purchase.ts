import { randomUUID } from "node:crypto";
import type { CreatedOrder, Order, PaymentOffer } from "./answers.ts";
import {
  checkAmount,
  clientOf,
  openShop,
  type Client,
  type CreateOrderOptions,
  type Shop,
  type ShopOptions,
} from "./client.ts";
import { BadAnswerError, Vend402Error, WaitTimeoutError, type PurchaseRef } from "./errors.ts";
import { fileJournal, type PaymentJournal } from "./journal.ts";
import { PaymentUnknownError } from "./pay/errors.ts";
import {
  createStellarPayer,
  type PaymentReceipt,
  type StellarPayer,
  type StellarPayOptions,
} from "./pay/stellar.ts";
import { createPurchaseKeys } from "./purchase-key.ts";
import { childSignal, type ChildSignal, type Runtime } from "./runtime.ts";
import {
  deliveredOrThrow,
  watchOrder,
  type DeliveredOrder,
  type WaitForCardOptions,
} from "./stream.ts";

/** What happened, in this order; a resumed purchase starts somewhere in between. */
export type PurchaseStepName =
  | "quote" // The shop has named the price.
  | "approval" // The owner of the API key is asked first.
  | "signed" // The payment is signed and kept, so a crash from here on is harmless too.
  | "sent" // The network has taken the payment.
  | "ledger" // The payment is in a ledger.
  | "processing" // The shop has seen it and gets the card.
  | "failed" // No card; the refund is under way.
  | "refunded"
  | "delivered"
  | "expired"
  | "rejected";

export interface PurchaseStep {
  readonly step: PurchaseStepName;
  /** Milliseconds since the call. */
  readonly atMs: number;
  readonly orderId: string;
  /** Null when the purchase is resumed by its order id. */
  readonly idempotencyKey: string | null;
  /** From `signed` on, when this wallet or this journal paid. */
  readonly payment: PaymentReceipt | null;
}

export interface BuyOptions extends ShopOptions, StellarPayOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: PurchaseStep) => void) | undefined;
  readonly onPhase?: WaitForCardOptions["onPhase"];
  /** Longest wait for the end, from the moment the order exists. @default 900_000 (15 min) */
  readonly deadlineMs?: number | undefined;
  readonly stallMs?: number | undefined;
  readonly pollMs?: number | undefined;
}

/** One call of `purchaseCard` or `payOrder`. Internal to this package, like all that follows. */
export interface OpenPurchase {
  readonly shop: Shop;
  readonly client: Client;
  readonly options: BuyOptions;
  readonly journal: PaymentJournal;
  readonly pay: StellarPayer;
  readonly runtime: Runtime;
  readonly startedMs: number;
  readonly steps: PurchaseStep[];
  ref: PurchaseRef;
  payment: PaymentReceipt | null;
}

/** Checks every option before anything is sent. @throws InvalidOptionError */
export function openPurchase(
  options: BuyOptions & { readonly amountUsdc?: string | undefined },
  runtime: Runtime,
): OpenPurchase {
  const shop = openShop(options, runtime);
  if (options.amountUsdc !== undefined) checkAmount(options.amountUsdc);
  const journal = options.journal ?? fileJournal();
  const maxAmount = { usdc: options.amountUsdc, ...options.maxAmount };
  return {
    shop,
    client: clientOf(shop),
    options,
    journal,
    pay: createStellarPayer({ ...options, journal, maxAmount }, runtime, options.fetch),
    runtime,
    startedMs: runtime.nowMs(),
    steps: [],
    ref: { orderId: null, idempotencyKey: null, paymentHash: null },
    payment: null,
  };
}

/** Runs the purchase; an error of ours leaves with what is needed to continue it. */
export async function withRef<Value>(
  purchase: OpenPurchase,
  action: () => Promise<Value>,
): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Vend402Error) error.purchase = purchase.ref;
    throw error;
  }
}

/** The order of a purchase. */
export interface Begun {
  readonly orderId: string;
  /** As just created; null when the order is older than this call and must be asked about. */
  readonly created: CreatedOrder | null;
  /** No other call can have paid it. */
  readonly isFirst: boolean;
}

export function continued(purchase: OpenPurchase, orderId: string): Begun {
  purchase.ref = { ...purchase.ref, orderId };
  return { orderId, created: null, isFirst: false };
}

/** Finds the order of the idempotency key, or creates it. The pair is kept before the order can be paid. */
export async function begin(purchase: OpenPurchase, request: CreateOrderOptions): Promise<Begun> {
  const { client, options, shop, journal } = purchase;
  const { amountUsdc, webhookUrl, metadata, note } = request;
  const idempotencyKey = request.idempotencyKey ?? randomUUID();
  purchase.ref = { ...purchase.ref, idempotencyKey };
  const keys = createPurchaseKeys(shop, journal);
  const known = await keys.orderOf(idempotencyKey, amountUsdc);
  if (known !== null) return continued(purchase, known);
  const created = await client.createOrder({
    amountUsdc,
    webhookUrl,
    metadata,
    note,
    idempotencyKey,
    signal: options.signal,
  });
  const orderId = await keys.keep(idempotencyKey, amountUsdc, created.order_id);
  purchase.ref = { ...purchase.ref, orderId };
  const isFirst = request.idempotencyKey === undefined;
  // The shop repeats its first answer to a known key, so only a key of our own making says that the order is unpaid.
  return { orderId, created: isFirst || created.phase === "ready" ? created : null, isFirst };
}

interface Goal {
  readonly until: "card" | "payment";
  /** After `failed`, wait until the refund is made. */
  readonly untilRefunded: boolean;
}

/** Why the watching ends when nothing went wrong. */
const REACHED = Symbol("reached");

/**
 * Watches the order and pays it as soon as it waits for that; the two run beside each other, so whichever learns first that
 * the payment arrived, or that it failed, decides. Returns the delivered order; null when the goal was the payment.
 */
export async function followToEnd(
  purchase: OpenPurchase,
  begun: Begun,
  goal: Goal,
): Promise<DeliveredOrder | null> {
  const stop = childSignal(purchase.options.signal);
  const paying = createPaying(purchase, { begun, stop, isGoal: goal.until === "payment" });
  if (begun.created !== null) {
    tellPhase(purchase, begun.created.phase);
    paying.start(begun.created);
  }
  let phase = "";
  try {
    for await (const order of watch(purchase, begun.orderId, stop.signal)) {
      if (order.phase !== phase) purchase.options.onPhase?.(order.phase, order);
      ({ phase } = order);
      tellPhase(purchase, phase);
      paying.start(order);
      const delivered = deliveredOrThrow(order, goal.untilRefunded);
      if (delivered !== null) return delivered;
      if (goal.until === "payment" && phase === "processing") return null;
    }
    throw new BadAnswerError("the order ended in an unknown way", { order: begun.orderId, phase });
  } catch (error) {
    if (error === REACHED) return null;
    throw error instanceof WaitTimeoutError ? timedOut(purchase, error) : error;
  } finally {
    stop.abort(REACHED);
    stop.release();
  }
}

function watch(
  { options, runtime }: OpenPurchase,
  orderId: string,
  signal: AbortSignal,
): AsyncGenerator<Order> {
  return watchOrder({ ...options, orderId, signal }, runtime);
}

/** What to pay now; an offer without an end of its own ends with the order. Null: nothing. */
function offerOf({
  phase,
  payment,
  expires_at: expiresAt,
}: Pick<Order, "phase" | "payment" | "expires_at">): PaymentOffer | null {
  if (phase !== "awaiting_payment" || payment === undefined) return null;
  return expiresAt === undefined ? payment : { expires_at: expiresAt, ...payment };
}

/** While the shop has not seen a signed payment, the honest answer is not "too slow" but "unknown". */
function timedOut({ payment }: OpenPurchase, error: WaitTimeoutError): Vend402Error {
  if (payment === null || payment.ledger !== null || error.phase !== "awaiting_payment")
    return error;
  return new PaymentUnknownError(
    { ...payment, orderId: error.orderId },
    "neither the chain nor the shop has shown it before the deadline",
    error,
  );
}

interface Paying {
  /** Begins to pay, if the order waits for that and it is not under way or done. */
  readonly start: (order: Pick<Order, "phase" | "payment" | "expires_at">) => void;
}

function createPaying(
  purchase: OpenPurchase,
  {
    begun,
    stop,
    isGoal,
  }: { readonly begun: Begun; readonly stop: ChildSignal; readonly isGoal: boolean },
): Paying {
  let isStarted = false;
  const refresh = async () =>
    offerOf(await purchase.client.getOrder(begun.orderId, { signal: stop.signal }));
  const run = async (offer: PaymentOffer) => {
    const receipt = await purchase.pay({
      offer,
      isFirst: begun.isFirst,
      refresh,
      signal: stop.signal,
      onStep({ step, payment }) {
        purchase.payment = payment;
        purchase.ref = { ...purchase.ref, paymentHash: payment.hash };
        tell(purchase, step);
      },
    });
    if (receipt !== null && isGoal) stop.abort(REACHED);
  };
  return {
    start(order) {
      const offer = offerOf(order);
      if (isStarted || offer === null) return;
      isStarted = true;
      // The watching ends with the error; when it has ended before, nobody is left to be told.
      void run(offer).catch((error: unknown) => stop.abort(error));
    },
  };
}

const STEP_OF_PHASE: Readonly<Record<string, PurchaseStepName>> = {
  awaiting_approval: "approval",
  awaiting_payment: "quote",
  processing: "processing",
  ready: "delivered",
  failed: "failed",
  refunded: "refunded",
  rejected: "rejected",
  expired: "expired",
};

function tellPhase(purchase: OpenPurchase, phase: string): void {
  const step = STEP_OF_PHASE[phase];
  if (step !== undefined) tell(purchase, step);
}

/** Each step is told once, except that a second payment (only ever after a dead one) is told again. */
function tell(purchase: OpenPurchase, step: PurchaseStepName): void {
  const { steps, ref, payment, options, runtime, startedMs } = purchase;
  const hash = payment?.hash ?? null;
  const isPayStep = step === "signed" || step === "sent" || step === "ledger";
  if (steps.some((known) => known.step === step && (!isPayStep || known.payment?.hash === hash)))
    return;
  const atMs = Math.round(runtime.nowMs() - startedMs);
  const told = {
    step,
    atMs,
    orderId: ref.orderId ?? "",
    idempotencyKey: ref.idempotencyKey,
    payment,
  };
  steps.push(told);
  options.onStep?.(told);
}
