import type { Sql, SqlReader } from "./sql.ts";
import { amount, defineTable, flag, plain, readOne } from "./table.ts";
import type { DeadLetterRow, DepositRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const DEPOSITS = defineTable<DepositRow>("deposits", {
  id: plain("id"),
  railId: plain("rail_id"),
  txId: plain("tx_id"),
  index: plain("transfer_index"),
  orderRef: plain("order_ref"),
  orderId: plain("order_id"),
  reason: plain("reason"),
  assetId: plain("asset_id"),
  symbol: plain("symbol"),
  atomic: amount("atomic"),
  from: plain("sender"),
  height: plain("height"),
  blockHash: plain("block_hash"),
  chainTimeMs: plain("chain_time_ms"),
  seenAtMs: plain("seen_at_ms"),
  state: plain("state"),
  authorizationRef: plain("authorization_ref"),
  isPayerSafe: flag("is_payer_safe"),
});

const LETTERS = defineTable<DeadLetterRow>("dead_letters", {
  id: plain("id"),
  railId: plain("rail_id"),
  height: plain("height"),
  reason: plain("reason"),
  raw: plain("raw"),
  seenAtMs: plain("seen_at_ms"),
});

const BY_ID = `${DEPOSITS.select} WHERE id = ?`;
const OF_ORDER = `${DEPOSITS.select} WHERE order_ref = ? ORDER BY height, id`;
const UNMATCHED = `${DEPOSITS.select} WHERE reason IS NOT NULL AND state IN ('final', 'lost')
  ORDER BY seen_at_ms DESC, id DESC LIMIT ?`;
const ABOVE = `${DEPOSITS.select} WHERE rail_id = ? AND height > ? AND block_hash IS NOT NULL
  ORDER BY height, id`;
const INSERT = `${DEPOSITS.insert} ON CONFLICT (id) DO NOTHING`;
const OPEN_LETTERS = `${LETTERS.select} WHERE closed_at_ms IS NULL AND seen_at_ms >= ?
  ORDER BY seen_at_ms, id`;
const INSERT_LETTER = `${LETTERS.insert} ON CONFLICT (id) DO NOTHING`;
const CLOSE_LETTER =
  "UPDATE dead_letters SET closed_at_ms = ? WHERE id = ? AND closed_at_ms IS NULL";

export function readDeposits(sql: SqlReader): Reader["deposits"] {
  return {
    byId: async (id) => readOne(DEPOSITS, await sql.get(BY_ID, id)),
    ofOrder: async (orderRef) => (await sql.all(OF_ORDER, orderRef)).map(DEPOSITS.read),
    unmatched: async (limit) => (await sql.all(UNMATCHED, limit)).map(DEPOSITS.read),
    above: async (railId, height) => (await sql.all(ABOVE, railId, height)).map(DEPOSITS.read),
    deadLetters: async (sinceMs) => (await sql.all(OPEN_LETTERS, sinceMs)).map(LETTERS.read),
  };
}

export function writeDeposits(sql: Sql): Tx["deposits"] {
  return {
    ...readDeposits(sql),
    insert: async (row) => (await sql.run(INSERT, ...DEPOSITS.values(row))) === 1,
    update: async (id, changes) => {
      const set = DEPOSITS.assign(changes);
      await sql.run(`UPDATE deposits SET ${set.text} WHERE id = ?`, ...set.values, id);
    },
    insertDeadLetter: async (row) => (await sql.run(INSERT_LETTER, ...LETTERS.values(row))) === 1,
    closeDeadLetter: async (id, nowMs) => (await sql.run(CLOSE_LETTER, nowMs, id)) === 1,
  };
}
