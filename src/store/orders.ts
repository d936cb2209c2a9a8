import { assert } from "../errors.ts";
import type { OrderState } from "../orders/lifecycle.ts";
import type { Order, Payment } from "../orders/order.ts";
import { marks, type Sql, type SqlReader, type SqlValue } from "./sql.ts";
import { amount, defineTable, json, nullable, plain, readOne, type Column } from "./table.ts";
import type { OrderChanges, OrderFilter } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

/** A payment as JSON: amounts are text. */
interface StoredPayment extends Omit<Payment, "atomic" | "priceAtomic"> {
  readonly atomic: string;
  readonly priceAtomic: string;
}

const storedPayment = json<StoredPayment>("payment");
const payment: Column<Payment> = {
  name: storedPayment.name,
  write: (value) =>
    storedPayment.write({
      ...value,
      atomic: value.atomic.toString(),
      priceAtomic: value.priceAtomic.toString(),
    }),
  read(stored) {
    const { atomic, priceAtomic, ...rest } = storedPayment.read(stored);
    return { ...rest, atomic: BigInt(atomic), priceAtomic: BigInt(priceAtomic) };
  },
};

const ORDERS = defineTable<Order>("orders", {
  id: plain("id"),
  keyId: plain("key_id"),
  product: plain("product"),
  request: json("request"),
  state: plain("state"),
  seq: plain("seq"),
  priceUsdMicro: amount("price_usd_micro"),
  quote: json("quote"),
  instructions: json("instructions"),
  windowClosesAtMs: plain("window_closes_at_ms"),
  fulfilWithinMs: plain("fulfil_within_ms"),
  deadlineAtMs: plain("deadline_at_ms"),
  payment: nullable(payment),
  stage: plain("stage"),
  error: plain("error"),
  metadata: nullable(json("metadata")),
  webhookUrl: plain("webhook_url"),
  refundTo: plain("refund_to"),
  createdAtMs: plain("created_at_ms"),
  updatedAtMs: plain("updated_at_ms"),
});

const BY_ID = `${ORDERS.select} WHERE id = ?`;
const KEY_OF = "SELECT key_id FROM orders WHERE id = ?";
const NEWEST_FIRST = "ORDER BY created_at_ms DESC, id DESC LIMIT ? OFFSET ?";

const PAYABLE_SINCE =
  "SELECT id, window_closes_at_ms FROM orders WHERE window_closes_at_ms >= ? ORDER BY window_closes_at_ms";
const COUNT_ALL = "SELECT state, SUM(count) FROM order_counts GROUP BY state";
const COUNT_OF_KEY = "SELECT state, count FROM order_counts WHERE key_id = ?";
/** Through the keys, because the only index by time is the one within a key. */
const COUNT_CREATED_SINCE = `SELECT state, COUNT(*) FROM orders
  WHERE key_id IN (SELECT id FROM keys) AND created_at_ms >= ? GROUP BY state`;
const COUNT_IN = `INSERT INTO order_counts (key_id, state, count) VALUES (?, ?, 1)
  ON CONFLICT (key_id, state) DO UPDATE SET count = order_counts.count + 1`;
const COUNT_OUT = "UPDATE order_counts SET count = count - 1 WHERE key_id = ? AND state = ?";

export function readOrders(sql: SqlReader): Reader["orders"] {
  return {
    byId: async (id) => readOne(ORDERS, await sql.get(BY_ID, id)),
    list: (filter) => listOrders(sql, filter),
    payableSince: async (sinceMs) =>
      (await sql.all(PAYABLE_SINCE, sinceMs)).map(([id, closesAtMs]) => ({
        id: String(id),
        windowClosesAtMs: Number(closesAtMs),
      })),
    countByState: (keyId) =>
      keyId === null ? countByState(sql, COUNT_ALL) : countByState(sql, COUNT_OF_KEY, keyId),
    countCreatedSince: (sinceMs) => countByState(sql, COUNT_CREATED_SINCE, sinceMs),
  };
}

async function countByState(
  sql: SqlReader,
  text: string,
  ...values: readonly SqlValue[]
): Promise<Readonly<Partial<Record<OrderState, number>>>> {
  const counts: Partial<Record<OrderState, number>> = {};
  for (const [state, count] of await sql.all(text, ...values))
    if (count !== 0) counts[state as OrderState] = Number(count);
  return counts;
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
  const text = `${ORDERS.select} WHERE ${where.join(" AND ")} ${NEWEST_FIRST}`;
  return (await sql.all(text, ...values, filter.limit, filter.offset)).map(ORDERS.read);
}

export function writeOrders(sql: Sql): Tx["orders"] {
  return {
    ...readOrders(sql),
    insert: async (order) => {
      await sql.run(ORDERS.insert, ...ORDERS.values(order));
      await sql.run(COUNT_IN, order.keyId, order.state);
    },
    move: (order, to, changes, nowMs) => moveOrder(sql, { order, to, changes, nowMs }),
  };
}

interface Move {
  readonly order: Pick<Order, "id" | "state" | "seq">;
  readonly to: OrderState;
  readonly changes: OrderChanges;
  readonly nowMs: number;
}

async function moveOrder(sql: Sql, { order, to, changes, nowMs }: Move): Promise<boolean> {
  const { payment: paid, deadlineAtMs, stage, error, windowClosesAtMs } = changes;
  const set = ORDERS.assign({
    state: to,
    seq: order.seq + 1,
    updatedAtMs: nowMs,
    ...(paid === undefined ? {} : { payment: paid }),
    ...(deadlineAtMs === undefined ? {} : { deadlineAtMs }),
    ...(stage === undefined ? {} : { stage }),
    ...(error === undefined ? {} : { error }),
    ...(windowClosesAtMs === undefined ? {} : { windowClosesAtMs }),
  });
  const text = `UPDATE orders SET ${set.text} WHERE id = ? AND state = ? AND seq = ?`;
  const changed = await sql.run(text, ...set.values, order.id, order.state, order.seq);
  if (changed === 0) return false;
  if (to !== order.state) await moveCount(sql, order, to);
  return true;
}

async function moveCount(
  sql: Sql,
  order: Pick<Order, "id" | "state">,
  to: OrderState,
): Promise<void> {
  const [keyId] = (await sql.get(KEY_OF, order.id)) ?? [];
  assert(typeof keyId === "string", "an order that was moved is gone");
  await sql.run(COUNT_OUT, keyId, order.state);
  await sql.run(COUNT_IN, keyId, to);
}
