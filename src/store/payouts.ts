import { fromJson, ifGiven } from "./columns.ts";
import { assignments, insertInto, marks, type Sql, type SqlReader } from "./sql.ts";
import type { PayoutChanges, PayoutRow, PayoutState, Reader, Tx } from "./tx.ts";

interface Columns extends Omit<PayoutRow, "atomic" | "deadTxIds"> {
  readonly atomic: string;
  readonly deadTxIds: string;
}

const SELECT = `SELECT id, deposit_id AS "depositId", cause, order_id AS "orderId",
  rail_id AS "railId", asset_id AS "assetId", atomic, payee AS "to", state, tx_id AS "txId", lane,
  body, valid_until_ms AS "validUntilMs", signed_at_height AS "signedAtHeight",
  dead_tx_ids AS "deadTxIds", reason, created_at_ms AS "createdAtMs",
  updated_at_ms AS "updatedAtMs" FROM payouts`;
const BY_ID = `${SELECT} WHERE id = ?`;
const OF_ORDER = `${SELECT} WHERE order_id = ? ORDER BY created_at_ms, id`;
const OF_DEPOSIT = `${SELECT} WHERE deposit_id = ? ORDER BY created_at_ms, id`;
/** Names the constraint, so that a repeated id of another deposit is a bug and not a "false". */
const INSERT = `${insertInto("payouts", [
  "id",
  "deposit_id",
  "cause",
  "order_id",
  "rail_id",
  "asset_id",
  "atomic",
  "payee",
  "state",
  "tx_id",
  "lane",
  "body",
  "valid_until_ms",
  "signed_at_height",
  "dead_tx_ids",
  "reason",
  "created_at_ms",
  "updated_at_ms",
])} ON CONFLICT (deposit_id, cause) DO NOTHING`;
/** Asked beforehand, because a broken unique index ends a Postgres transaction. */
const LANE_IS_FREE = `NOT EXISTS (SELECT 1 FROM payouts AS other WHERE other.state = 'signed'
  AND other.id <> payouts.id AND other.rail_id = payouts.rail_id AND other.lane = ?)`;

function toRow(columns: Columns): PayoutRow {
  return {
    ...columns,
    atomic: BigInt(columns.atomic),
    deadTxIds: fromJson(columns.deadTxIds),
  };
}

export function readPayouts(sql: SqlReader): Reader["payouts"] {
  return {
    byId: async (id) => {
      const columns = await sql.get<Columns>(BY_ID, id);
      return columns === null ? null : toRow(columns);
    },
    ofOrder: async (orderId) => (await sql.all<Columns>(OF_ORDER, orderId)).map(toRow),
    ofDeposit: async (depositId) => (await sql.all<Columns>(OF_DEPOSIT, depositId)).map(toRow),
    list: async (states, limit) => {
      const text = `${SELECT} WHERE state IN (${marks(states.length)})
        ORDER BY created_at_ms, id LIMIT ?`;
      return (await sql.all<Columns>(text, ...states, limit)).map(toRow);
    },
  };
}

async function insertPayout(sql: Sql, row: PayoutRow): Promise<boolean> {
  const changed = await sql.run(
    INSERT,
    row.id,
    row.depositId,
    row.cause,
    row.orderId,
    row.railId,
    row.assetId,
    row.atomic.toString(),
    row.to,
    row.state,
    row.txId,
    row.lane,
    row.body,
    row.validUntilMs,
    row.signedAtHeight,
    JSON.stringify(row.deadTxIds),
    row.reason,
    row.createdAtMs,
    row.updatedAtMs,
  );
  return changed === 1;
}

interface Move {
  readonly id: string;
  readonly from: PayoutState;
  readonly to: PayoutState;
  readonly changes: PayoutChanges;
  readonly nowMs: number;
}

async function movePayout(sql: Sql, { id, from, to, changes, nowMs }: Move): Promise<boolean> {
  const set = assignments({
    state: to,
    updated_at_ms: nowMs,
    payee: changes.to,
    tx_id: changes.txId,
    lane: changes.lane,
    body: changes.body,
    valid_until_ms: changes.validUntilMs,
    signed_at_height: changes.signedAtHeight,
    dead_tx_ids: ifGiven(changes.deadTxIds, (ids) => JSON.stringify(ids)),
    reason: changes.reason,
  });
  const text = `UPDATE payouts SET ${set.text} WHERE id = ? AND state = ?`;
  const values = [...set.values, id, from];
  if (to !== "signed") return (await sql.run(text, ...values)) === 1;
  const changed = await sql.run(`${text} AND ${LANE_IS_FREE}`, ...values, changes.lane ?? null);
  return changed === 1;
}

export function writePayouts(sql: Sql): Tx["payouts"] {
  return {
    ...readPayouts(sql),
    insert: (row) => insertPayout(sql, row),
    // oxlint-disable-next-line max-params -- the port's signature
    move: (id, from, to, changes, nowMs) => movePayout(sql, { id, from, to, changes, nowMs }),
  };
}
