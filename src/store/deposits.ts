import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { DeadLetterRow, DepositRow, Reader, Tx } from "./tx.ts";

interface Columns extends Omit<DepositRow, "atomic"> {
  readonly atomic: string;
}

const SELECT = `SELECT id, rail_id AS "railId", tx_id AS "txId", transfer_index AS "index",
  order_ref AS "orderRef", order_id AS "orderId", reason, asset_id AS "assetId", symbol, atomic,
  sender AS "from", height, chain_time_ms AS "chainTimeMs", seen_at_ms AS "seenAtMs" FROM deposits`;
const BY_ID = `${SELECT} WHERE id = ?`;
const OF_ORDER = `${SELECT} WHERE order_ref = ? ORDER BY height, id`;
const UNMATCHED = `${SELECT} WHERE reason IS NOT NULL ORDER BY seen_at_ms DESC, id DESC LIMIT ?`;
const INSERT = `${insertInto("deposits", [
  "id",
  "rail_id",
  "tx_id",
  "transfer_index",
  "order_ref",
  "order_id",
  "reason",
  "asset_id",
  "symbol",
  "atomic",
  "sender",
  "height",
  "chain_time_ms",
  "seen_at_ms",
])} ON CONFLICT (id) DO NOTHING`;

const OPEN_LETTERS = `SELECT id, rail_id AS "railId", height, reason, raw, seen_at_ms AS "seenAtMs"
  FROM dead_letters WHERE closed_at_ms IS NULL AND seen_at_ms >= ? ORDER BY seen_at_ms, id`;
const INSERT_LETTER = `${insertInto("dead_letters", [
  "id",
  "rail_id",
  "height",
  "reason",
  "raw",
  "seen_at_ms",
])} ON CONFLICT (id) DO NOTHING`;
const CLOSE_LETTER =
  "UPDATE dead_letters SET closed_at_ms = ? WHERE id = ? AND closed_at_ms IS NULL";

const toRow = (columns: Columns): DepositRow => ({ ...columns, atomic: BigInt(columns.atomic) });

export function readDeposits(sql: SqlReader): Reader["deposits"] {
  return {
    byId: async (id) => {
      const columns = await sql.get<Columns>(BY_ID, id);
      return columns === null ? null : toRow(columns);
    },
    ofOrder: async (orderRef) => (await sql.all<Columns>(OF_ORDER, orderRef)).map(toRow),
    unmatched: async (limit) => (await sql.all<Columns>(UNMATCHED, limit)).map(toRow),
    deadLetters: (sinceMs) => sql.all<DeadLetterRow>(OPEN_LETTERS, sinceMs),
  };
}

export function writeDeposits(sql: Sql): Tx["deposits"] {
  return {
    ...readDeposits(sql),
    insert: async (row) => {
      const changed = await sql.run(
        INSERT,
        row.id,
        row.railId,
        row.txId,
        row.index,
        row.orderRef,
        row.orderId,
        row.reason,
        row.assetId,
        row.symbol,
        row.atomic.toString(),
        row.from,
        row.height,
        row.chainTimeMs,
        row.seenAtMs,
      );
      return changed === 1;
    },
    insertDeadLetter: async ({ id, railId, height, reason, raw, seenAtMs }) =>
      (await sql.run(INSERT_LETTER, id, railId, height, reason, raw, seenAtMs)) === 1,
    closeDeadLetter: async (id, nowMs) => (await sql.run(CLOSE_LETTER, nowMs, id)) === 1,
  };
}
