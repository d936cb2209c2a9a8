import type { Sql, SqlReader } from "./sql.ts";
import { defineTable, plain, readOne } from "./table.ts";
import type { CursorRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const CURSORS = defineTable<CursorRow>("cursors", {
  railId: plain("rail_id"),
  cursor: plain("cursor"),
  height: plain("height"),
  chainTimeMs: plain("chain_time_ms"),
  savedAtMs: plain("saved_at_ms"),
});

const BY_RAIL = `${CURSORS.select} WHERE rail_id = ?`;
const ALL = `${CURSORS.select} ORDER BY rail_id`;
const INSERT = `${CURSORS.insert} ON CONFLICT (rail_id) DO NOTHING`;
const MOVE = `UPDATE cursors SET cursor = ?, height = ?, chain_time_ms = ?, saved_at_ms = ?
  WHERE rail_id = ? AND cursor = ?`;

export function readCursors(sql: SqlReader): Reader["cursors"] {
  return {
    byRail: async (railId) => readOne(CURSORS, await sql.get(BY_RAIL, railId)),
    all: async () => (await sql.all(ALL)).map(CURSORS.read),
  };
}

export function writeCursors(sql: Sql): Tx["cursors"] {
  return {
    ...readCursors(sql),
    save: async (row, before) => {
      if (before === null) return (await sql.run(INSERT, ...CURSORS.values(row))) === 1;
      const { railId, cursor, height, chainTimeMs, savedAtMs } = row;
      return (await sql.run(MOVE, cursor, height, chainTimeMs, savedAtMs, railId, before)) === 1;
    },
  };
}
