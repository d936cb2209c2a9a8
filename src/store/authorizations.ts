import { marks, type Sql, type SqlReader } from "./sql.ts";
import { amount, defineTable, json, plain, readOne } from "./table.ts";
import type { AuthorizationRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const AUTHORIZATIONS = defineTable<AuthorizationRow>("authorizations", {
  ref: plain("ref"),
  orderId: plain("order_id"),
  railId: plain("rail_id"),
  state: plain("state"),
  from: plain("payer"),
  assetId: plain("asset_id"),
  symbol: plain("symbol"),
  decimals: plain("decimals"),
  atomic: amount("atomic"),
  validUntilMs: plain("valid_until_ms"),
  body: json("body"),
  txId: plain("tx_id"),
  reason: plain("reason"),
  claimedAtMs: plain("claimed_at_ms"),
  updatedAtMs: plain("updated_at_ms"),
});

const BY_REF = `${AUTHORIZATIONS.select} WHERE ref = ?`;
const OF_ORDER = `${AUTHORIZATIONS.select} WHERE order_id = ? ORDER BY claimed_at_ms, ref`;
/** Asked beforehand, because a broken unique index ends a Postgres transaction. */
const ALIVE = "SELECT ref FROM authorizations WHERE order_id = ? AND state <> 'failed'";
const INSERT = `${AUTHORIZATIONS.insert} ON CONFLICT (ref) DO NOTHING`;

export function readAuthorizations(sql: SqlReader): Reader["authorizations"] {
  return {
    byRef: async (ref) => readOne(AUTHORIZATIONS, await sql.get(BY_REF, ref)),
    ofOrder: async (orderId) => (await sql.all(OF_ORDER, orderId)).map(AUTHORIZATIONS.read),
  };
}

export function writeAuthorizations(sql: Sql): Tx["authorizations"] {
  const reader = readAuthorizations(sql);
  return {
    ...reader,
    insert: async (row) => {
      if (row.state !== "failed" && (await sql.get(ALIVE, row.orderId)) !== null) return false;
      return (await sql.run(INSERT, ...AUTHORIZATIONS.values(row))) === 1;
    },
    update: async (ref, from, changes, nowMs) => {
      const row = await reader.byRef(ref);
      if (row === null || !from.includes(row.state)) return false;
      const [alive] = (await sql.get(ALIVE, row.orderId)) ?? [];
      const willLive = changes.state !== undefined && changes.state !== "failed";
      if (willLive && alive !== undefined && alive !== ref) return false;
      const set = AUTHORIZATIONS.assign({ ...changes, updatedAtMs: nowMs });
      const text = `UPDATE authorizations SET ${set.text} WHERE ref = ? AND state IN (${marks(from.length)})`;
      return (await sql.run(text, ...set.values, ref, ...from)) === 1;
    },
  };
}
