import { Vend402Error, type Facts } from "../errors.ts";

/** Why we would not sign. Nothing was signed, nothing was sent. */
export type PaymentRefusalCode =
  | "invalid_instructions"
  | "wrong_network"
  | "wrong_asset"
  | "asset_not_offered"
  | "amount_over_cap"
  | "fee_over_cap"
  | "quote_expired"
  | "unexpected_authorization"
  | "account_not_found"
  | "missing_trustline"
  | "insufficient_balance"
  | "begun_otherwise";

/** The payment was not made because it is not what was agreed, or the wallet cannot make it. */
export class PaymentRefusedError extends Vend402Error {
  override readonly name: string = "PaymentRefusedError";
  declare readonly code: PaymentRefusalCode;
  constructor(code: PaymentRefusalCode, text: { message: string; advice: string; given?: Facts }) {
    super(text.message, {
      code,
      given: text.given,
      advice: text.advice,
      docs: "vend402/README.md#paying",
      retryable: code === "insufficient_balance" || code === "missing_trustline",
    });
  }
}

/**
 * The chain said no: in simulation (`hash` null), on submission, or in a ledger (sequence and fee are spent, the
 * price is not). Calling again is safe: it signs anew only if these bytes can no longer be applied.
 */
export class PaymentFailedError extends Vend402Error {
  override readonly name: string = "PaymentFailedError";
  readonly hash: string | null;
  /** "insufficient_balance", "missing_trustline", "txBAD_AUTH", "contract_error_7"… */
  readonly reason: string;
  constructor(
    reason: string,
    details: {
      message: string;
      advice: string;
      hash: string | null;
      given?: Facts;
      cause?: unknown;
    },
  ) {
    super(details.message, {
      code: "payment_failed",
      given: { reason, ...details.given, transaction: details.hash },
      advice: details.advice,
      docs: "vend402/README.md#paying",
      retryable: true,
      cause: details.cause,
    });
    this.hash = details.hash;
    this.reason = reason;
  }
}

/**
 * A payment was signed and may or may not be carried out. Nothing new is signed until that is known to be impossible. Call again with the same idempotency key or order id.
 */
export class PaymentUnknownError extends Vend402Error {
  override readonly name: string = "PaymentUnknownError";
  /** Of the transaction; of an x402 payment the nonce. */
  readonly hash: string;
  /** ISO 8601: it cannot be carried out later. */
  readonly validUntil: string | null;
  constructor(
    payment: { hash: string; validUntil: string | null; orderId: string },
    why: string,
    cause?: unknown,
  ) {
    super(`The payment's outcome is not known yet: ${why}`, {
      code: "payment_unknown",
      given: {
        order: payment.orderId,
        transaction: payment.hash,
        "valid until": payment.validUntil,
      },
      advice:
        "call again with the same idempotency key or order id; the same payment is continued, never a second one.",
      docs: "vend402/README.md#never-paying-twice",
      retryable: true,
      cause,
    });
    this.hash = payment.hash;
    this.validUntil = payment.validUntil;
  }
}

/** The Stellar RPC could not be reached or does not answer as it should. */
export class RpcError extends Vend402Error {
  override readonly name: string = "RpcError";
  constructor(method: string, why: string, cause?: unknown) {
    super(`The Stellar RPC did not answer ${method}: ${why}`, {
      code: "rpc_error",
      given: { method },
      advice:
        "call again with the same idempotency key or order id, or set network.rpcUrl to another provider.",
      docs: "vend402/README.md#networks",
      retryable: true,
      cause,
    });
  }
}

/** The place where signed payments are kept cannot be used, so nothing may be signed. */
export class JournalError extends Vend402Error {
  override readonly name: string = "JournalError";
  constructor(message: string, details: { advice: string; given?: Facts; cause?: unknown }) {
    super(message, {
      code: "journal_error",
      docs: "vend402/README.md#never-paying-twice",
      ...details,
    });
  }
}

/** The wallet did not sign, or what it returned is not a signature of its own key. */
export class WalletError extends Vend402Error {
  override readonly name: string = "WalletError";
  constructor(message: string, details: { advice: string; given?: Facts; cause?: unknown }) {
    super(message, { code: "wallet_error", docs: "vend402/README.md#wallets", ...details });
  }
}
