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
  type PaymentOption,
  type UsageView,
} from "./wire.ts";
export {
  type EsimView,
  type PlanView,
  type X402PaymentRequired,
  type X402RefundView,
  type X402Terms,
} from "./x402/wire.ts";
export type { PaymentTerms, X402Asked, X402Order } from "./x402/answers.ts";
export { AllowanceRequiredError, type ApprovalOptions } from "./x402/approval.ts";
export {
  createEsimOrder,
  listPlans,
  payEsimOrder,
  purchaseEsim,
  waitForEsim,
  type CreateEsimOrderOptions,
  type EsimOrder,
  type EsimPurchase,
  type ListPlansOptions,
  type NewEsim,
  type PayEsimOrderOptions,
  type PurchaseCardByX402Options,
  type PurchaseEsimOptions,
  type ResumedEsim,
  type WaitForEsimOptions,
  type X402CardPurchase,
} from "./x402/buy.ts";
export type { EvmAccount, EvmSigner, EvmWalletClient } from "./x402/evm.ts";
export type { TypedData } from "./x402/evm-packages.ts";
export type { DollarToken, PayLimits } from "./x402/limits.ts";
export type { OrderDetails, PlanFilter } from "./x402/orders.ts";
export type { X402Receipt } from "./x402/payer.ts";
export type { PayOptions } from "./x402/payers.ts";
export type { X402BuyOptions, X402PurchaseStep } from "./x402/purchase.ts";
export type { X402ShopOptions } from "./x402/shop.ts";
export { tonAddress } from "./x402/ton-chain.ts";
export { tonKeySigner, type TonSigner, type TonWallet } from "./x402/ton.ts";
