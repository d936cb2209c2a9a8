/**
 * Vend402: an agent buys goods with one call and pays on chain.
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
 * @packageDocumentation
 */
export type {
  CreatedOrder,
  HeldOrder,
  Order,
  PayableOrder,
  PaymentOffer,
  SandboxOrder,
} from "./answers.ts";
export {
  payOrder,
  purchaseCard,
  purchaseCardOWS,
  type NewPurchase,
  type PayOrderOptions,
  type Purchase,
  type PurchaseCardOptions,
  type PurchaseCardOwsOptions,
  type ResumedPurchase,
} from "./buy.ts";
export {
  createClient,
  type Client,
  type CreateOrderOptions,
  type ListOrdersOptions,
  type ShopOptions,
} from "./client.ts";
export {
  ApiError,
  AuthenticationError,
  BadAnswerError,
  IdempotencyConflictError,
  InvalidOptionError,
  MissingPeerError,
  NetworkError,
  OrderExpiredError,
  OrderFailedError,
  OrderNotFoundError,
  OrderRejectedError,
  RateLimitError,
  ShopUnavailableError,
  SpendLimitError,
  Vend402Error,
  WaitTimeoutError,
  type Facts,
  type PurchaseRef,
} from "./errors.ts";
export {
  defaultJournalFolder,
  fileJournal,
  memoryJournal,
  type PaymentJournal,
} from "./journal.ts";
export {
  JournalError,
  PaymentFailedError,
  PaymentRefusedError,
  PaymentUnknownError,
  RpcError,
  WalletError,
  type PaymentRefusalCode,
} from "./pay/errors.ts";
export { STELLAR_NETWORKS, type NetworkOption, type StellarNetwork } from "./pay/network.ts";
export type { PaymentReceipt, StellarPayOptions } from "./pay/stellar.ts";
export type { MaxAmount } from "./pay/terms.ts";
export type { BuyOptions, PurchaseStep, PurchaseStepName } from "./purchase.ts";
export { keypairSigner, owsSigner, type OwsSignerOptions, type Signer } from "./signer.ts";
export {
  waitForCard,
  watchOrder,
  type DeliveredOrder,
  type WaitForCardOptions,
  type WatchOrderOptions,
} from "./stream.ts";
export { VERSION } from "./version.ts";
export {
  FINAL_PHASES,
  type Budget,
  type Card,
  type ErrorCode,
  type OrderListItem,
  type OrderPhase,
  type OrderStatus,
  type RefundView,
  type UsageView,
} from "./wire.ts";
