import type { RefundView } from "./wire.ts";

/** Values shown under an error's message. Never a secret. */
export type Facts = Readonly<Record<string, string | number | boolean | null>>;

/** What an error knows about the purchase it interrupted: enough to call again without paying twice. */
export interface PurchaseRef {
  /** Null when the order may not have been created yet. */
  readonly orderId: string | null;
  /** Null when the purchase was resumed by its order id. */
  readonly idempotencyKey: string | null;
  /** Transaction of the payment; null when none was signed. */
  readonly paymentHash: string | null;
}

export interface ErrorDetails {
  readonly code: string;
  /** One sentence: what to do next. */
  readonly advice: string;
  readonly given?: Facts | undefined;
  readonly docs?: string | null | undefined;
  readonly retryable?: boolean | undefined;
  readonly retryAfterS?: number | null | undefined;
  readonly cause?: unknown;
}

/**
 * Every error this package throws on purpose (an aborted `signal` throws its own reason). Branch on `code`
 * and `retryable`, never on the text.
 */
export class Vend402Error extends Error {
  override readonly name: string = "Vend402Error";
  readonly code: string;
  readonly shortMessage: string;
  readonly given: Facts;
  readonly advice: string;
  /** Where to read more: a URL from the shop, or a section of this package's README. */
  readonly docs: string;
  /** The same call, with the same idempotency key or order id, may succeed later. */
  readonly retryable: boolean;
  /** Seconds to wait before that call, when the other side named them. */
  readonly retryAfterS: number | null;
  /** Set by the calls that buy: how to continue this very purchase. */
  purchase: PurchaseRef | null = null;

  constructor(shortMessage: string, details: ErrorDetails) {
    const given = details.given ?? {};
    const docs = details.docs ?? "vend402/README.md#errors";
    super(describe(shortMessage, { given, advice: details.advice, docs }), {
      cause: details.cause,
    });
    this.code = details.code;
    this.shortMessage = shortMessage;
    this.given = given;
    this.advice = details.advice;
    this.docs = docs;
    this.retryable = details.retryable ?? false;
    this.retryAfterS = details.retryAfterS ?? null;
  }
}

interface Description {
  readonly given: Facts;
  readonly advice: string;
  readonly docs: string;
}

function describe(shortMessage: string, { given, advice, docs }: Description): string {
  const rows = Object.entries(given).filter(([, value]) => value !== null);
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${String(value)}`);
  return [
    shortMessage,
    ...(table.length > 0 ? ["", ...table] : []),
    "",
    `Next: ${advice}`,
    `Docs: ${docs}`,
  ].join("\n");
}

/** An argument of the call cannot be used. Nothing was sent. */
export class InvalidOptionError extends Vend402Error {
  override readonly name: string = "InvalidOptionError";
  constructor(shortMessage: string, advice: string, given?: Facts) {
    super(shortMessage, { code: "invalid_option", advice, given });
  }
}

/** An optional peer dependency is needed for this call and not installed. */
export class MissingPeerError extends Vend402Error {
  override readonly name: string = "MissingPeerError";
  constructor(packageName: string, range: string, cause: unknown) {
    super(`The package ${packageName} is not installed.`, {
      code: "missing_peer",
      advice: `install it beside vend402: npm install ${packageName}@"${range}"`,
      docs: "vend402/README.md#install",
      cause,
    });
  }
}

/** No usable answer came back: connection refused, reset, or too slow. `code`: network_error, timeout. */
export class NetworkError extends Vend402Error {
  override readonly name: string = "NetworkError";
  constructor(
    shortMessage: string,
    details: { code: "network_error" | "timeout"; host: string; cause?: unknown },
  ) {
    super(shortMessage, {
      code: details.code,
      given: { host: details.host },
      advice:
        "call again with the same idempotency key or order id; that never orders or pays twice.",
      docs: "vend402/README.md#never-paying-twice",
      retryable: true,
      cause: details.cause,
    });
  }
}

/** The other side answered something that is not what its contract says. */
export class BadAnswerError extends Vend402Error {
  override readonly name: string = "BadAnswerError";
  constructor(what: string, given?: Facts, cause?: unknown) {
    super(`The answer cannot be trusted: ${what}`, {
      code: "bad_answer",
      given,
      advice:
        "check that the address is a Vend402 or Cards402 compatible API; nothing was done with this answer.",
      cause,
    });
  }
}

export interface ApiErrorDetails {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterS: number | null;
  readonly requestId: string | null;
  readonly docs: string | null;
  readonly facts: Facts;
}

/** The shop refused or failed. `code` is the shop's own (`ErrorCode`), `facts` what it said beside it. */
export class ApiError extends Vend402Error {
  override readonly name: string = "ApiError";
  readonly status: number;
  readonly requestId: string | null;
  readonly facts: Facts;

  constructor(details: ApiErrorDetails, advice?: string) {
    super(details.message, {
      code: details.code,
      given: {
        status: details.status,
        code: details.code,
        ...details.facts,
        request: details.requestId,
      },
      advice:
        advice ??
        (details.retryable
          ? "wait and call again with the same idempotency key or order id."
          : "change the request; the same one will be refused again."),
      docs: details.docs,
      retryable: details.retryable,
      retryAfterS: details.retryAfterS,
    });
    this.status = details.status;
    this.requestId = details.requestId;
    this.facts = details.facts;
  }
}

/** 401: the key is missing, unknown, expired or suspended. */
export class AuthenticationError extends ApiError {
  override readonly name: string = "AuthenticationError";
  constructor(details: ApiErrorDetails) {
    super(details, "ask the shop's operator for a working API key.");
  }
}

/** 403 `spend_limit_exceeded`: the owner's budget for this key does not allow the order. */
export class SpendLimitError extends ApiError {
  override readonly name: string = "SpendLimitError";
  readonly limit: string | null;
  readonly spent: string | null;
  constructor(details: ApiErrorDetails) {
    super(details, "buy a smaller amount, or ask the owner of the key for a higher limit.");
    this.limit = textOrNull(details.facts["limit"]);
    this.spent = textOrNull(details.facts["spent"]);
  }
}

/** 429: wait `retryAfterS`. */
export class RateLimitError extends ApiError {
  override readonly name: string = "RateLimitError";
}

/** 404 `order_not_found`: no such order, or another key's. */
export class OrderNotFoundError extends ApiError {
  override readonly name: string = "OrderNotFoundError";
  constructor(details: ApiErrorDetails) {
    super(details, "check the order id, and that the API key is the one that created the order.");
  }
}

/** 409, or found locally: the idempotency key was already used for something else. */
export class IdempotencyConflictError extends ApiError {
  override readonly name: string = "IdempotencyConflictError";
  constructor(details: ApiErrorDetails) {
    super(
      details,
      "use a new idempotency key for a new purchase, or repeat the first request exactly.",
    );
  }
}

/** 502, 503, 504: the shop cannot sell right now. Nothing was charged. */
export class ShopUnavailableError extends ApiError {
  override readonly name: string = "ShopUnavailableError";
}

function textOrNull(value: Facts[string] | undefined): string | null {
  return value === undefined || value === null ? null : String(value);
}

/** The error class for a refusal of the shop. */
export function apiError(details: ApiErrorDetails): ApiError {
  if (details.code === "spend_limit_exceeded") return new SpendLimitError(details);
  if (details.code === "idempotency_conflict") return new IdempotencyConflictError(details);
  if (details.code === "order_not_found") return new OrderNotFoundError(details);
  if (details.status === 401) return new AuthenticationError(details);
  if (details.status === 429) return new RateLimitError(details);
  if (details.status >= 502 && details.status <= 504) return new ShopUnavailableError(details);
  return new ApiError(details);
}

/** The goods could not be delivered. The money was returned (`refund`), or is on its way (`refund` null). */
export class OrderFailedError extends Vend402Error {
  override readonly name: string = "OrderFailedError";
  readonly orderId: string;
  readonly refund: Partial<RefundView> | null;
  readonly reason: string;
  constructor(orderId: string, reason: string, refund: Partial<RefundView> | null) {
    const sum =
      refund?.amount === undefined ? null : `${refund.amount} ${refund.asset ?? ""}`.trim();
    super(
      refund === null
        ? "The order failed; its refund is under way."
        : "The order failed and was refunded.",
      {
        code: "order_failed",
        given: {
          order: orderId,
          reason,
          refunded: sum,
          "refund tx": refund?.stellar_txid ?? refund?.tx_id ?? null,
        },
        advice:
          refund === null
            ? "wait for this order id again to see the refund; buy again with a new idempotency key."
            : "buy again with a new idempotency key.",
      },
    );
    this.orderId = orderId;
    this.reason = reason;
    this.refund = refund;
  }
}

/** The payment window closed before a payment arrived. A payment that still lands is returned to its payer. */
export class OrderExpiredError extends Vend402Error {
  override readonly name: string = "OrderExpiredError";
  readonly orderId: string;
  constructor(orderId: string, note: string | null) {
    super("The order expired before it was paid.", {
      code: "order_expired",
      given: { order: orderId, note },
      advice: "buy again with a new idempotency key.",
    });
    this.orderId = orderId;
  }
}

/** The owner of the key said no, or did not answer in time. No money moved. */
export class OrderRejectedError extends Vend402Error {
  override readonly name: string = "OrderRejectedError";
  readonly orderId: string;
  readonly reason: string;
  constructor(orderId: string, reason: string) {
    super("The order was rejected.", {
      code: "order_rejected",
      given: { order: orderId, reason },
      advice: "ask the owner of the API key, then buy with a new idempotency key.",
    });
    this.orderId = orderId;
    this.reason = reason;
  }
}

/** The order was still unfinished when `deadlineMs` ended. It goes on without us; waiting can be resumed. */
export class WaitTimeoutError extends Vend402Error {
  override readonly name: string = "WaitTimeoutError";
  readonly orderId: string;
  /** The last phase seen; null when the shop never answered. */
  readonly phase: string | null;
  constructor(orderId: string, phase: string | null, waitedMs: number) {
    super(`The order was not finished after ${(waitedMs / 1000).toFixed(0)} s.`, {
      code: "wait_timeout",
      given: { order: orderId, "last phase": phase },
      advice: `go on with { orderId: "${orderId}" }: waitForCard or purchaseCard, waitForEsim or purchaseEsim.`,
      docs: "vend402/README.md#never-paying-twice",
      retryable: true,
    });
    this.orderId = orderId;
    this.phase = phase;
  }
}
