import { createHash } from "node:crypto";
import type { PaymentJournal } from "../journal.ts";
import { JournalError } from "../pay/errors.ts";
import type { PayerKind, Way, X402Receipt } from "./payer.ts";

/** A signed promise to pay, kept before it is sent. Exactly this header is sent, as often as needed. */
export interface PromiseRecord extends Way {
  readonly version: 1;
  readonly orderId: string;
  readonly payer: string;
  /** What the chain lets through once. */
  readonly id: string;
  readonly validUntilMs: number;
  /** `PAYMENT-SIGNATURE` */
  readonly header: string;
}

/** Which order of which shop is paid. */
export interface PromiseTarget {
  /** Base URL of the shop's x402 API. */
  readonly shopUrl: string;
  readonly orderId: string;
}

function keyOf(kind: "way" | "promise", { shopUrl, orderId }: PromiseTarget): string {
  const what = JSON.stringify([shopUrl, orderId]);
  return `x402-${kind}-${createHash("sha256").update(what).digest("hex").slice(0, 48)}`;
}

const KINDS: ReadonlySet<unknown> = new Set<PayerKind>(["evm", "ton", "stellar"]);

/** The way in which an order is paid, once one was chosen; null before. */
export async function keptWay(journal: PaymentJournal, target: PromiseTarget): Promise<Way | null> {
  const text = await journal.read(keyOf("way", target));
  return text === null ? null : parseWay(text, target);
}

/** Settles the way in which an order is paid. The answer is what is kept: another process may have been first. */
export async function keepWay(
  journal: PaymentJournal,
  target: PromiseTarget,
  way: Way,
): Promise<Way> {
  return parseWay(await journal.add(keyOf("way", target), JSON.stringify(way)), target);
}

/** Attempts are numbered from 1; a further one exists only after the shop refused the one before it. */
const MAX_ATTEMPTS = 100;

export interface KeptPromise {
  readonly attempt: number;
  readonly record: PromiseRecord;
}

/** The newest promise for this order, or null. */
export async function latestPromise(
  journal: PaymentJournal,
  target: PromiseTarget,
): Promise<KeptPromise | null> {
  let latest: KeptPromise | null = null;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const text = await journal.read(`${keyOf("promise", target)}-${String(attempt)}`);
    if (text === null) break;
    latest = { attempt, record: parseRecord(text, target) };
  }
  return latest;
}

/** Keeps the promise as this attempt. The answer is what is kept: another process may have been first. */
export async function keepPromise(
  journal: PaymentJournal,
  target: PromiseTarget,
  { attempt, record }: KeptPromise,
): Promise<PromiseRecord> {
  const key = `${keyOf("promise", target)}-${String(attempt)}`;
  return parseRecord(await journal.add(key, JSON.stringify(record)), target);
}

export function receiptOf(record: PromiseRecord, txId: string | null): X402Receipt {
  const { network, symbol, amount, payer, id, validUntilMs } = record;
  const validUntil = new Date(validUntilMs).toISOString();
  return { network, asset: symbol, amount, payer, id, txId, validUntil };
}

const WAY_TEXTS = ["network", "asset", "symbol", "amount"] as const;
const RECORD_TEXTS = ["payer", "id", "header"] as const;

function parseWay(text: string, target: PromiseTarget): Way {
  const way = fieldsOf(text, target);
  const isWhole =
    KINDS.has(way["kind"]) && WAY_TEXTS.every((name) => typeof way[name] === "string");
  if (!isWhole) throw damaged(target, null);
  return way as unknown as Way;
}

function parseRecord(text: string, target: PromiseTarget): PromiseRecord {
  const record = fieldsOf(text, target);
  const isWhole =
    record["version"] === 1 &&
    record["orderId"] === target.orderId &&
    Number.isSafeInteger(record["validUntilMs"]) &&
    [...WAY_TEXTS, ...RECORD_TEXTS].every((name) => typeof record[name] === "string");
  if (!isWhole) throw damaged(target, null);
  return record as unknown as PromiseRecord;
}

function fieldsOf(text: string, target: PromiseTarget): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw damaged(target, cause);
  }
  throw damaged(target, null);
}

function damaged(target: PromiseTarget, cause: unknown): JournalError {
  return new JournalError("The journal holds a payment for this order that cannot be read.", {
    advice: "look at the wallet's recent payments before paying this order in any other way.",
    given: { order: target.orderId },
    cause,
  });
}
