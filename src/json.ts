/** Plain data as JSON has it: what may be stored in a TEXT column or cross a thread. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json };

export type JsonObject = { readonly [name: string]: Json };

/** Deepest nesting that `canonicalJson` follows. */
const MAX_DEPTH = 32;

/**
 * One text for equal values: object keys sorted at every depth, arrays in order, no white space. Null when
 * the value nests deeper than 32.
 */
export function canonicalJson(value: Json): string | null {
  const write = (item: Json, depth: number): string | null => {
    if (typeof item !== "object" || item === null) return JSON.stringify(item);
    if (depth >= MAX_DEPTH) return null;
    const parts: string[] = [];
    if (isArray(item)) {
      for (const child of item) {
        const text = write(child, depth + 1);
        if (text === null) return null;
        parts.push(text);
      }
      return `[${parts.join(",")}]`;
    }
    for (const name of Object.keys(item).toSorted()) {
      const text = write(item[name] ?? null, depth + 1);
      if (text === null) return null;
      parts.push(`${JSON.stringify(name)}:${text}`);
    }
    return `{${parts.join(",")}}`;
  };
  return write(value, 0);
}

/** `Array.isArray` does not narrow read-only arrays. */
function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
