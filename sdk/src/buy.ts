import type { Order, SandboxOrder } from "./answers.ts";
import type { CreateOrderOptions } from "./client.ts";
import type { PaymentReceipt } from "./pay/stellar.ts";
import { BadAnswerError } from "./errors.ts";
import {
  begin,
  continued,
  followToEnd,
  openPurchase,
  withRef,
  type BuyOptions,
  type PurchaseStep,
} from "./purchase.ts";
import { systemRuntime, type Runtime } from "./runtime.ts";
import { owsSigner, type OwsSignerOptions } from "./signer.ts";
import type { Card } from "./wire.ts";
import {
  purchaseCardByX402,
  type PurchaseCardByX402Options,
  type X402CardPurchase,
} from "./x402/buy.ts";

/** A new purchase, or one to be continued by its idempotency key. */
export interface NewPurchase extends Pick<
  CreateOrderOptions,
  "amountUsdc" | "webhookUrl" | "metadata" | "note"
> {
  /** Make it up before the call and keep it: then the call can be repeated after any crash. @default a fresh UUID */
  readonly idempotencyKey?: string | undefined;
  readonly orderId?: undefined;
}

/** A purchase to be continued by its order id. */
export interface ResumedPurchase {
  readonly orderId: string;
  readonly amountUsdc?: undefined;
  readonly idempotencyKey?: undefined;
}

export type PurchaseCardOptions = BuyOptions &
  (NewPurchase | ResumedPurchase) & {
    /** After `failed`, wait until the refund is made. @default true */
    readonly untilRefunded?: boolean | undefined;
  };

export type PurchaseCardOwsOptions = Omit<BuyOptions, "signer"> &
  (NewPurchase | ResumedPurchase) &
  OwsSignerOptions & {
    /** @default true */
    readonly untilRefunded?: boolean | undefined;
  };

export type PayOrderOptions = BuyOptions & { readonly orderId: string };

export interface Purchase {
  readonly orderId: string;
  readonly idempotencyKey: string | null;
  readonly card: Card;
  readonly order: Order | SandboxOrder;
  /** Null when nothing was paid in this call (sandbox; paid before without a trace in this journal). */
  readonly payment: PaymentReceipt | null;
  readonly steps: readonly PurchaseStep[];
}

/**
 * Buys a card over x402, paid from an EVM account or any other wallet of `purchaseEsim`; an API key is not needed.
 *
 * @example
 * ```ts
 * import { privateKeyToAccount } from "viem/accounts";
 * import { purchaseCard } from "vend402";
 *
 * const { card } = await purchaseCard({
 *   baseUrl: "https://shop.example",
 *   amountUsdc: "10.00",
 *   account: privateKeyToAccount(process.env.AGENT_KEY as `0x${string}`),
 *   idempotencyKey: "trip-42-taxi",
 * });
 * ```
 */
export function purchaseCard(
  options: PurchaseCardByX402Options,
  runtime?: Runtime,
): Promise<X402CardPurchase>;
/**
 * Buys a card: creates the order, pays it, waits for the card. May be killed at any point and called again with the same
 * `idempotencyKey` or `orderId`: it goes on where it was and never pays twice.
 *
 * @throws SpendLimitError, ShopUnavailableError, … before any money moves; PaymentRefusedError, PaymentFailedError,
 * PaymentUnknownError about the payment; OrderFailedError (with the refund), OrderExpiredError, OrderRejectedError,
 * WaitTimeoutError about the order. `error.purchase` says how to continue.
 * @example
 * ```ts
 * import { keypairSigner, purchaseCard } from "vend402";
 *
 * const { card } = await purchaseCard({
 *   baseUrl: "https://shop.example/v1",
 *   apiKey: process.env.VEND402_API_KEY!,
 *   amountUsdc: "10.00",
 *   signer: keypairSigner(process.env.VEND402_STELLAR_SECRET!),
 *   idempotencyKey: "trip-42-taxi",
 * });
 * ```
 */
export function purchaseCard(options: PurchaseCardOptions, runtime?: Runtime): Promise<Purchase>;
export function purchaseCard(
  options: PurchaseCardOptions | PurchaseCardByX402Options,
  runtime: Runtime = systemRuntime,
): Promise<Purchase | X402CardPurchase> {
  return options.signer === undefined
    ? purchaseCardByX402(options, runtime)
    : purchaseOnStellar(options, runtime);
}

async function purchaseOnStellar(
  options: PurchaseCardOptions,
  runtime: Runtime,
): Promise<Purchase> {
  const purchase = openPurchase(options, runtime);
  return withRef(purchase, async () => {
    const begun =
      options.orderId === undefined
        ? await begin(purchase, options)
        : continued(purchase, options.orderId);
    const order =
      begun.created?.phase === "ready"
        ? begun.created
        : await followToEnd(purchase, begun, {
            until: "card",
            untilRefunded: options.untilRefunded ?? true,
          });
    if (order?.card === undefined)
      throw new BadAnswerError("the order ended without a card", { order: begun.orderId });
    return {
      orderId: begun.orderId,
      idempotencyKey: purchase.ref.idempotencyKey,
      card: order.card,
      order,
      payment: purchase.payment,
      steps: purchase.steps,
    };
  });
}

/**
 * `purchaseCard` with a wallet of an Open Wallet Standard vault; see `owsSigner` for the address to fund.
 *
 * @example
 * ```ts
 * import { purchaseCardOWS } from "vend402";
 *
 * const { card } = await purchaseCardOWS({
 *   baseUrl: "https://shop.example/v1",
 *   apiKey: process.env.VEND402_API_KEY!,
 *   amountUsdc: "10.00",
 *   wallet: "agent",
 *   credential: process.env.VEND402_OWS_CREDENTIAL!,
 * });
 * ```
 */
export async function purchaseCardOWS(
  options: PurchaseCardOwsOptions,
  runtime: Runtime = systemRuntime,
): Promise<Purchase> {
  const { wallet, credential, vault, ...rest } = options;
  const signer = await owsSigner({ wallet, credential, vault });
  return purchaseCard({ ...rest, signer }, runtime);
}

/**
 * Pays an order that exists, or continues to, and returns as soon as the payment is in a ledger. Waits for the owner's
 * approval if the order needs it. Null: there is nothing to pay any more (paid before, without a trace in this journal).
 *
 * @throws as `purchaseCard`
 * @example
 * ```ts
 * import { createClient, keypairSigner, payOrder, waitForCard } from "vend402";
 *
 * const shop = { baseUrl: "https://shop.example/v1", apiKey: process.env.VEND402_API_KEY! };
 * const { order_id: orderId } = await createClient(shop).createOrder({ amountUsdc: "10.00" });
 * await payOrder({ ...shop, orderId, signer: keypairSigner(process.env.VEND402_STELLAR_SECRET!) });
 * const { card } = await waitForCard({ ...shop, orderId });
 * ```
 */
export async function payOrder(
  options: PayOrderOptions,
  runtime: Runtime = systemRuntime,
): Promise<PaymentReceipt | null> {
  const purchase = openPurchase(options, runtime);
  return withRef(purchase, async () => {
    await followToEnd(purchase, continued(purchase, options.orderId), {
      until: "payment",
      untilRefunded: false,
    });
    return purchase.payment;
  });
}
