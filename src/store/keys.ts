import { bigintOrNull, textOrNull } from "./columns.ts";
import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { ApiKeyRow, Reader, Tx } from "./tx.ts";

interface Columns extends Omit<
  ApiKeyRow,
  "limitUsdMicro" | "spentUsdMicro" | "inFlightUsdMicro" | "isSuspended"
> {
  readonly limitUsdMicro: string | null;
  readonly spentUsdMicro: string;
  readonly inFlightUsdMicro: string;
  readonly isSuspended: number;
}

const SELECT = `SELECT id, hash, label, limit_usd_micro AS "limitUsdMicro",
  spent_usd_micro AS "spentUsdMicro", in_flight_usd_micro AS "inFlightUsdMicro",
  orders_per_hour AS "ordersPerHour", is_suspended AS "isSuspended",
  expires_at_ms AS "expiresAtMs", created_at_ms AS "createdAtMs" FROM keys`;
const BY_HASH = `${SELECT} WHERE hash = ?`;
const BY_ID = `${SELECT} WHERE id = ?`;
const ALL = `${SELECT} ORDER BY created_at_ms, id`;
const INSERT = insertInto("keys", [
  "id",
  "hash",
  "label",
  "limit_usd_micro",
  "spent_usd_micro",
  "in_flight_usd_micro",
  "orders_per_hour",
  "is_suspended",
  "expires_at_ms",
  "created_at_ms",
]);
const SET_BUDGET = "UPDATE keys SET spent_usd_micro = ?, in_flight_usd_micro = ? WHERE id = ?";
const SET_SUSPENDED = "UPDATE keys SET is_suspended = ? WHERE id = ?";

function toRow(columns: Columns): ApiKeyRow {
  return {
    ...columns,
    limitUsdMicro: bigintOrNull(columns.limitUsdMicro),
    spentUsdMicro: BigInt(columns.spentUsdMicro),
    inFlightUsdMicro: BigInt(columns.inFlightUsdMicro),
    isSuspended: columns.isSuspended === 1,
  };
}

export function readKeys(sql: SqlReader): Reader["keys"] {
  const one = async (text: string, value: string): Promise<ApiKeyRow | null> => {
    const columns = await sql.get<Columns>(text, value);
    return columns === null ? null : toRow(columns);
  };
  return {
    byHash: (hash) => one(BY_HASH, hash),
    byId: (id) => one(BY_ID, id),
    all: async () => (await sql.all<Columns>(ALL)).map(toRow),
  };
}

export function writeKeys(sql: Sql): Tx["keys"] {
  return {
    ...readKeys(sql),
    insert: async (row) => {
      await sql.run(
        INSERT,
        row.id,
        row.hash,
        row.label,
        textOrNull(row.limitUsdMicro),
        row.spentUsdMicro.toString(),
        row.inFlightUsdMicro.toString(),
        row.ordersPerHour,
        row.isSuspended ? 1 : 0,
        row.expiresAtMs,
        row.createdAtMs,
      );
    },
    setBudget: async (id, spentUsdMicro, inFlightUsdMicro) => {
      await sql.run(SET_BUDGET, spentUsdMicro.toString(), inFlightUsdMicro.toString(), id);
    },
    setSuspended: async (id, isSuspended) =>
      (await sql.run(SET_SUSPENDED, isSuspended ? 1 : 0, id)) === 1,
  };
}
