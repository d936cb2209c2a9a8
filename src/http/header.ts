import type { IncomingMessage } from "node:http";

/** A header that may come once: its value, null when absent, "repeated" when it came more than once. */
export type SingleHeader = { readonly value: string } | "repeated" | null;

/**
 * Reads a header that must not be repeated. `name` is in lower case. Node joins repeated headers with a
 * comma, which would turn two values into one that nobody sent, hence the look at the raw list.
 */
export function singleHeader(request: IncomingMessage, name: string): SingleHeader {
  if (request.headers[name] === undefined) return null;
  const raw = request.rawHeaders;
  let value: string | null = null;
  for (let i = 0; i < raw.length; i += 2) {
    const candidate = raw[i] ?? "";
    if (candidate.length !== name.length || candidate.toLowerCase() !== name) continue;
    if (value !== null) return "repeated";
    value = raw[i + 1] ?? "";
  }
  return value === null ? null : { value };
}

const PRINTABLE = /^[\x20-\x7e]+$/;

/** True for one or more printable ASCII characters. */
export function isPrintableAscii(text: string): boolean {
  return PRINTABLE.test(text);
}
