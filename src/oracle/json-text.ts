/** JSON in which every number is the text it was written as: prices never pass through a float. */
export type JsonText =
  | string
  | boolean
  | null
  | readonly JsonText[]
  | { readonly [name: string]: JsonText };

/** Null when the text is no JSON. */
export function parseJsonText(text: string): JsonText {
  // The third argument is part of JavaScript since ES2025; the compiler's library does not know it yet.
  const keepSource = (
    _key: string,
    value: unknown,
    context?: { readonly source?: string },
  ): unknown => (typeof value === "number" ? (context?.source ?? null) : value);
  try {
    return JSON.parse(text, keepSource) as JsonText;
  } catch {
    // A body that is no JSON holds no price: the caller says so.
    return null;
  }
}

/** What an RFC 6901 pointer such as "/result/XXLMZUSD/c/0" leads to; undefined when it leads nowhere. */
export function pointTo(value: JsonText, pointer: string): JsonText | undefined {
  if (pointer === "") return value;
  if (!pointer.startsWith("/")) return undefined;
  const names = pointer
    .slice(1)
    .split("/")
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  let here: JsonText | undefined = value;
  for (const name of names) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, name)) return undefined;
    here = (here as Readonly<Record<string, JsonText>>)[name];
  }
  return here;
}
