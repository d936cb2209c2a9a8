import { marks, type Sql, type SqlReader } from "./sql.ts";
import { amount, defineTable, json, plain, readOne } from "./table.ts";
import type { PayoutChanges, PayoutRow, PayoutState } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const PAYOUTS = defineTable<PayoutRow>("payouts", {
  id: plain("id"),
  depositId: plain("deposit_id"),
  cause: plain("cause"),
  orderId: plain("order_id"),
  railId: plain("rail_id"),
  assetId: plain("asset_id"),
  atomic: amount("atomic"),
  to: plain("payee"),
  state: plain("state"),
  txId: plain("tx_id"),
  lane: plain("lane"),
  body: plain("body"),
  validUntilMs: plain("valid_until_ms"),
  signedAtHeight: plain("signed_at_height"),
  deadTxIds: json("dead_tx_ids"),
  reason: plain("reason"),
  createdAtMs: plain("created_at_ms"),
  updatedAtMs: plain("updated_at_ms"),
});

const BY_ID = `${PAYOUTS.select} WHERE id = ?`;
const OF_ORDER = `${PAYOUTS.select} WHERE order_id = ? ORDER BY created_at_ms, id`;
const OF_DEPOSIT = `${PAYOUTS.select} WHERE deposit_id = ? ORDER BY created_at_ms, id`;
/** Names the columns, so that a repeated id of another deposit is a bug and not a "false". */
const INSERT = `${PAYOUTS.insert} ON CONFLICT (deposit_id, cause) DO NOTHING`;
/** Asked beforehand, because a broken unique index ends a Postgres transaction. */
const LANE_IS_FREE = `NOT EXISTS (SELECT 1 FROM payouts AS other WHERE other.state = 'signed'
  AND other.id <> payouts.id AND other.lane = ?)`;

export function readPayouts(sql: SqlReader): Reader["payouts"] {
  return {
    byId: async (id) => readOne(PAYOUTS, await sql.get(BY_ID, id)),
    ofOrder: async (orderId) => (await sql.all(OF_ORDER, orderId)).map(PAYOUTS.read),
    ofDeposit: async (depositId) => (await sql.all(OF_DEPOSIT, depositId)).map(PAYOUTS.read),
    list: async (states, limit) => {
      const text = `${PAYOUTS.select} WHERE state IN (${marks(states.length)})
        ORDER BY created_at_ms, id LIMIT ?`;
      return (await sql.all(text, ...states, limit)).map(PAYOUTS.read);
    },
  };
}

export function writePayouts(sql: Sql): Tx["payouts"] {
  return {
    ...readPayouts(sql),
    insert: async (row) => (await sql.run(INSERT, ...PAYOUTS.values(row))) === 1,
    // oxlint-disable-next-line max-params -- the port's signature
    move: (id, from, to, changes, nowMs) => movePayout(sql, { id, from, to, changes, nowMs }),
  };
}

interface Move {
  readonly id: string;
  readonly from: PayoutState;
  readonly to: PayoutState;
  readonly changes: PayoutChanges;
  readonly nowMs: number;
}

async function movePayout(sql: Sql, { id, from, to, changes, nowMs }: Move): Promise<boolean> {
  const set = PAYOUTS.assign({ ...changes, state: to, updatedAtMs: nowMs });
  const text = `UPDATE payouts SET ${set.text} WHERE id = ? AND state = ?`;
  const values = [...set.values, id, from];
  if (to !== "signed") return (await sql.run(text, ...values)) === 1;
  const changed = await sql.run(`${text} AND ${LANE_IS_FREE}`, ...values, changes.lane ?? null);
  return changed === 1;
}
