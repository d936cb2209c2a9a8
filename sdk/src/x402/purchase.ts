import { randomUUID } from "node:crypto";
import type { Shop } from "../client.ts";
import {
  ApiError,
  BadAnswerError,
  InvalidOptionError,
  Vend402Error,
  WaitTimeoutError,
  type PurchaseRef,
} from "../errors.ts";
import type { FollowOptions } from "../follow.ts";
import { fileJournal, type PaymentJournal } from "../journal.ts";
import { PaymentRefusedError, PaymentUnknownError } from "../pay/errors.ts";
import type { PurchaseStepName } from "../purchase.ts";
import { childSignal, type ChildSignal, type Runtime } from "../runtime.ts";
import type { X402Asked, X402Order } from "./answers.ts";
import { createOrderBook, findOrder, namesOf, type Found, type OrderBook } from "./orders.ts";
import type { Payer, Way, X402PayStep, X402Receipt } from "./payer.ts";
import { createPayers, type PayOptions } from "./payers.ts";
import { keepWay, keptWay } from "./promise.ts";
import { checkIdempotencyKey, openX402Shop, withAccess, type X402ShopOptions } from "./shop.ts";
import { deliveredOrThrow, isFailing, watchX402 } from "./watch.ts";
import type { X402OrderRequest } from "./wire.ts";

export interface X402PurchaseStep {
  /** In the order of `PurchaseStepName`; a resumed purchase starts somewhere in between. */
  readonly step: PurchaseStepName;
  /** Milliseconds since the call. */
  readonly atMs: number;
  readonly orderId: string;
  /** Null when the purchase is resumed by its order id. */
  readonly idempotencyKey: string | null;
  /** From `signed` on, when this wallet or this journal paid. */
  readonly payment: X402Receipt | null;
}

export interface X402BuyOptions extends X402ShopOptions, PayOptions, FollowOptions {
  /** Where signed payments are kept before they are sent. @default fileJournal() */
  readonly journal?: PaymentJournal | undefined;
  /** Reads the goods of an order that this journal does not know. */
  readonly accessToken?: string | undefined;
  readonly onStep?: ((step: X402PurchaseStep) => void) | undefined;
  /** Called with every new state of the order. */
  readonly onOrder?: ((order: X402Order) => void) | undefined;
}

/** One call that buys or pays. Internal to this package, like all that follows. */
export interface OpenBuying {
  readonly shop: Shop;
  readonly options: X402BuyOptions;
  readonly journal: PaymentJournal;
  readonly book: OrderBook;
  readonly payers: readonly Payer[];
  readonly runtime: Runtime;
  readonly startedMs: number;
  readonly steps: X402PurchaseStep[];
  ref: PurchaseRef;
  payment: X402Receipt | null;
  accessToken: string | null;
}

/** Checks every option before anything is sent. @throws InvalidOptionError */
export function openBuying(options: X402BuyOptions, runtime: Runtime): OpenBuying {
  const journal = options.journal ?? fileJournal();
  const buying = { accessToken: options.accessToken ?? null };
  const plain = openX402Shop(options, runtime);
  const shop = withAccess(plain, () => buying.accessToken);
  return Object.assign(buying, {
    shop,
    options,
    journal,
    book: createOrderBook(shop, journal),
    payers: createPayers(options, { shop, journal, runtime }),
    runtime,
    startedMs: runtime.nowMs(),
    steps: [],
    ref: { orderId: null, idempotencyKey: null, paymentHash: null },
    payment: null,
  });
}

/** Runs the purchase; an error of ours leaves with what is needed to continue it. */
export async function withBuyingRef<Value>(
  buying: OpenBuying,
  action: () => Promise<Value>,
): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Vend402Error) error.purchase = buying.ref;
    throw error;
  }
}

/** The order of a purchase. */
export interface BegunX402 {
  readonly orderId: string;
  /** As just created; null when the order is older than this call and must be asked about. */
  readonly asked: X402Asked | null;
}

export async function continuedX402(buying: OpenBuying, orderId: string): Promise<BegunX402> {
  buying.ref = { ...buying.ref, orderId };
  buying.accessToken ??= await buying.book.accessTokenOf(orderId);
  return { orderId, asked: null };
}

/** Finds the order of the idempotency key, or creates it. The key is kept before the order exists. */
export async function beginX402(
  buying: OpenBuying,
  request: X402OrderRequest,
  key: string | undefined,
): Promise<BegunX402> {
  const { book, options } = buying;
  const idempotencyKey = checkIdempotencyKey(key ?? randomUUID());
  buying.ref = { ...buying.ref, idempotencyKey };
  const known = await book.orderOf(idempotencyKey, request);
  if (known !== null) return continuedX402(buying, known);
  const found = await book.create({ idempotencyKey, request, signal: options.signal });
  const { orderId } = namesOf(found);
  await continuedX402(buying, orderId);
  // The shop repeats its first answer to a known key, so only a key of our own making says that the order is unpaid.
  return { orderId, asked: key === undefined && found.kind === "asked" ? found.asked : null };
}

export interface X402Goal {
  readonly until: "goods" | "payment";
  /** After it has failed, wait until the refund is made. */
  readonly untilRefunded: boolean;
}

/** Why the watching ends when nothing went wrong. */
const REACHED = Symbol("reached");

/**
 * Watches the order and pays it as soon as it waits for that; the two run beside each other, so whichever learns first that
 * the payment arrived, or that it failed, decides. Returns the delivered order; null when the goal was the payment.
 */
export async function followX402(
  buying: OpenBuying,
  begun: BegunX402,
  goal: X402Goal,
): Promise<X402Order | null> {
  const stop = childSignal(buying.options.signal);
  const paying = createPaying(buying, begun, { stop, isGoal: goal.until === "payment" });
  try {
    // Asking a shop for the state of an order that it has just made would only cost time.
    if (begun.asked !== null) paying.start();
    return await watchAndPay(buying, begun.orderId, { goal, paying, signal: stop.signal });
  } catch (error) {
    if (error === REACHED) return null;
    throw error instanceof WaitTimeoutError ? timedOut(buying, error) : error;
  } finally {
    stop.abort(REACHED);
    stop.release();
  }
}

async function watchAndPay(
  buying: OpenBuying,
  orderId: string,
  {
    goal,
    paying,
    signal,
  }: { readonly goal: X402Goal; readonly paying: Paying; readonly signal: AbortSignal },
): Promise<X402Order | null> {
  const { options, shop } = buying;
  for await (const order of watchX402(shop, orderId, { ...options, signal })) {
    options.onOrder?.(order);
    tellOrder(buying, order);
    if (isUnpaid(order)) paying.start();
    const isDelivered = deliveredOrThrow(order, goal.untilRefunded);
    const isPaid = goal.until === "payment" && !isUnpaid(order);
    if (!isDelivered && !isPaid) continue;
    // The answer to the payment, which may be slower than the news of it, is the only one that tells a stranger the token.
    if (isPaid || !mayReadGoods(buying)) await paying.answered();
    return isDelivered ? order : null;
  }
  throw new BadAnswerError("the order ended in an unknown way", { order: orderId });
}

function mayReadGoods({ accessToken, options }: OpenBuying): boolean {
  return accessToken !== null || options.apiKey !== undefined;
}

/** Whether it waits for a payment that nobody has made or promised yet. */
function isUnpaid({ status, payment }: X402Order): boolean {
  return status === "PENDING_PAYMENT" && payment.state === "none";
}

/** While the shop has not shown a signed payment, the honest answer is not "too slow" but "unknown". */
function timedOut({ payment, steps }: OpenBuying, error: WaitTimeoutError): Vend402Error {
  const isTaken = steps.some(({ step }) => step === "sent" || step === "processing");
  if (payment === null || isTaken || error.phase !== "PENDING_PAYMENT") return error;
  return new PaymentUnknownError(
    { hash: payment.id, validUntil: payment.validUntil, orderId: error.orderId },
    "the shop has not shown it before the deadline",
    error,
  );
}

interface Paying {
  /** Begins to pay, unless that is under way or done. */
  readonly start: () => void;
  /** Resolves when what was begun is over, however it ended, or after some seconds. */
  readonly answered: () => Promise<void>;
}

/** Shops answer a payment within seconds, with what they know by then. */
const ANSWER_LIMIT_MS = 10_000;

function createPaying(
  buying: OpenBuying,
  begun: BegunX402,
  { stop, isGoal }: { readonly stop: ChildSignal; readonly isGoal: boolean },
): Paying {
  let running: Promise<void> | null = null;
  const refresh = async () => {
    const found = await findUnpaid(buying, begun.orderId, stop.signal);
    return found?.kind === "asked" ? found.asked : null;
  };
  const run = async () => {
    const asked = begun.asked ?? (await refresh());
    if (asked === null) return;
    tell(buying, "quote");
    const { payer, way } = await chooseWay(buying, asked);
    const receipt = await payer.pay({
      asked,
      way,
      isFirst: begun.asked !== null,
      refresh,
      signal: stop.signal,
      onStep: (step) => tellPayment(buying, step),
      async onAccessToken(accessToken) {
        buying.accessToken ??= accessToken;
        await buying.book.keepAccessToken(begun.orderId, accessToken);
      },
    });
    if (receipt !== null && isGoal) stop.abort(REACHED);
  };
  return {
    start() {
      // The watching ends with the error; when it has ended before, nobody is left to be told.
      running ??= run().catch((error: unknown) => stop.abort(error));
    },
    async answered() {
      const limit = childSignal(buying.options.signal);
      // An aborted call ends a few lines further on, with its reason.
      const late = buying.runtime.sleep(ANSWER_LIMIT_MS, limit.signal).catch(() => undefined);
      await Promise.race([running, late]);
      limit.abort(null);
      limit.release();
    },
  };
}

/** The order's terms; null when the shop no longer has any, which the order itself will tell the reason of. */
async function findUnpaid(
  { shop }: OpenBuying,
  orderId: string,
  signal: AbortSignal,
): Promise<Found | null> {
  try {
    return await findOrder(shop, orderId, signal);
  } catch (error) {
    const isOver =
      error instanceof ApiError &&
      (error.code === "quote_expired" || error.code === "order_closed");
    if (isOver) return null;
    throw error;
  }
}

/**
 * The way in which the order is paid: the one that was settled before, whatever the options say now, else the best within
 * the limits, which is settled before anything is signed. An order is never begun to be paid in two ways.
 */
async function chooseWay(
  { journal, options, payers, shop }: OpenBuying,
  asked: X402Asked,
): Promise<{ readonly payer: Payer; readonly way: Way }> {
  const target = { shopUrl: shop.baseUrl, orderId: asked.orderId };
  const kept = await keptWay(journal, target);
  const way = kept ?? (await keepWay(journal, target, await bestWay(payers, asked, options)));
  const payer = payers.find(({ kind }) => kind === way.kind);
  if (payer !== undefined) return { payer, way };
  throw new PaymentRefusedError("begun_otherwise", {
    message: "This order was begun to be paid with another wallet.",
    advice: "continue it with that wallet, or buy with a new idempotency key.",
    given: { order: asked.orderId, network: way.network, asset: way.symbol },
  });
}

/** The best of the first wallet that can pay, unless the networks have an order of their own. */
async function bestWay(
  payers: readonly Payer[],
  asked: X402Asked,
  { network = [] }: PayOptions,
): Promise<Way> {
  if (payers.length === 0)
    throw new InvalidOptionError(
      "There is no wallet to pay with.",
      "pass account (a viem account), ton, or stellar.",
    );
  const found = await Promise.all(payers.map((payer) => payer.ways(asked)));
  const rank = (way: Way) => (typeof network === "string" ? 0 : network.indexOf(way.network));
  const [best] = found.flatMap(({ ways }) => ways).toSorted((a, b) => rank(a) - rank(b));
  if (best !== undefined) return best;
  throw found.find(({ refusal }) => refusal !== null)?.refusal ?? nothingOffered(asked);
}

function nothingOffered({ orderId, terms }: X402Asked): PaymentRefusedError {
  const offered = [
    ...terms.accepts.map(({ network }) => network),
    ...terms.deposits.map(({ type }) => type),
  ];
  return new PaymentRefusedError("asset_not_offered", {
    message: "The shop takes no payment from a wallet of this kind.",
    advice: "pass a wallet of a network that the shop takes payments on.",
    given: { order: orderId, offered: [...new Set(offered)].join(", ") },
  });
}

function tellPayment(buying: OpenBuying, { step, payment }: X402PayStep): void {
  buying.payment = payment;
  buying.ref = { ...buying.ref, paymentHash: payment.txId ?? payment.id };
  tell(buying, step);
}

function tellOrder(buying: OpenBuying, order: X402Order): void {
  const { status, payment } = order;
  if (status === "PENDING_PAYMENT") return tell(buying, isUnpaid(order) ? "quote" : "sent");
  if (buying.payment !== null && buying.payment.txId === null && payment.tx_id !== null)
    buying.payment = { ...buying.payment, txId: payment.tx_id };
  if (status === "PAID") tell(buying, "processing");
  if (status === "PROVISIONING") tell(buying, isFailing(order) ? "failed" : "processing");
  if (status === "DELIVERED") tell(buying, "delivered");
  if (status === "REFUNDED") tell(buying, "refunded");
  if (status === "EXPIRED") tell(buying, "expired");
}

/** Each step is told once. */
function tell(buying: OpenBuying, step: PurchaseStepName): void {
  const { steps, ref, payment, options, runtime, startedMs } = buying;
  if (steps.some((known) => known.step === step)) return;
  const atMs = Math.round(runtime.nowMs() - startedMs);
  const { orderId, idempotencyKey } = ref;
  const told = { step, atMs, orderId: orderId ?? "", idempotencyKey, payment };
  steps.push(told);
  options.onStep?.(told);
}
