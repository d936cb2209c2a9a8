import type { Sql, SqlReader } from "./sql.ts";
import { defineTable, plain, readOne } from "./table.ts";
import type { BreakerRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const BREAKERS = defineTable<BreakerRow>("breakers", {
  supplierId: plain("supplier_id"),
  state: plain("state"),
  consecutiveFaults: plain("consecutive_faults"),
  openedAtMs: plain("opened_at_ms"),
});

const BY_SUPPLIER = `${BREAKERS.select} WHERE supplier_id = ?`;
const ALL = `${BREAKERS.select} ORDER BY supplier_id`;
const SAVE = `${BREAKERS.insert} ON CONFLICT (supplier_id) DO UPDATE SET state = excluded.state,
  consecutive_faults = excluded.consecutive_faults, opened_at_ms = excluded.opened_at_ms`;

export function readBreakers(sql: SqlReader): Reader["breakers"] {
  return {
    bySupplier: async (supplierId) => readOne(BREAKERS, await sql.get(BY_SUPPLIER, supplierId)),
    all: async () => (await sql.all(ALL)).map(BREAKERS.read),
  };
}

export function writeBreakers(sql: Sql): Tx["breakers"] {
  return {
    ...readBreakers(sql),
    save: async (row) => {
      await sql.run(SAVE, ...BREAKERS.values(row));
    },
  };
}
