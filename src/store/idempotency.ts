import type { Sql, SqlReader } from "./sql.ts";
import { defineTable, plain, readOne } from "./table.ts";
import type { IdempotencyRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

const ANSWERS = defineTable<IdempotencyRow>("idempotency", {
  keyId: plain("key_id"),
  key: plain("key"),
  fingerprint: plain("fingerprint"),
  status: plain("status"),
  body: plain("body"),
  createdAtMs: plain("created_at_ms"),
});

/** The most rows that one `prune` removes, so that no other action waits for long. */
const PRUNE_LIMIT = 5000;
const FIND = `${ANSWERS.select} WHERE key_id = ? AND key = ?`;
const REMOVE = "DELETE FROM idempotency WHERE key_id = ? AND key = ?";
/** The id rises with age, which spares an index by time. */
const PRUNE = `DELETE FROM idempotency WHERE created_at_ms < ? AND id IN
  (SELECT id FROM idempotency ORDER BY id LIMIT ${PRUNE_LIMIT})`;

export function readIdempotency(sql: SqlReader): Reader["idempotency"] {
  return { find: async (keyId, key) => readOne(ANSWERS, await sql.get(FIND, keyId, key)) };
}

export function writeIdempotency(sql: Sql): Tx["idempotency"] {
  return {
    ...readIdempotency(sql),
    remove: async (keyId, key) => {
      await sql.run(REMOVE, keyId, key);
    },
    insert: async (row) => {
      await sql.run(ANSWERS.insert, ...ANSWERS.values(row));
    },
    prune: (beforeMs) => sql.run(PRUNE, beforeMs),
  };
}
