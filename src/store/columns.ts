/** Between what a column holds and what a row of `tx.ts` has. */
import type { Json } from "../json.ts";

export function bigintOrNull(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}

export function textOrNull(atomic: bigint | null): string | null {
  return atomic === null ? null : atomic.toString();
}

/** What this store wrote. The reader of a column knows the type that the column is written from. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- spares a cast at each column
export function fromJson<Value>(text: string): Value {
  return JSON.parse(text) as Value;
}

export function jsonOrNull(value: Json | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** Undefined stays undefined, so that a change can tell "leave it" from "make it null". */
export function ifGiven<Value, Column>(
  value: Value | undefined,
  toColumn: (value: Value) => Column,
): Column | undefined {
  return value === undefined ? undefined : toColumn(value);
}
