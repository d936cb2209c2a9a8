import type { IncomingMessage } from "node:http";
import type { JsonObject } from "../../json.ts";
import { canonicalJson, type Json } from "../../json.ts";
import type { PaymentTerms } from "../../rails/rail.ts";
import { singleHeader } from "../header.ts";
import { v1NetworkOf } from "./terms.ts";

/** A payment as a client sent it: its outer form is sound, nothing is believed yet. */
export interface SentPayment {
  readonly version: 1 | 2;
  /** The whole message, as it came. */
  readonly message: JsonObject;
  /** Version 2: the entry of `accepts` that was chosen, echoed. */
  readonly accepted: JsonObject | null;
  /** CAIP-2 in version 2, a name in version 1. */
  readonly network: string;
  readonly scheme: string;
  /** The order that the echoed entry names. */
  readonly orderId: string | null;
  /** `id` of the extension payment-identifier. */
  readonly identifier: string | null;
}

export type SentHeader = SentPayment | "unreadable" | null;

/** Longer headers than this hold no payment; the server takes 16 kB of headers in all. */
const MAX_CHARACTERS = 14_000;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const IDENTIFIER = /^[A-Za-z0-9_-]{16,128}$/;

/** `PAYMENT-SIGNATURE` (version 2), else `X-PAYMENT` (version 1); null when the request carries neither. */
export function readPayment(request: IncomingMessage): SentHeader {
  const header = singleHeader(request, "payment-signature") ?? singleHeader(request, "x-payment");
  if (header === null) return null;
  if (header === "repeated" || header.value.length > MAX_CHARACTERS) return "unreadable";
  const message = decode(header.value);
  return (message === null ? null : parse(message)) ?? "unreadable";
}

/** Base64 of a JSON object that nests no deeper than 32; null when it is anything else. */
function decode(text: string): JsonObject | null {
  if (!BASE64.test(text)) return null;
  try {
    const value = JSON.parse(Buffer.from(text, "base64").toString("utf8")) as Json;
    return isObject(value) && canonicalJson(value) !== null ? value : null;
  } catch {
    return null; // not JSON: the client gets the terms again
  }
}

function parse(message: JsonObject): SentPayment | null {
  if (!isObject(message["payload"])) return null;
  if (message["x402Version"] === 1) return parseV1(message);
  return message["x402Version"] === 2 ? parseV2(message) : null;
}

function parseV1(message: JsonObject): SentPayment | null {
  const { network, scheme } = message;
  if (typeof network !== "string" || typeof scheme !== "string") return null;
  return { version: 1, message, accepted: null, network, scheme, orderId: null, identifier: null };
}

function parseV2(message: JsonObject): SentPayment | null {
  const { accepted, extensions } = message;
  if (!isObject(accepted)) return null;
  const { network, scheme, extra } = accepted;
  if (typeof network !== "string" || typeof scheme !== "string") return null;
  const orderId = isObject(extra) ? extra["orderId"] : null;
  return {
    version: 2,
    message,
    accepted,
    network,
    scheme,
    orderId: typeof orderId === "string" ? orderId : null,
    identifier: identifierOf(extensions),
  };
}

function identifierOf(extensions: Json | undefined): string | null {
  const extension = isObject(extensions) ? extensions["payment-identifier"] : null;
  const info = isObject(extension) ? extension["info"] : null;
  const id = isObject(info) ? info["id"] : null;
  return typeof id === "string" && IDENTIFIER.test(id) ? id : null;
}

/** The live entries that the payment may be meant for: one in version 2, which echoes it, else all that fit. */
export function termsFor(
  sent: SentPayment,
  live: readonly PaymentTerms[],
): readonly PaymentTerms[] {
  const { accepted } = sent;
  if (accepted !== null) return live.filter((terms) => isEcho(accepted, terms)).slice(0, 1);
  return live.filter(
    ({ scheme, network }) => scheme === sent.scheme && v1NetworkOf(network) === sent.network,
  );
}

/** The echo says everything that the entry says; clients may add to `extra`. */
function isEcho(accepted: JsonObject, terms: PaymentTerms): boolean {
  const { extra, ...fields } = terms;
  const echoed = accepted["extra"];
  return holds(accepted, fields) && isObject(echoed) && holds(echoed, extra);
}

function holds(given: JsonObject, wanted: JsonObject): boolean {
  return Object.entries(wanted).every(([name, value]) => isSame(given[name] ?? null, value));
}

const HEX = /^0x[0-9a-fA-F]+$/;

/** The case of an EVM address is a checksum, which clients may add. */
function isSame(given: Json, wanted: Json): boolean {
  if (typeof given === "string" && typeof wanted === "string" && HEX.test(wanted))
    return given.toLowerCase() === wanted.toLowerCase();
  return canonicalJson(given) === canonicalJson(wanted);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
