/**
 * The little that the table files need of a database. Texts are written once for every engine: `?` marks
 * a value, in order (a dialect with numbered marks rewrites them). Rows come back under the names that
 * the text gives its columns (`key_id AS "keyId"`).
 */

/** What a column holds: ids, amounts and JSON are text; times, counts and flags are whole numbers. */
export type SqlValue = string | number | null;

export interface SqlReader {
  /** The first row, or null. `Row` is the caller's word for what the text selects. */
  get<Row>(text: string, ...values: readonly SqlValue[]): Promise<Row | null>;
  all<Row>(text: string, ...values: readonly SqlValue[]): Promise<readonly Row[]>;
}

export interface Sql extends SqlReader {
  /** Runs a text that writes and gives the number of rows that it inserted, changed or deleted. */
  run(text: string, ...values: readonly SqlValue[]): Promise<number>;
}

/** `INSERT INTO table (a, b) VALUES (?, ?)`: the values follow in the order of the columns. */
export function insertInto(table: string, columns: readonly string[]): string {
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${marks(columns.length)})`;
}

/** `?, ?, ?` for a list of values; `NULL` for an empty one, so that `IN (…)` matches nothing. */
export function marks(count: number): string {
  return count === 0 ? "NULL" : Array.from({ length: count }, () => "?").join(", ");
}

/** The columns of an UPDATE that changes only some: `a = ?, b = ?` and the values, in the same order. */
export interface Assignments {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/** Undefined members are left as they are in the database. */
export function assignments(changes: Readonly<Record<string, SqlValue | undefined>>): Assignments {
  const given = Object.entries(changes).filter(
    (entry): entry is [string, SqlValue] => entry[1] !== undefined,
  );
  return {
    text: given.map(([column]) => `${column} = ?`).join(", "),
    values: given.map(([, value]) => value),
  };
}
