import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { IdempotencyRow, Reader, Tx } from "./tx.ts";

const FIND = `SELECT key_id AS "keyId", key, fingerprint, status, body,
  created_at_ms AS "createdAtMs" FROM idempotency WHERE key_id = ? AND key = ?`;
const INSERT = insertInto("idempotency", [
  "key_id",
  "key",
  "fingerprint",
  "status",
  "body",
  "created_at_ms",
]);
/** The most rows that one `prune` removes, so that no other action waits for long. */
const PRUNE_LIMIT = 5000;
const PRUNE = `DELETE FROM idempotency WHERE (key_id, key) IN
  (SELECT key_id, key FROM idempotency WHERE created_at_ms < ? ORDER BY created_at_ms LIMIT ${PRUNE_LIMIT})`;

export function readIdempotency(sql: SqlReader): Reader["idempotency"] {
  return { find: (keyId, key) => sql.get<IdempotencyRow>(FIND, keyId, key) };
}

export function writeIdempotency(sql: Sql): Tx["idempotency"] {
  return {
    ...readIdempotency(sql),
    insert: async ({ keyId, key, fingerprint, status, body, createdAtMs }) => {
      await sql.run(INSERT, keyId, key, fingerprint, status, body, createdAtMs);
    },
    prune: (beforeMs) => sql.run(PRUNE, beforeMs),
  };
}
