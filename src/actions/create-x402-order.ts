import { Refusal } from "../errors.ts";
import type { Order } from "../orders/order.ts";
import type { IdempotencyRow } from "../store/rows.ts";
import type { Reader, Tx } from "../store/tx.ts";
import { storeNewOrder } from "./create-order.ts";
import { requireWalkIn, WALK_IN_KEY_ID } from "./manage-keys.ts";

/** A name that a request gives itself; the order behind it is found by it again. */
export interface RequestName {
  readonly keyId: string;
  readonly key: string;
  /** SHA-256 of method, path and canonical body, hex. */
  readonly fingerprint: string;
}

export interface CreateX402OrderInput {
  /** Complete, in state awaiting_payment with seq 1. */
  readonly order: Order;
  /** Given by the client on purpose; null when it gave none. */
  readonly explicit: RequestName | null;
  /** Made of who the client is and what it asks for: the same within `recentMs` is taken for a repetition. */
  readonly implicit: RequestName;
  readonly recentMs: number;
}

export interface CreatedX402Order {
  /** The order that an earlier request made; null: the new one is stored, as it came. */
  readonly known: Order | null;
}

/** What is stored instead of an answer: the id alone, since the answer follows from the order. */
const STORED_STATUS = 402;

/**
 * Stores a new order, unless this very request made one before: then that one.
 *
 * Refuses `idempotency_conflict` and `spend_limit_exceeded`.
 */
export async function createX402Order(
  tx: Tx,
  input: CreateX402OrderInput,
): Promise<CreatedX402Order> {
  const { order, explicit, implicit, recentMs } = input;
  const nowMs = order.createdAtMs;
  const known =
    explicit === null
      ? await findRecent(tx, implicit, nowMs - recentMs)
      : await findNamed(tx, explicit);
  if (known !== null && !isDead(known)) return { known };
  if (order.keyId === WALK_IN_KEY_ID) await requireWalkIn(tx, nowMs);
  await storeNewOrder(tx, order);
  if (explicit !== null) await bind(tx, explicit, { orderId: order.id, nowMs });
  await bind(tx, implicit, { orderId: order.id, nowMs });
  return { known: null };
}

/**
 * The order behind a name that a client gave on purpose; null when there is none.
 *
 * Refuses `idempotency_conflict`.
 */
export async function findNamed(
  { idempotency, orders }: Pick<Reader, "idempotency" | "orders">,
  name: RequestName,
): Promise<Order | null> {
  const row = await idempotency.find(name.keyId, name.key);
  if (row === null) return null;
  if (row.fingerprint !== name.fingerprint)
    throw new Refusal(
      "idempotency_conflict",
      "This key came before with another request. Use a new key for a new order.",
    );
  return orders.byId(row.body);
}

/** The unpaid order that the same client made for the same request since then; null when there is none. */
export async function findRecent(
  { idempotency, orders }: Pick<Reader, "idempotency" | "orders">,
  name: RequestName,
  sinceMs: number,
): Promise<Order | null> {
  const row = await idempotency.find(name.keyId, name.key);
  if (row === null || row.createdAtMs < sinceMs) return null;
  const order = await orders.byId(row.body);
  return order?.state === "awaiting_payment" ? order : null;
}

/**
 * Binds the name that came with a payment to the order that it pays. Gives the order that the name stands for
 * from now on: an earlier one that is not dead stays.
 *
 * Refuses `idempotency_conflict`.
 */
export async function nameX402Order(
  tx: Tx,
  input: { readonly orderId: string; readonly name: RequestName; readonly nowMs: number },
): Promise<string> {
  const known = await findNamed(tx, input.name);
  if (known !== null && !isDead(known)) return known.id;
  await bind(tx, input.name, input);
  return input.orderId;
}

/** No money was taken and none will be: its name is free again. */
function isDead({ state }: Order): boolean {
  return state === "expired" || state === "rejected";
}

async function bind(
  { idempotency }: Pick<Tx, "idempotency">,
  { keyId, key, fingerprint }: RequestName,
  { orderId, nowMs }: { readonly orderId: string; readonly nowMs: number },
): Promise<void> {
  const row: IdempotencyRow = {
    keyId,
    key,
    fingerprint,
    status: STORED_STATUS,
    body: orderId,
    createdAtMs: nowMs,
  };
  await idempotency.remove(keyId, key);
  await idempotency.insert(row);
}
