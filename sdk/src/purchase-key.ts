import { createHash } from "node:crypto";
import { isOrderId } from "./answers.ts";
import type { Shop } from "./client.ts";
import { formatStroops, parseStroops } from "./decimal.ts";
import { IdempotencyConflictError } from "./errors.ts";
import type { PaymentJournal } from "./journal.ts";
import { JournalError } from "./pay/errors.ts";

/**
 * Which order an idempotency key created. The shop remembers that for 24 hours; the journal for as long as it exists, so
 * that a purchase resumed days later finds its own order instead of creating, and paying, another one.
 */
export interface PurchaseKeys {
  /** The order's id, or null. @throws IdempotencyConflictError when the key bought another amount */
  readonly orderOf: (idempotencyKey: string, amountUsdc: string) => Promise<string | null>;
  /** Keeps the order of a key. The answer is what is kept: another process may have been first. */
  readonly keep: (idempotencyKey: string, amountUsdc: string, orderId: string) => Promise<string>;
}

export function createPurchaseKeys(shop: Shop, journal: PaymentJournal): PurchaseKeys {
  const keyOf = (idempotencyKey: string) => {
    // The same key of another API key is another purchase; only a digest of it is written down.
    const what = JSON.stringify([shop.baseUrl, shop.headers["X-Api-Key"], idempotencyKey]);
    return `purchase-${createHash("sha256").update(what).digest("hex").slice(0, 48)}`;
  };
  return {
    async orderOf(idempotencyKey, amountUsdc) {
      const text = await journal.read(keyOf(idempotencyKey));
      return text === null ? null : orderIn(text, amountUsdc);
    },
    async keep(idempotencyKey, amountUsdc, orderId) {
      const entry = JSON.stringify({ version: 1, orderId, amountUsdc: plain(amountUsdc) });
      return orderIn(await journal.add(keyOf(idempotencyKey), entry), amountUsdc);
    },
  };
}

/** "10" and "10.00" are the same amount. */
function plain(amountUsdc: string): string {
  const stroops = parseStroops(amountUsdc);
  return stroops === null ? amountUsdc : formatStroops(stroops);
}

function orderIn(text: string, amountUsdc: string): string {
  const { orderId, amountUsdc: bought } = parseEntry(text);
  if (bought === plain(amountUsdc)) return orderId;
  throw new IdempotencyConflictError({
    status: 409,
    code: "idempotency_conflict",
    message: "This idempotency key already bought another amount.",
    retryable: false,
    retryAfterS: null,
    requestId: null,
    docs: null,
    facts: { order: orderId, bought, asked: plain(amountUsdc) },
  });
}

function parseEntry(text: string): { orderId: string; amountUsdc: string } {
  try {
    const { orderId, amountUsdc } = JSON.parse(text) as Record<string, unknown>;
    if (typeof orderId === "string" && isOrderId(orderId) && typeof amountUsdc === "string")
      return { orderId, amountUsdc };
  } catch {
    // Said below, together with entries of another form.
  }
  throw new JournalError("The journal's entry for this idempotency key cannot be read.", {
    advice: "list the recent orders of the API key; continue the right one by its order id.",
  });
}
