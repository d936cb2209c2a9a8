/** The little that the table files need of a database; each engine gives its own. */

/** What a column holds: ids, amounts and JSON are text; times, counts and flags are whole numbers. */
export type SqlValue = string | number | null;

/** Values in the order of the selected columns. */
export type SqlRow = readonly SqlValue[];

/** `?` marks a value, in order; a dialect with numbered marks rewrites the text. */
export interface SqlReader {
  /** The first row, or null. */
  get(text: string, ...values: readonly SqlValue[]): Promise<SqlRow | null>;
  all(text: string, ...values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
}

export interface Sql extends SqlReader {
  /** Runs a text that writes and gives the number of rows that it inserted, changed or deleted. */
  run(text: string, ...values: readonly SqlValue[]): Promise<number>;
}

/** `?, ?, ?` for a list of values; `NULL` for an empty one, so that `IN (…)` matches nothing. */
export function marks(count: number): string {
  return count === 0 ? "NULL" : Array.from({ length: count }, () => "?").join(", ");
}
