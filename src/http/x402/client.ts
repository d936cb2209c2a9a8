import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { RequestName } from "../../actions/create-x402-order.ts";
import { WALK_IN_KEY_ID } from "../../actions/manage-keys.ts";
import { Refusal } from "../../errors.ts";
import { canonicalJson, type JsonObject } from "../../json.ts";
import type { ApiKeyRow } from "../../store/rows.ts";
import { addressKey } from "../address.ts";
import { readIdempotencyKey } from "../idempotency.ts";

/** A request as far as its repetition is recognised by it. */
export interface AskedBy {
  readonly raw: IncomingMessage;
  readonly ip: string;
  /** Null: without a key. */
  readonly caller: ApiKeyRow | null;
  readonly body: JsonObject;
  /** `id` of the extension payment-identifier. */
  readonly identifier: string | null;
}

/** What an order is found again by. */
export interface RequestNames {
  /** Given on purpose: the payment-identifier, else the `Idempotency-Key`. */
  readonly explicit: RequestName | null;
  readonly implicit: RequestName;
  /**
   * Only the client that made an order can give these names: it may be told the order's access token again.
   * False when nothing but address, user agent and guessable text agree.
   */
  readonly isOwn: boolean;
}

const ROUTE = "POST /api/v1/x402/order";
/** A nanoid has 21 characters and 126 random bits; whatever is shorter might be guessed, or counted up. */
const MIN_SECRET_CHARACTERS = 21;

/** Refuses an unusable `Idempotency-Key`, and bodies that nest deeper than 32 levels. */
export function nameRequest(asked: AskedBy): RequestNames {
  const { caller } = asked;
  const text = canonicalJson(asked.body);
  if (text === null)
    throw new Refusal("invalid_request", "The body is nested deeper than 32 levels.");
  const fingerprint = hash("sha256", `${ROUTE}\n${text}`, "hex");
  const keyId = caller?.id ?? WALK_IN_KEY_ID;
  const client = clientOf(asked);
  const given = asked.identifier ?? readIdempotencyKey(asked.raw);
  const nameOf = (...parts: readonly string[]): RequestName => ({
    keyId,
    key: `x402-${hash("sha256", JSON.stringify(parts), "hex")}`,
    fingerprint,
  });
  const isSecret = given !== null && given.length >= MIN_SECRET_CHARACTERS;
  // A key that others might choose too is one client's own; a secret one holds from wherever it comes.
  const scope = caller !== null || isSecret ? "" : client.text;
  return {
    explicit: given === null ? null : nameOf("given", scope, given),
    implicit: nameOf("recent", client.text, fingerprint),
    isOwn: caller !== null || isSecret || client.isCertain,
  };
}

/**
 * Who asks, as well as can be told: never the address alone, which many share, and the body is compared besides.
 */
function clientOf({ caller, body, raw, ip }: AskedBy): {
  readonly text: string;
  readonly isCertain: boolean;
} {
  if (caller !== null) return { text: caller.id, isCertain: true };
  const ref = body["client_ref"];
  if (typeof ref === "string" && ref.length >= MIN_SECRET_CHARACTERS)
    return { text: `ref ${ref}`, isCertain: true };
  return { text: `${addressKey(ip)} ${raw.headers["user-agent"] ?? ""}`, isCertain: false };
}
