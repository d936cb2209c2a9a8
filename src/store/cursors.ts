import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { CursorRow, Reader, Tx } from "./tx.ts";

const SELECT = `SELECT rail_id AS "railId", cursor, height, chain_time_ms AS "chainTimeMs",
  saved_at_ms AS "savedAtMs" FROM cursors`;
const BY_RAIL = `${SELECT} WHERE rail_id = ?`;
const ALL = `${SELECT} ORDER BY rail_id`;
const INSERT = `${insertInto("cursors", [
  "rail_id",
  "cursor",
  "height",
  "chain_time_ms",
  "saved_at_ms",
])} ON CONFLICT (rail_id) DO NOTHING`;
const MOVE = `UPDATE cursors SET cursor = ?, height = ?, chain_time_ms = ?, saved_at_ms = ?
  WHERE rail_id = ? AND cursor = ?`;

export function readCursors(sql: SqlReader): Reader["cursors"] {
  return {
    byRail: (railId) => sql.get<CursorRow>(BY_RAIL, railId),
    all: () => sql.all<CursorRow>(ALL),
  };
}

export function writeCursors(sql: Sql): Tx["cursors"] {
  return {
    ...readCursors(sql),
    save: async ({ railId, cursor, height, chainTimeMs, savedAtMs }, before) => {
      const changed =
        before === null
          ? await sql.run(INSERT, railId, cursor, height, chainTimeMs, savedAtMs)
          : await sql.run(MOVE, cursor, height, chainTimeMs, savedAtMs, railId, before);
      return changed === 1;
    },
  };
}
