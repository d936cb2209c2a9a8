import { BadAnswerError, Vend402Error } from "../errors.ts";
import type { FollowOptions } from "../follow.ts";
import { fileJournal, type PaymentJournal } from "../journal.ts";
import { systemRuntime, type Runtime } from "../runtime.ts";
import type { Card } from "../wire.ts";
import type { EsimView, PlanView } from "./wire.ts";
import type { X402Asked, X402Order } from "./answers.ts";
import {
  createOrderBook,
  fetchPlans,
  namesOf,
  requestOf,
  type OrderDetails,
  type PlanFilter,
  type Wanted,
} from "./orders.ts";
import type { X402Receipt } from "./payer.ts";
import {
  beginX402,
  continuedX402,
  followX402,
  openBuying,
  withBuyingRef,
  type X402BuyOptions,
  type X402PurchaseStep,
} from "./purchase.ts";
import { checkIdempotencyKey, openX402Shop, withAccess, type X402ShopOptions } from "./shop.ts";
import { deliveredOrThrow, goodsOf, watchX402, type Goods } from "./watch.ts";

/** A new purchase, or one to be continued by its idempotency key. */
export interface NewEsim extends OrderDetails {
  /** `plan_id` of one of `listPlans()`. */
  readonly planId: string;
  /** Make it up before the call and keep it: then the call can be repeated after any crash. @default a fresh UUID */
  readonly idempotencyKey?: string | undefined;
  readonly orderId?: undefined;
}

/** A purchase to be continued by its order id. */
export interface ResumedEsim {
  readonly orderId: string;
  readonly planId?: undefined;
  readonly idempotencyKey?: undefined;
}

interface Ending {
  /** When the goods cannot be delivered, wait until the refund is made. @default true */
  readonly untilRefunded?: boolean | undefined;
}

export type PurchaseEsimOptions = X402BuyOptions & Ending & (NewEsim | ResumedEsim);

interface X402Purchase {
  readonly orderId: string;
  readonly idempotencyKey: string | null;
  readonly order: X402Order;
  /** Null when nothing was paid in this call. */
  readonly payment: X402Receipt | null;
  readonly steps: readonly X402PurchaseStep[];
}

export interface EsimPurchase extends X402Purchase {
  readonly esim: EsimView;
}

export interface X402CardPurchase extends X402Purchase {
  readonly card: Card;
}

/**
 * Buys a travel eSIM: creates the order, pays it, waits for the activation code. May be killed at any point and called again
 * with the same `idempotencyKey` or `orderId`: it goes on where it was and never pays twice.
 *
 * @throws ShopUnavailableError, ApiError "plan_unknown", … before any money moves; PaymentRefusedError,
 * AllowanceRequiredError, PaymentFailedError, PaymentUnknownError about the payment; OrderFailedError (with the refund),
 * OrderExpiredError, WaitTimeoutError about the order. `error.purchase` says how to continue.
 * @example
 * ```ts
 * import { privateKeyToAccount } from "viem/accounts";
 * import { listPlans, purchaseEsim } from "vend402";
 *
 * const shop = { baseUrl: "https://shop.example" };
 * const [plan] = await listPlans({ ...shop, country: "JP" });
 * const { esim } = await purchaseEsim({
 *   ...shop,
 *   planId: plan!.plan_id,
 *   account: privateKeyToAccount(process.env.AGENT_KEY as `0x${string}`),
 *   maxUsd: "10.00",
 *   idempotencyKey: "trip-42-tokyo",
 * });
 * console.log(esim.activation_code);
 * ```
 */
export async function purchaseEsim(
  options: PurchaseEsimOptions,
  runtime: Runtime = systemRuntime,
): Promise<EsimPurchase> {
  const wanted = options.orderId === undefined ? { planId: options.planId } : null;
  const { esim, ...bought } = await purchase(options, wanted, runtime);
  if (esim === undefined) throw otherGoods(bought.orderId, "an eSIM");
  return { ...bought, esim };
}

/** A card that is paid by x402: the options of `purchaseEsim`, with `amountUsdc` in place of the plan. */
export type PurchaseCardByX402Options = Omit<X402BuyOptions, "maxUsd"> &
  Ending & {
    /** The most that the card may cost. @default the amount that is ordered */
    readonly maxUsd?: string | undefined;
    readonly signer?: undefined;
  } & (
    | (Omit<NewEsim, "planId"> & { readonly amountUsdc: string })
    | (Omit<ResumedEsim, "planId"> & { readonly amountUsdc?: undefined; readonly maxUsd: string })
  );

/** `purchaseCard` over x402. Internal to this package. */
export async function purchaseCardByX402(
  options: PurchaseCardByX402Options,
  runtime: Runtime,
): Promise<X402CardPurchase> {
  const { amountUsdc } = options;
  const wanted = amountUsdc === undefined ? null : { amountUsdc };
  const maxUsd = options.maxUsd ?? amountUsdc ?? "";
  const { card, ...bought } = await purchase({ ...options, maxUsd }, wanted, runtime);
  if (card === undefined) throw otherGoods(bought.orderId, "a card");
  return { ...bought, card };
}

function otherGoods(orderId: string, wanted: string): BadAnswerError {
  return new BadAnswerError(`the order's goods are not ${wanted}`, { order: orderId });
}

type BuyingOptions = X402BuyOptions &
  Ending &
  OrderDetails & {
    readonly orderId?: string | undefined;
    readonly idempotencyKey?: string | undefined;
  };

async function purchase(
  options: BuyingOptions,
  wanted: Wanted | null,
  runtime: Runtime,
): Promise<X402Purchase & Goods> {
  const buying = openBuying(options, runtime);
  return withBuyingRef(buying, async () => {
    const begun =
      wanted === null
        ? await continuedX402(buying, options.orderId ?? "")
        : await beginX402(buying, requestOf(wanted, options), options.idempotencyKey);
    const order = await followX402(buying, begun, {
      until: "goods",
      untilRefunded: options.untilRefunded ?? true,
    });
    if (order === null) throw otherGoods(begun.orderId, "there");
    return {
      orderId: begun.orderId,
      idempotencyKey: buying.ref.idempotencyKey,
      ...(await goodsOf(buying.shop, order, options.signal)),
      order,
      payment: buying.payment,
      steps: buying.steps,
    };
  });
}

export type PayEsimOrderOptions = X402BuyOptions & { readonly orderId: string };

/**
 * Pays an order that exists, or continues to, and returns as soon as the shop has taken the payment. Null: there is nothing to
 * pay any more (paid before, without a trace in this journal).
 *
 * @throws as `purchaseEsim`
 */
export async function payEsimOrder(
  options: PayEsimOrderOptions,
  runtime: Runtime = systemRuntime,
): Promise<X402Receipt | null> {
  const buying = openBuying(options, runtime);
  return withBuyingRef(buying, async () => {
    const begun = await continuedX402(buying, options.orderId);
    await followX402(buying, begun, { until: "payment", untilRefunded: false });
    return buying.payment;
  });
}

export interface CreateEsimOrderOptions extends X402ShopOptions, OrderDetails {
  readonly planId: string;
  /** @default a fresh UUID */
  readonly idempotencyKey?: string | undefined;
  /** Keeps the order's access token and the key. @default fileJournal() */
  readonly journal?: PaymentJournal | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EsimOrder {
  readonly orderId: string;
  readonly idempotencyKey: string;
  /** Reads the goods; null when an API key ordered and does that. */
  readonly accessToken: string | null;
  /** Every way to pay; null when the order is paid or over. */
  readonly asked: X402Asked | null;
}

/**
 * Creates an order, or finds the one of the key, and pays nothing. `asked.terms` has every way to pay: `accepts` for x402,
 * `deposits` for plain transfers (an address and an amount) and for Stellar's contract.
 */
export async function createEsimOrder(
  options: CreateEsimOrderOptions,
  runtime: Runtime = systemRuntime,
): Promise<EsimOrder> {
  const { planId, signal } = options;
  const request = requestOf({ planId }, options);
  const shop = openX402Shop(options, runtime);
  const book = createOrderBook(shop, options.journal ?? fileJournal());
  const idempotencyKey = checkIdempotencyKey(options.idempotencyKey);
  const found = await book.create({ idempotencyKey, request, signal }).catch((error: unknown) => {
    // Only with its key can the caller find out whether the order exists.
    if (error instanceof Vend402Error)
      error.purchase = { orderId: null, idempotencyKey, paymentHash: null };
    throw error;
  });
  const { orderId, accessToken } = namesOf(found);
  return {
    orderId,
    idempotencyKey,
    accessToken: accessToken ?? (await book.accessTokenOf(orderId)),
    asked: found.kind === "asked" ? found.asked : null,
  };
}

export interface WaitForEsimOptions extends X402ShopOptions, FollowOptions, Ending {
  readonly orderId: string;
  /** Reads the goods. @default what the journal knows */
  readonly accessToken?: string | undefined;
  /** @default fileJournal() */
  readonly journal?: PaymentJournal | undefined;
  readonly onOrder?: ((order: X402Order) => void) | undefined;
}

/**
 * The eSIM as soon as it is there. Follows the event stream, or polls. Safe to call again at any time.
 *
 * @throws OrderFailedError with the refund, OrderExpiredError, WaitTimeoutError after `deadlineMs` (resumable)
 */
export async function waitForEsim(
  options: WaitForEsimOptions,
  runtime: Runtime = systemRuntime,
): Promise<EsimView> {
  const { orderId, signal } = options;
  const plain = openX402Shop(options, runtime);
  const book = createOrderBook(plain, options.journal ?? fileJournal());
  const accessToken = options.accessToken ?? (await book.accessTokenOf(orderId));
  const shop = withAccess(plain, () => accessToken);
  for await (const order of watchX402(shop, orderId, options)) {
    options.onOrder?.(order);
    if (!deliveredOrThrow(order, options.untilRefunded ?? true)) continue;
    const { esim } = await goodsOf(shop, order, signal);
    if (esim === undefined) throw otherGoods(orderId, "an eSIM");
    return esim;
  }
  throw new BadAnswerError("the order ended in an unknown way", { order: orderId });
}

export interface ListPlansOptions extends X402ShopOptions, PlanFilter {
  readonly signal?: AbortSignal | undefined;
}

/** The travel eSIMs on sale, cheapest first. */
export async function listPlans(
  options: ListPlansOptions,
  runtime: Runtime = systemRuntime,
): Promise<readonly PlanView[]> {
  return fetchPlans(openX402Shop(options, runtime), options, options.signal);
}
