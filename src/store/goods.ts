import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { GoodsRow, Reader, Tx } from "./tx.ts";

const SELECT = `SELECT attempt_id AS "attemptId", order_id AS "orderId", sealed,
  created_at_ms AS "createdAtMs" FROM goods`;
const OF_ATTEMPT = `${SELECT} WHERE attempt_id = ?`;
const OF_ORDER = `${SELECT} WHERE order_id = ?`;
const INSERT = `${insertInto("goods", [
  "attempt_id",
  "order_id",
  "sealed",
  "created_at_ms",
])} ON CONFLICT (attempt_id) DO NOTHING`;
const DELIVER = "UPDATE goods SET order_id = ? WHERE attempt_id = ? AND order_id IS NULL";

export function readGoods(sql: SqlReader): Reader["goods"] {
  return {
    ofAttempt: (attemptId) => sql.get<GoodsRow>(OF_ATTEMPT, attemptId),
    ofOrder: (orderId) => sql.get<GoodsRow>(OF_ORDER, orderId),
  };
}

export function writeGoods(sql: Sql): Tx["goods"] {
  return {
    ...readGoods(sql),
    insert: async ({ attemptId, orderId, sealed, createdAtMs }) =>
      (await sql.run(INSERT, attemptId, orderId, sealed, createdAtMs)) === 1,
    deliver: async (attemptId, orderId) => (await sql.run(DELIVER, orderId, attemptId)) === 1,
  };
}
