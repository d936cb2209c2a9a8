import { assert } from "../errors.ts";
import { insertInto, type Sql, type SqlReader } from "./sql.ts";
import type { PostingRow, Reader, Tx } from "./tx.ts";

const BALANCES =
  'SELECT account, asset_id AS "assetId", atomic FROM balances ORDER BY account, asset_id';
const BALANCE = "SELECT atomic FROM balances WHERE account = ? AND asset_id = ?";
const SET_BALANCE = `${insertInto("balances", ["account", "asset_id", "atomic"])}
  ON CONFLICT (account, asset_id) DO UPDATE SET atomic = excluded.atomic`;
const DROP_BALANCE = "DELETE FROM balances WHERE account = ? AND asset_id = ?";
const INSERT = `${insertInto("postings", [
  "entry_id",
  "line",
  "account",
  "asset_id",
  "atomic",
  "at_ms",
])} ON CONFLICT (entry_id, line) DO NOTHING`;

export function readLedger(sql: SqlReader): Reader["ledger"] {
  return {
    balances: async () =>
      (await sql.all<{ account: string; assetId: string; atomic: string }>(BALANCES)).map(
        (columns) => ({ ...columns, atomic: BigInt(columns.atomic) }),
      ),
  };
}

export function writeLedger(sql: Sql): Tx["ledger"] {
  return { ...readLedger(sql), post: (rows) => postEntry(sql, rows) };
}

async function postEntry(sql: Sql, rows: readonly PostingRow[]): Promise<boolean> {
  assertBalanced(rows);
  for (const [line, row] of rows.entries()) {
    const { entryId, account, assetId, atomic, atMs } = row;
    const changed = await sql.run(INSERT, entryId, line, account, assetId, atomic.toString(), atMs);
    if (changed === 0 && line === 0) return false;
    assert(changed === 1, `ledger entry ${entryId} is there in part`);
    await addToBalance(sql, row);
  }
  return true;
}

function assertBalanced(rows: readonly PostingRow[]): void {
  const entryId = rows[0]?.entryId;
  assert(entryId !== undefined, "a ledger entry has no postings");
  const sums = new Map<string, bigint>();
  for (const row of rows) {
    assert(row.entryId === entryId, `postings of ${entryId} and ${row.entryId} in one entry`);
    sums.set(row.assetId, (sums.get(row.assetId) ?? 0n) + row.atomic);
  }
  for (const [assetId, sum] of sums)
    assert(sum === 0n, `ledger entry ${entryId} is off by ${sum} of ${assetId}`);
}

/** Added up here, because amounts are text and outgrow the integers of the database. */
async function addToBalance(sql: Sql, { account, assetId, atomic }: PostingRow): Promise<void> {
  const before = await sql.get<{ atomic: string }>(BALANCE, account, assetId);
  const after = BigInt(before?.atomic ?? "0") + atomic;
  if (after === 0n) await sql.run(DROP_BALANCE, account, assetId);
  else await sql.run(SET_BALANCE, account, assetId, after.toString());
}
