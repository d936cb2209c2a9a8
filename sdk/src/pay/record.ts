import { createHash } from "node:crypto";
import type { PaymentJournal } from "../journal.ts";
import { JournalError } from "./errors.ts";

/** A signed payment, kept before it is sent. Exactly these bytes are sent, as often as needed. */
export interface PaymentRecord {
  readonly version: 1;
  readonly orderId: string;
  readonly passphrase: string;
  readonly contractId: string;
  readonly payer: string;
  readonly asset: "usdc" | "xlm";
  /** Decimal text. */
  readonly amount: string;
  /** Signed TransactionEnvelope, base64. */
  readonly envelope: string;
  /** 64 hex digits. */
  readonly hash: string;
  /** Decimal text: the account's sequence number that the transaction uses up. */
  readonly sequence: string;
  /** A ledger that closes later (Unix seconds) cannot apply it. */
  readonly maxTimeS: number;
  /** The newest ledger when it was signed: it cannot be in an older one. */
  readonly signedAtLedger: number;
}

/**
 * What a payment is for. Payer and contract are no part of it: an order is paid once, whichever wallet continues, and
 * also when its shop names another contract later.
 */
export interface PaymentTarget {
  readonly passphrase: string;
  readonly orderId: string;
}

function keyOf(target: PaymentTarget, attempt: number): string {
  const what = JSON.stringify([target.passphrase, target.orderId]);
  const digest = createHash("sha256").update(what).digest("hex").slice(0, 48);
  return `payment-${digest}-${String(attempt)}`;
}

/** Attempts are numbered from 1; a further one exists only after the one before it was proven dead. */
const MAX_ATTEMPTS = 1000;

export interface KeptPayment {
  readonly attempt: number;
  readonly record: PaymentRecord;
}

/** The newest attempt of paying this, or null. */
export async function latestAttempt(
  journal: PaymentJournal,
  target: PaymentTarget,
): Promise<KeptPayment | null> {
  let latest: KeptPayment | null = null;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const text = await journal.read(keyOf(target, attempt));
    if (text === null) break;
    latest = { attempt, record: parse(text, target) };
  }
  return latest;
}

/** Keeps the record as this attempt. The answer is what is kept: another process may have been first. */
export async function keepAttempt(
  journal: PaymentJournal,
  attempt: number,
  record: PaymentRecord,
): Promise<PaymentRecord> {
  return parse(await journal.add(keyOf(record, attempt), JSON.stringify(record)), record);
}

const TEXTS = [
  "orderId",
  "passphrase",
  "contractId",
  "payer",
  "asset",
  "amount",
  "envelope",
  "hash",
  "sequence",
] as const;

function parse(text: string, target: PaymentTarget): PaymentRecord {
  let record: Partial<PaymentRecord>;
  try {
    record = JSON.parse(text) as Partial<PaymentRecord>;
  } catch (cause) {
    throw damaged(target, cause);
  }
  const isWhole =
    record.version === 1 &&
    TEXTS.every((name) => typeof record[name] === "string") &&
    Number.isSafeInteger(record.maxTimeS) &&
    Number.isSafeInteger(record.signedAtLedger) &&
    /^\d+$/.test(record.sequence ?? "") &&
    record.orderId === target.orderId;
  if (!isWhole) throw damaged(target, null);
  return record as PaymentRecord;
}

function damaged(target: PaymentTarget, cause: unknown): JournalError {
  return new JournalError("The journal holds a payment for this order that cannot be read.", {
    advice: "look at the wallet's recent transactions before paying this order in any other way.",
    given: { order: target.orderId },
    cause,
  });
}
