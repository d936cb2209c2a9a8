import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { BreakerRow, Reader, Tx } from "./tx.ts";

const SELECT = `SELECT supplier_id AS "supplierId", state,
  consecutive_faults AS "consecutiveFaults", opened_at_ms AS "openedAtMs" FROM breakers`;
const BY_SUPPLIER = `${SELECT} WHERE supplier_id = ?`;
const ALL = `${SELECT} ORDER BY supplier_id`;
const SAVE = `${insertInto("breakers", [
  "supplier_id",
  "state",
  "consecutive_faults",
  "opened_at_ms",
])} ON CONFLICT (supplier_id) DO UPDATE SET state = excluded.state,
  consecutive_faults = excluded.consecutive_faults, opened_at_ms = excluded.opened_at_ms`;

export function readBreakers(sql: SqlReader): Reader["breakers"] {
  return {
    bySupplier: (supplierId) => sql.get<BreakerRow>(BY_SUPPLIER, supplierId),
    all: () => sql.all<BreakerRow>(ALL),
  };
}

export function writeBreakers(sql: Sql): Tx["breakers"] {
  return {
    ...readBreakers(sql),
    save: async ({ supplierId, state, consecutiveFaults, openedAtMs }) => {
      await sql.run(SAVE, supplierId, state, consecutiveFaults, openedAtMs);
    },
  };
}
