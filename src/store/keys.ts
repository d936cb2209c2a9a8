import type { Sql, SqlReader } from "./sql.ts";
import { amount, defineTable, flag, nullable, plain, readOne } from "./table.ts";
import type { ApiKeyRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const KEYS = defineTable<ApiKeyRow>("keys", {
  id: plain("id"),
  hash: plain("hash"),
  label: plain("label"),
  limitUsdMicro: nullable(amount("limit_usd_micro")),
  spentUsdMicro: amount("spent_usd_micro"),
  inFlightUsdMicro: amount("in_flight_usd_micro"),
  ordersPerHour: plain("orders_per_hour"),
  isSuspended: flag("is_suspended"),
  expiresAtMs: plain("expires_at_ms"),
  createdAtMs: plain("created_at_ms"),
});

const BY_HASH = `${KEYS.select} WHERE hash = ?`;
const BY_ID = `${KEYS.select} WHERE id = ?`;
const ALL = `${KEYS.select} ORDER BY created_at_ms, id`;
const SET_BUDGET = "UPDATE keys SET spent_usd_micro = ?, in_flight_usd_micro = ? WHERE id = ?";
const SET_SUSPENDED = "UPDATE keys SET is_suspended = ? WHERE id = ?";

export function readKeys(sql: SqlReader): Reader["keys"] {
  return {
    byHash: async (hash) => readOne(KEYS, await sql.get(BY_HASH, hash)),
    byId: async (id) => readOne(KEYS, await sql.get(BY_ID, id)),
    all: async () => (await sql.all(ALL)).map(KEYS.read),
  };
}

export function writeKeys(sql: Sql): Tx["keys"] {
  return {
    ...readKeys(sql),
    insert: async (row) => {
      await sql.run(KEYS.insert, ...KEYS.values(row));
    },
    setBudget: async (id, spentUsdMicro, inFlightUsdMicro) => {
      await sql.run(SET_BUDGET, spentUsdMicro.toString(), inFlightUsdMicro.toString(), id);
    },
    setSuspended: async (id, isSuspended) =>
      (await sql.run(SET_SUSPENDED, isSuspended ? 1 : 0, id)) === 1,
  };
}
