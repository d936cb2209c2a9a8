import { marks, type Sql, type SqlReader } from "./sql.ts";
import { amount, defineTable, json, nullable, plain, readOne } from "./table.ts";
import type { AttemptRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const ATTEMPTS = defineTable<AttemptRow>("attempts", {
  id: plain("id"),
  orderId: plain("order_id"),
  supplierId: plain("supplier_id"),
  state: plain("state"),
  stage: plain("stage"),
  stageState: json("stage_state"),
  choice: json("choice"),
  costUsdMicro: nullable(amount("cost_usd_micro")),
  reason: plain("reason"),
  createdAtMs: plain("created_at_ms"),
  updatedAtMs: plain("updated_at_ms"),
});

const BY_ID = `${ATTEMPTS.select} WHERE id = ?`;
const OF_ORDER = `${ATTEMPTS.select} WHERE order_id = ? ORDER BY created_at_ms, id`;
/** Names the index, so that only a second attempt in flight is a "false"; a repeated id is a bug. */
const INSERT = `${ATTEMPTS.insert} ON CONFLICT (order_id)
  WHERE state IN ('submitting', 'unknown', 'accepted') DO NOTHING`;

export function readAttempts(sql: SqlReader): Reader["attempts"] {
  return {
    byId: async (id) => readOne(ATTEMPTS, await sql.get(BY_ID, id)),
    ofOrder: async (orderId) => (await sql.all(OF_ORDER, orderId)).map(ATTEMPTS.read),
  };
}

export function writeAttempts(sql: Sql): Tx["attempts"] {
  return {
    ...readAttempts(sql),
    insert: async (row) => (await sql.run(INSERT, ...ATTEMPTS.values(row))) === 1,
    update: async (id, from, changes, nowMs) => {
      const set = ATTEMPTS.assign({ ...changes, updatedAtMs: nowMs });
      const text = `UPDATE attempts SET ${set.text} WHERE id = ? AND state IN (${marks(from.length)})`;
      return (await sql.run(text, ...set.values, id, ...from)) === 1;
    },
  };
}
