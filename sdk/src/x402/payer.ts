import type { PaymentRefusedError } from "../pay/errors.ts";
import type { X402Asked } from "./answers.ts";

/** Each kind of wallet pays in its own way. */
export type PayerKind = "evm" | "ton" | "stellar";

/** One way to pay one order, with one wallet in one token. */
export interface Way {
  readonly kind: PayerKind;
  /** CAIP-2: "eip155:137". */
  readonly network: string;
  /** The token as the chain names it: a contract's address; "usdc" or "xlm" on Stellar. */
  readonly asset: string;
  /** "USDC" */
  readonly symbol: string;
  /** Decimal text: "6.21". */
  readonly amount: string;
}

/** A payment as far as it is known. */
export interface X402Receipt {
  readonly network: string;
  /** "USDC" */
  readonly asset: string;
  /** Decimal text. */
  readonly amount: string;
  /** The account that pays, and to which a refund goes. */
  readonly payer: string;
  /** What the chain lets through once: the nonce of a signed promise; on Stellar the hash of the transaction. */
  readonly id: string;
  /** The transaction; null while it is not known. */
  readonly txId: string | null;
  /** ISO 8601: it cannot be carried out later. Null when somebody else signed it. */
  readonly validUntil: string | null;
}

export interface X402PayStep {
  readonly step: "signed" | "sent";
  readonly payment: X402Receipt;
}

/** An order to be paid. */
export interface PayWay {
  readonly asked: X402Asked;
  readonly way: Way;
  /** True only when no other call can ever have paid this order: it was created in this very call. */
  readonly isFirst: boolean;
  /** The terms as the shop shows them now; null when the order no longer waits for a payment. */
  readonly refresh: () => Promise<X402Asked | null>;
  readonly onStep: (step: X402PayStep) => void;
  /** The order's access token, when the shop tells it with the payment. */
  readonly onAccessToken: (accessToken: string) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Ways {
  /** Within the limits, the best first. */
  readonly ways: readonly Way[];
  /** Why there is none; null when there is one, or when nothing for this wallet was offered. */
  readonly refusal: PaymentRefusedError | null;
}

/** A wallet that can pay orders. The port: EVM, TON and Stellar wallets are three implementations of it. */
export interface Payer {
  readonly kind: PayerKind;
  /** How this wallet can pay the order. Signs nothing. */
  ways(asked: X402Asked): Promise<Ways>;
  /**
   * Pays, or continues to pay: signs at most once for an order unless the shop says that the payment failed, keeps what
   * it signs before it sends it, and sends only that. Null: the order takes no payment any more.
   */
  pay(payment: PayWay): Promise<X402Receipt | null>;
}
