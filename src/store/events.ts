import type { OrderEventRow } from "../orders/order.ts";
import { fromJson } from "./columns.ts";
import type { Announcement } from "./notice.ts";
import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { Reader, Tx } from "./tx.ts";

interface Columns extends Omit<OrderEventRow, "facts"> {
  readonly facts: string;
}

const AFTER = `SELECT order_id AS "orderId", seq, event, state, facts, at_ms AS "atMs"
  FROM order_events WHERE order_id = ? AND seq > ? ORDER BY seq`;
const INSERT = insertInto("order_events", ["order_id", "seq", "event", "state", "facts", "at_ms"]);

export function readEvents(sql: SqlReader): Reader["events"] {
  return {
    after: async (orderId, afterSeq) =>
      (await sql.all<Columns>(AFTER, orderId, afterSeq)).map((columns) => ({
        ...columns,
        facts: fromJson(columns.facts),
      })),
  };
}

export function writeEvents(sql: Sql, announcement: Announcement): Tx["events"] {
  return {
    ...readEvents(sql),
    insert: async (row) => {
      const { orderId, seq, event, state, atMs } = row;
      await sql.run(INSERT, orderId, seq, event, state, JSON.stringify(row.facts), atMs);
      announcement.orderIds.add(orderId);
    },
  };
}
