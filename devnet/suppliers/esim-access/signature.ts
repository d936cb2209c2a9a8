import { createHmac } from "node:crypto";
import type { Clock } from "../clock.ts";
import { isSameSecret, type HttpRequest } from "../server.ts";
import type { EsimErrorCode } from "./envelope.ts";

export interface EsimCredentials {
  readonly accessCode: string;
  readonly secret: string;
}

/** The age at which the simulator takes a timestamp for expired; the real one is not documented. */
const TIMESTAMP_WINDOW_MS = 5 * 60_000;

/**
 * What is wrong with a request's headers; null when it may pass. The access code alone suffices, as it does
 * there; whoever sends any part of a signature must send a right one.
 */
export function checkCredentials(
  { accessCode, secret }: EsimCredentials,
  { headers, text }: Pick<HttpRequest, "headers" | "text">,
  clock: Clock,
): EsimErrorCode | null {
  const [given = "", requestId = "", timestamp = "", signature = ""] = [
    "rt-accesscode",
    "rt-requestid",
    "rt-timestamp",
    "rt-signature",
  ].map((name) => String(headers[name] ?? ""));
  if (given === "") return "000101";
  if (!isSameSecret(given, accessCode)) return "101003";
  const parts = [requestId, timestamp, signature].filter((part) => part !== "");
  if (parts.length === 0) return null;
  if (parts.length < 3) return "000101";
  if (!/^\d{13}$/.test(timestamp)) return "000102";
  if (Math.abs(clock.now() - Number(timestamp)) > TIMESTAMP_WINDOW_MS) return "101001";
  const wanted = createHmac("sha256", secret)
    .update(timestamp + requestId + accessCode + text)
    .digest("hex");
  return isSameSecret(signature, wanted) ? null : "101003";
}
