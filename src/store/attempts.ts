import { bigintOrNull, fromJson, ifGiven, textOrNull } from "./columns.ts";
import { assignments, insertInto, marks, type Sql, type SqlReader } from "./sql.ts";
import type { AttemptRow, Reader, Tx } from "./tx.ts";

interface Columns extends Omit<AttemptRow, "stageState" | "choice" | "costUsdMicro"> {
  readonly stageState: string;
  readonly choice: string;
  readonly costUsdMicro: string | null;
}

const SELECT = `SELECT id, order_id AS "orderId", supplier_id AS "supplierId", state, stage,
  stage_state AS "stageState", choice, cost_usd_micro AS "costUsdMicro", reason,
  created_at_ms AS "createdAtMs", updated_at_ms AS "updatedAtMs" FROM attempts`;
const BY_ID = `${SELECT} WHERE id = ?`;
const OF_ORDER = `${SELECT} WHERE order_id = ? ORDER BY created_at_ms, id`;
/** Names the index, so that only a second attempt in flight is a "false"; a repeated id is a bug. */
const INSERT = `${insertInto("attempts", [
  "id",
  "order_id",
  "supplier_id",
  "state",
  "stage",
  "stage_state",
  "choice",
  "cost_usd_micro",
  "reason",
  "created_at_ms",
  "updated_at_ms",
])} ON CONFLICT (order_id) WHERE state IN ('submitting', 'unknown', 'accepted') DO NOTHING`;

function toRow(columns: Columns): AttemptRow {
  return {
    ...columns,
    stageState: fromJson(columns.stageState),
    choice: fromJson(columns.choice),
    costUsdMicro: bigintOrNull(columns.costUsdMicro),
  };
}

export function readAttempts(sql: SqlReader): Reader["attempts"] {
  return {
    byId: async (id) => {
      const columns = await sql.get<Columns>(BY_ID, id);
      return columns === null ? null : toRow(columns);
    },
    ofOrder: async (orderId) => (await sql.all<Columns>(OF_ORDER, orderId)).map(toRow),
  };
}

async function insertAttempt(sql: Sql, row: AttemptRow): Promise<boolean> {
  const changed = await sql.run(
    INSERT,
    row.id,
    row.orderId,
    row.supplierId,
    row.state,
    row.stage,
    JSON.stringify(row.stageState),
    JSON.stringify(row.choice),
    textOrNull(row.costUsdMicro),
    row.reason,
    row.createdAtMs,
    row.updatedAtMs,
  );
  return changed === 1;
}

export function writeAttempts(sql: Sql): Tx["attempts"] {
  return {
    ...readAttempts(sql),
    insert: (row) => insertAttempt(sql, row),
    update: async (id, from, changes, nowMs) => {
      const set = assignments({
        state: changes.state,
        stage: changes.stage,
        stage_state: ifGiven(changes.stageState, (state) => JSON.stringify(state)),
        cost_usd_micro: ifGiven(changes.costUsdMicro, textOrNull),
        reason: changes.reason,
        updated_at_ms: nowMs,
      });
      const text = `UPDATE attempts SET ${set.text} WHERE id = ? AND state IN (${marks(from.length)})`;
      return (await sql.run(text, ...set.values, id, ...from)) === 1;
    },
  };
}
