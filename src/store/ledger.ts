import { assert } from "../errors.ts";
import type { Sql, SqlReader } from "./sql.ts";
import { amount, defineTable, plain } from "./table.ts";
import type { PostingRow } from "./rows.ts";
import type { Reader, Tx } from "./tx.ts";

interface StoredPosting extends PostingRow {
  /** Position in its entry; makes a repeated entry collide at its first line. */
  readonly line: number;
}

type Balance = Omit<PostingRow, "entryId" | "atMs">;

const POSTINGS = defineTable<StoredPosting>("postings", {
  entryId: plain("entry_id"),
  line: plain("line"),
  account: plain("account"),
  assetId: plain("asset_id"),
  atomic: amount("atomic"),
  atMs: plain("at_ms"),
});

const BALANCES = defineTable<Balance>("balances", {
  account: plain("account"),
  assetId: plain("asset_id"),
  atomic: amount("atomic"),
});

const INSERT = `${POSTINGS.insert} ON CONFLICT (entry_id, line) DO NOTHING`;
const ALL_BALANCES = `${BALANCES.select} ORDER BY account, asset_id`;
const BALANCE = `${BALANCES.select} WHERE account = ? AND asset_id = ?`;
const SET_BALANCE = `${BALANCES.insert}
  ON CONFLICT (account, asset_id) DO UPDATE SET atomic = excluded.atomic`;

export function readLedger(sql: SqlReader): Reader["ledger"] {
  return { balances: async () => (await sql.all(ALL_BALANCES)).map(BALANCES.read) };
}

export function writeLedger(sql: Sql): Tx["ledger"] {
  return { ...readLedger(sql), post: (rows) => postEntry(sql, rows) };
}

async function postEntry(sql: Sql, rows: readonly PostingRow[]): Promise<boolean> {
  assertBalanced(rows);
  for (const [line, row] of rows.entries()) {
    const changed = await sql.run(INSERT, ...POSTINGS.values({ ...row, line }));
    if (changed === 0 && line === 0) return false;
    assert(changed === 1, `ledger entry ${row.entryId} is there in part`);
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
  const stored = await sql.get(BALANCE, account, assetId);
  const before = stored === null ? 0n : BALANCES.read(stored).atomic;
  await sql.run(SET_BALANCE, ...BALANCES.values({ account, assetId, atomic: before + atomic }));
}
