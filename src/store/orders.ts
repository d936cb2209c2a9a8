import type { OrderState } from "../orders/lifecycle.ts";
import type { Order, Payment } from "../orders/order.ts";
import { fromJson, ifGiven, jsonOrNull } from "./columns.ts";
import { assignments, insertInto, marks, type Sql, type SqlReader, type SqlValue } from "./sql.ts";
import type { OrderChanges, OrderFilter, Reader, Tx } from "./tx.ts";

type JsonMember = "request" | "quote" | "instructions" | "payment" | "metadata";

interface Columns extends Omit<Order, JsonMember | "priceUsdMicro"> {
  readonly request: string;
  readonly priceUsdMicro: string;
  readonly quote: string;
  readonly instructions: string;
  readonly payment: string | null;
  readonly metadata: string | null;
}

/** A payment as JSON: amounts are text. */
interface StoredPayment extends Omit<Payment, "atomic" | "priceAtomic"> {
  readonly atomic: string;
  readonly priceAtomic: string;
}

const SELECT = `SELECT id, key_id AS "keyId", product, request, state, seq,
  price_usd_micro AS "priceUsdMicro", quote, instructions,
  window_closes_at_ms AS "windowClosesAtMs", fulfil_within_ms AS "fulfilWithinMs",
  deadline_at_ms AS "deadlineAtMs", payment, stage, error, metadata, webhook_url AS "webhookUrl",
  created_at_ms AS "createdAtMs", updated_at_ms AS "updatedAtMs" FROM orders`;
const BY_ID = `${SELECT} WHERE id = ?`;
const NEWEST_FIRST = "ORDER BY created_at_ms DESC, id DESC LIMIT ? OFFSET ?";
const INSERT = insertInto("orders", [
  "id",
  "key_id",
  "product",
  "request",
  "state",
  "seq",
  "price_usd_micro",
  "quote",
  "instructions",
  "window_closes_at_ms",
  "fulfil_within_ms",
  "deadline_at_ms",
  "payment",
  "stage",
  "error",
  "metadata",
  "webhook_url",
  "created_at_ms",
  "updated_at_ms",
]);

const COUNT_BY_STATE = "SELECT state, SUM(count) AS count FROM order_counts GROUP BY state";
const COUNT_OF_KEY = "SELECT state, count FROM order_counts WHERE key_id = ?";
/** Through the keys, because the only index by time is the one within a key. */
const COUNT_CREATED_SINCE = `SELECT state, COUNT(*) AS count FROM orders
  WHERE key_id IN (SELECT id FROM keys) AND created_at_ms >= ? GROUP BY state`;
const COUNT_IN = `INSERT INTO order_counts (key_id, state, count)
  SELECT key_id, state, 1 FROM orders WHERE id = ?
  ON CONFLICT (key_id, state) DO UPDATE SET count = order_counts.count + 1`;
const COUNT_OUT = `UPDATE order_counts SET count = count - 1
  WHERE state = ? AND key_id = (SELECT key_id FROM orders WHERE id = ?)`;

function toOrder(columns: Columns): Order {
  const { payment, metadata } = columns;
  return {
    ...columns,
    request: fromJson(columns.request),
    priceUsdMicro: BigInt(columns.priceUsdMicro),
    quote: fromJson(columns.quote),
    instructions: fromJson(columns.instructions),
    payment: payment === null ? null : toPayment(fromJson(payment)),
    metadata: metadata === null ? null : fromJson(metadata),
  };
}

function toPayment(stored: StoredPayment): Payment {
  return {
    ...stored,
    atomic: BigInt(stored.atomic),
    priceAtomic: BigInt(stored.priceAtomic),
  };
}

function paymentText(payment: Payment): string {
  const stored: StoredPayment = {
    ...payment,
    atomic: payment.atomic.toString(),
    priceAtomic: payment.priceAtomic.toString(),
  };
  return JSON.stringify(stored);
}

type CountByState = Readonly<Partial<Record<OrderState, number>>>;

async function countByState(
  sql: SqlReader,
  text: string,
  ...values: readonly SqlValue[]
): Promise<CountByState> {
  const rows = await sql.all<{ state: OrderState; count: number }>(text, ...values);
  return Object.fromEntries(
    rows.filter((row) => row.count > 0).map((row) => [row.state, row.count]),
  );
}

async function listOrders(sql: SqlReader, filter: OrderFilter): Promise<readonly Order[]> {
  const where = ["key_id = ?"];
  const values: SqlValue[] = [filter.keyId];
  if (filter.states !== null) {
    where.push(`state IN (${marks(filter.states.length)})`);
    values.push(...filter.states);
  }
  if (filter.createdSinceMs !== null) {
    where.push("created_at_ms >= ?");
    values.push(filter.createdSinceMs);
  }
  if (filter.updatedSinceMs !== null) {
    where.push("updated_at_ms >= ?");
    values.push(filter.updatedSinceMs);
  }
  const text = `${SELECT} WHERE ${where.join(" AND ")} ${NEWEST_FIRST}`;
  return (await sql.all<Columns>(text, ...values, filter.limit, filter.offset)).map(toOrder);
}

export function readOrders(sql: SqlReader): Reader["orders"] {
  return {
    byId: async (id) => {
      const columns = await sql.get<Columns>(BY_ID, id);
      return columns === null ? null : toOrder(columns);
    },
    list: (filter) => listOrders(sql, filter),
    countByState: (keyId) =>
      keyId === null ? countByState(sql, COUNT_BY_STATE) : countByState(sql, COUNT_OF_KEY, keyId),
    countCreatedSince: (sinceMs) => countByState(sql, COUNT_CREATED_SINCE, sinceMs),
  };
}

async function insertOrder(sql: Sql, order: Order): Promise<void> {
  await sql.run(
    INSERT,
    order.id,
    order.keyId,
    order.product,
    JSON.stringify(order.request),
    order.state,
    order.seq,
    order.priceUsdMicro.toString(),
    JSON.stringify(order.quote),
    JSON.stringify(order.instructions),
    order.windowClosesAtMs,
    order.fulfilWithinMs,
    order.deadlineAtMs,
    order.payment === null ? null : paymentText(order.payment),
    order.stage,
    order.error,
    jsonOrNull(order.metadata),
    order.webhookUrl,
    order.createdAtMs,
    order.updatedAtMs,
  );
  await sql.run(COUNT_IN, order.id);
}

interface Move {
  readonly order: Pick<Order, "id" | "state" | "seq">;
  readonly to: OrderState;
  readonly changes: OrderChanges;
  readonly nowMs: number;
}

async function moveOrder(sql: Sql, { order, to, changes, nowMs }: Move): Promise<boolean> {
  const set = assignments({
    state: to,
    seq: order.seq + 1,
    updated_at_ms: nowMs,
    payment: ifGiven(changes.payment, paymentText),
    deadline_at_ms: changes.deadlineAtMs,
    stage: changes.stage,
    error: changes.error,
    window_closes_at_ms: changes.windowClosesAtMs,
  });
  const text = `UPDATE orders SET ${set.text} WHERE id = ? AND state = ? AND seq = ?`;
  const changed = await sql.run(text, ...set.values, order.id, order.state, order.seq);
  if (changed === 0) return false;
  if (to !== order.state) {
    await sql.run(COUNT_OUT, order.state, order.id);
    await sql.run(COUNT_IN, order.id);
  }
  return true;
}

export function writeOrders(sql: Sql): Tx["orders"] {
  return {
    ...readOrders(sql),
    insert: (order) => insertOrder(sql, order),
    move: (order, to, changes, nowMs) => moveOrder(sql, { order, to, changes, nowMs }),
  };
}
