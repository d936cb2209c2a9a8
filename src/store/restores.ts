import type { Sql, SqlReader } from "./sql.ts";
import type { Reader, Tx } from "./tx.ts";

const HELD_BEFORE = "SELECT MAX(opened_at_ms) FROM restores";
const OPEN = "UPDATE restores SET opened_at_ms = ? WHERE opened_at_ms IS NULL";
const MARK =
  "INSERT INTO restores (copied_at_ms, opened_at_ms) VALUES (?, NULL) ON CONFLICT DO NOTHING";

export function readRestores(sql: SqlReader): Reader["restores"] {
  return {
    heldBeforeMs: async () => {
      const [openedAtMs = null] = (await sql.get(HELD_BEFORE)) ?? [];
      return openedAtMs === null ? null : Number(openedAtMs);
    },
  };
}

export function writeRestores(sql: Sql): Tx["restores"] {
  return {
    ...readRestores(sql),
    mark: async (copiedAtMs) => {
      await sql.run(MARK, copiedAtMs);
    },
    open: async (nowMs) => (await sql.run(OPEN, nowMs)) > 0,
  };
}
