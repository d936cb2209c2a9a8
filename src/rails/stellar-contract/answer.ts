/** Reads fields of a JSON answer that nobody has checked yet. */

/** The answer does not have the documented shape: a fault of the server, not of the caller. */
export class MalformedAnswer extends Error {
  override readonly name = "MalformedAnswer";
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new MalformedAnswer(`${what} is not an object`);
  }
  return value as Fields;
}

export function textIn(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw new MalformedAnswer(`${name} is not a text`);
  return value;
}

export function listIn(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  // A server written in Go says null for an empty list.
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new MalformedAnswer(`${name} is not a list`);
  return value;
}

/** A whole number ≥ 0; servers write some as decimal text. */
export function wholeIn(fields: Fields, name: string): number {
  const value = fields[name];
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) {
    throw new MalformedAnswer(`${name} is not a whole number`);
  }
  return number;
}
