import type { OrderEventRow } from "../orders/order.ts";
import type { Announcement } from "./notice.ts";
import type { Sql, SqlReader } from "./sql.ts";
import { defineTable, json, plain } from "./table.ts";
import type { Reader, Tx } from "./tx.ts";

const EVENTS = defineTable<OrderEventRow>("order_events", {
  orderId: plain("order_id"),
  seq: plain("seq"),
  event: plain("event"),
  state: plain("state"),
  facts: json("facts"),
  atMs: plain("at_ms"),
});

const AFTER = `${EVENTS.select} WHERE order_id = ? AND seq > ? ORDER BY seq`;

export function readEvents(sql: SqlReader): Reader["events"] {
  return {
    after: async (orderId, afterSeq) => (await sql.all(AFTER, orderId, afterSeq)).map(EVENTS.read),
  };
}

export function writeEvents(sql: Sql, announcement: Announcement): Tx["events"] {
  return {
    ...readEvents(sql),
    insert: async (row) => {
      await sql.run(EVENTS.insert, ...EVENTS.values(row));
      announcement.orderIds.add(row.orderId);
    },
  };
}
