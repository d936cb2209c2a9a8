import type { CreateOrderResponse } from "#wire";
import { assert, Refusal } from "../errors.ts";
import type { Order } from "../orders/order.ts";
import { paymentOptions, sorobanPayment, usdText, viewBudget, wordsOf } from "../orders/view.ts";
import type { ApiKeyRow } from "../store/rows.ts";
import type { Reader, Tx } from "../store/tx.ts";

export interface CreateOrderInput {
  /** Complete, in state awaiting_payment with seq 1. */
  readonly order: Order;
  /** Null when the caller sent no Idempotency-Key. `fingerprint`: SHA-256 of the canonical body, hex. */
  readonly idempotency: { readonly key: string; readonly fingerprint: string } | null;
}

/** The answer to send, status and body verbatim; a replay gives the stored one. */
export interface CreateOrderResult {
  readonly status: number;
  readonly body: string;
  readonly isReplay: boolean;
}

const CREATED = 201;

/**
 * Stores a new order with its first event, its expiry job and the answer for replays.
 *
 * Refuses `idempotency_conflict` (the key was used with another body) and `spend_limit_exceeded`.
 */
export async function createOrder(tx: Tx, input: CreateOrderInput): Promise<CreateOrderResult> {
  const { order, idempotency } = input;
  const replay = await findReplay(tx, { keyId: order.keyId, idempotency });
  if (replay !== null) return replay;
  const key = await storeNewOrder(tx, order);
  const body = JSON.stringify(answerOf(order, key));
  if (idempotency !== null)
    await tx.idempotency.insert({
      keyId: order.keyId,
      ...idempotency,
      status: CREATED,
      body,
      createdAtMs: order.createdAtMs,
    });
  return { status: CREATED, body, isReplay: false };
}

/**
 * Stores a new order with its first event and its expiry job, and reserves its price. Gives the key as it is then.
 *
 * Refuses `spend_limit_exceeded`.
 */
export async function storeNewOrder(tx: Tx, order: Order): Promise<ApiKeyRow> {
  const key = await tx.keys.byId(order.keyId);
  assert(key !== null, "a verified key is gone");
  const inFlightUsdMicro = reserve(key, order.priceUsdMicro);
  await tx.keys.setBudget(key.id, key.spentUsdMicro, inFlightUsdMicro);
  await tx.orders.insert(order);
  await tx.events.insert({
    orderId: order.id,
    seq: order.seq,
    event: "created",
    state: order.state,
    facts: {},
    atMs: order.createdAtMs,
  });
  await tx.jobs.insert("expire", order.id, order.windowClosesAtMs);
  return { ...key, inFlightUsdMicro };
}

/** The stored answer of an earlier request with this key and body, or null when there was none. */
export async function findReplay(
  { idempotency }: Pick<Reader, "idempotency">,
  input: { readonly keyId: string; readonly idempotency: CreateOrderInput["idempotency"] },
): Promise<CreateOrderResult | null> {
  if (input.idempotency === null) return null;
  const seen = await idempotency.find(input.keyId, input.idempotency.key);
  if (seen === null) return null;
  if (seen.fingerprint !== input.idempotency.fingerprint)
    throw new Refusal(
      "idempotency_conflict",
      "This Idempotency-Key came before with another body. Use a new key for a new order.",
    );
  return { status: seen.status, body: seen.body, isReplay: true };
}

function reserve(key: ApiKeyRow, priceUsdMicro: bigint): bigint {
  const committed = key.spentUsdMicro + key.inFlightUsdMicro;
  if (key.limitUsdMicro !== null && committed + priceUsdMicro > key.limitUsdMicro)
    throw new Refusal(
      "spend_limit_exceeded",
      `This order of ${usdText(priceUsdMicro)} USD would pass the key's limit.`,
      { limit: usdText(key.limitUsdMicro), spent: usdText(committed) },
    );
  return key.inFlightUsdMicro + priceUsdMicro;
}

function answerOf(order: Order, key: ApiKeyRow): CreateOrderResponse {
  const [status, phase] = wordsOf(order);
  const payment = sorobanPayment(order);
  assert(payment !== null, "an order of the cards API that cannot be paid on Stellar");
  return {
    order_id: order.id,
    status,
    phase,
    amount_usdc: usdText(order.priceUsdMicro),
    payment,
    payment_options: paymentOptions(order),
    poll_url: `/v1/orders/${order.id}`,
    expires_at: new Date(order.windowClosesAtMs).toISOString(),
    budget: viewBudget(key),
  };
}
