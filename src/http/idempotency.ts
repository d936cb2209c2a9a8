import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Refusal } from "../errors.ts";
import { canonicalJson, type JsonObject } from "../json.ts";
import { isPrintableAscii, singleHeader } from "./header.ts";

/** What names a request so that its repetition is known: the caller's key and what the body says. */
export interface Idempotency {
  readonly key: string;
  /** SHA-256 of the body as canonical JSON, hex: the order of members and white space do not count. */
  readonly fingerprint: string;
}

const MAX_KEY_CHARACTERS = 255;

/** Null without the header. Refuses a header that is repeated, empty, too long or not printable ASCII. */
export function readIdempotencyKey(request: IncomingMessage): string | null {
  const header = singleHeader(request, "idempotency-key");
  if (header === null) return null;
  if (header === "repeated")
    throw new Refusal("invalid_idempotency_key", "Send the Idempotency-Key header once.");
  const key = header.value;
  if (key.length > MAX_KEY_CHARACTERS || !isPrintableAscii(key))
    throw new Refusal(
      "invalid_idempotency_key",
      `An Idempotency-Key is 1 to ${MAX_KEY_CHARACTERS} printable ASCII characters.`,
    );
  return key;
}

/** Null without the header. Refuses a header that is unusable, and bodies that nest deeper than 32 levels. */
export function readIdempotency(request: IncomingMessage, body: JsonObject): Idempotency | null {
  const key = readIdempotencyKey(request);
  if (key === null) return null;
  const text = canonicalJson(body);
  if (text === null)
    throw new Refusal("invalid_request", "The body is nested deeper than 32 levels.");
  return { key, fingerprint: hash("sha256", text, "hex") };
}
