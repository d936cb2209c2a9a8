import { assert } from "../errors.ts";
import { marks, type SqlRow, type SqlValue } from "./sql.ts";

/** One column: its name in the database, and how a member of a row is written to it and read from it. */
export interface Column<Value> {
  readonly name: string;
  readonly write: (value: Value) => SqlValue;
  readonly read: (stored: SqlValue) => Value;
}

/** Stored as it is: text, a whole number, or null. */
export function plain<Value extends SqlValue>(name: string): Column<Value> {
  return { name, write: (value) => value, read: (stored) => stored as Value };
}

/** Base units as text, because they outgrow the integers of the database. */
export function amount(name: string): Column<bigint> {
  return { name, write: (value) => value.toString(), read: (stored) => BigInt(String(stored)) };
}

export function flag(name: string): Column<boolean> {
  return { name, write: (value) => (value ? 1 : 0), read: (stored) => stored === 1 };
}

/** JSON text. The reader trusts it, since only this column's `write` writes it. */
export function json<Value>(name: string): Column<Value> {
  return {
    name,
    write: (value) => JSON.stringify(value),
    read: (stored) => JSON.parse(String(stored)) as Value,
  };
}

/** The same column, with null as null. */
export function nullable<Value>(column: Column<Value>): Column<Value | null> {
  return {
    name: column.name,
    write: (value) => (value === null ? null : column.write(value)),
    read: (stored) => (stored === null ? null : column.read(stored)),
  };
}

/** A column for each member of a row: the compiler misses none. */
export type Columns<Row> = { readonly [Member in keyof Row]-?: Column<Row[Member]> };

/** What a table's columns say once, for every statement that needs it. */
export interface Table<Row> {
  /** `SELECT a, b, c FROM table`; `read` takes what it selects. */
  readonly select: string;
  /** `INSERT INTO table (a, b, c) VALUES (?, ?, ?)`; `values` gives what it needs. */
  readonly insert: string;
  readonly values: (row: Row) => readonly SqlValue[];
  readonly read: (stored: SqlRow) => Row;
  /** `a = ?, b = ?` for the given members; those that are undefined or have no column are left out. */
  readonly assign: (changes: Partial<Row>) => Assignments;
}

export interface Assignments {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

export function defineTable<Row extends object>(name: string, columns: Columns<Row>): Table<Row> {
  const members = Object.keys(columns) as (keyof Row)[];
  const names = members.map((member) => columns[member].name);
  return {
    select: `SELECT ${names.join(", ")} FROM ${name}`,
    insert: `INSERT INTO ${name} (${names.join(", ")}) VALUES (${marks(names.length)})`,
    values: (row) => members.map((member) => columns[member].write(row[member])),
    read(stored) {
      assert(stored.length === members.length, `a row of ${name} has other columns than asked for`);
      const row: Partial<Row> = {};
      let index = 0;
      for (const member of members) row[member] = columns[member].read(stored[index++] ?? null);
      return row as Row;
    },
    assign(changes) {
      const texts: string[] = [];
      const values: SqlValue[] = [];
      for (const member of members) {
        const value = changes[member];
        if (value === undefined) continue;
        texts.push(`${columns[member].name} = ?`);
        values.push(columns[member].write(value));
      }
      return { text: texts.join(", "), values };
    },
  };
}

/** The row of a look-up, or null. */
export function readOne<Row>(table: Table<Row>, stored: SqlRow | null): Row | null {
  return stored === null ? null : table.read(stored);
}
