import type { Sql, SqlReader } from "./sql.ts";
import { defineTable, plain, readOne } from "./table.ts";
import type { GoodsRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const GOODS = defineTable<GoodsRow>("goods", {
  attemptId: plain("attempt_id"),
  orderId: plain("order_id"),
  sealed: plain("sealed"),
  createdAtMs: plain("created_at_ms"),
});

const OF_ATTEMPT = `${GOODS.select} WHERE attempt_id = ?`;
const OF_ORDER = `${GOODS.select} WHERE order_id = ?`;
const INSERT = `${GOODS.insert} ON CONFLICT (attempt_id) DO NOTHING`;
const DELIVER = "UPDATE goods SET order_id = ? WHERE attempt_id = ? AND order_id IS NULL";

export function readGoods(sql: SqlReader): Reader["goods"] {
  return {
    ofAttempt: async (attemptId) => readOne(GOODS, await sql.get(OF_ATTEMPT, attemptId)),
    ofOrder: async (orderId) => readOne(GOODS, await sql.get(OF_ORDER, orderId)),
  };
}

export function writeGoods(sql: Sql): Tx["goods"] {
  return {
    ...readGoods(sql),
    insert: async (row) => (await sql.run(INSERT, ...GOODS.values(row))) === 1,
    deliver: async (attemptId, orderId) => (await sql.run(DELIVER, orderId, attemptId)) === 1,
  };
}
