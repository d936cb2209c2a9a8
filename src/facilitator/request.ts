import type { Json, JsonObject } from "../json.ts";
import type { PaymentTerms } from "../rails/rail.ts";
import type { Asked, ServedScheme } from "./served.ts";

export type ReadRequest =
  | { readonly kind: "asked"; readonly asked: Asked }
  /** Well formed, but nothing that is done here: an x402 reason. `network` as the caller wrote it. */
  | { readonly kind: "refused"; readonly reason: string; readonly network: string }
  /** No request of this protocol. */
  | { readonly kind: "garbage"; readonly detail: string };

type Members = Readonly<Record<string, unknown>>;

const MAX_TEXT = 256;
const ATOMIC = /^\d{1,78}$/;

/**
 * Reads the body of `/verify` and `/settle`: `{ x402Version, paymentPayload, paymentRequirements }`, version 1 or
 * 2. The payload itself is left to the scheme.
 */
export function readRequest(body: unknown, schemes: readonly ServedScheme[]): ReadRequest {
  if (!isMembers(body)) return garbage("The body must be a JSON object.");
  const { paymentPayload: payload, paymentRequirements: required } = body;
  if (!isMembers(payload)) return garbage("paymentPayload must be an object.");
  if (!isMembers(required)) return garbage("paymentRequirements must be an object.");
  const version = body["x402Version"] ?? payload["x402Version"];
  if (typeof version !== "number") return garbage("x402Version must be 1 or 2.");
  const network = textOf(required["network"]) ?? "";
  if (version !== 1 && version !== 2)
    return { kind: "refused", reason: "invalid_x402_version", network };
  if (payload["x402Version"] !== version)
    return { kind: "refused", reason: "invalid_x402_version", network };
  const terms = readTerms(required, version);
  if (typeof terms === "string") return garbage(terms);
  const served = findServed(schemes, terms, version);
  if (typeof served === "string") return { kind: "refused", reason: served, network };
  return {
    kind: "asked",
    asked: { version, payload, terms: { ...terms, network: served.network }, served },
  };
}

function garbage(detail: string): ReadRequest {
  return { kind: "garbage", detail };
}

/** The terms in the form of version 2, but for the network's name; or what is wrong with them. */
function readTerms(required: Members, version: 1 | 2): PaymentTerms | string {
  const amountName = version === 1 ? "maxAmountRequired" : "amount";
  const amount = textOf(required[amountName]);
  if (amount === null || !ATOMIC.test(amount))
    return `paymentRequirements.${amountName} must be base units as a decimal text.`;
  const { maxTimeoutSeconds } = required;
  if (!Number.isSafeInteger(maxTimeoutSeconds) || Number(maxTimeoutSeconds) < 0)
    return "paymentRequirements.maxTimeoutSeconds must be a whole number.";
  const texts = ["scheme", "network", "asset", "payTo"].map((name) => textOf(required[name]));
  const [scheme, network, asset, payTo] = texts;
  if (!scheme || !network || !asset || !payTo)
    return "paymentRequirements needs scheme, network, asset and payTo as texts.";
  const extra = required["extra"] ?? {};
  if (!isMembers(extra)) return "paymentRequirements.extra must be an object.";
  return {
    scheme,
    network,
    amount,
    asset,
    payTo,
    maxTimeoutSeconds: Number(maxTimeoutSeconds),
    extra: extra as Readonly<Record<string, Json>> satisfies JsonObject,
  };
}

/** An x402 reason when there is none. */
function findServed(
  schemes: readonly ServedScheme[],
  { scheme, network }: PaymentTerms,
  version: 1 | 2,
): ServedScheme | "invalid_network" | "unsupported_scheme" {
  const there = schemes.filter(
    (served) => (version === 1 ? served.networkV1 : served.network) === network,
  );
  if (there.length === 0) return "invalid_network";
  return there.find((served) => served.scheme === scheme) ?? "unsupported_scheme";
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_TEXT ? value : null;
}
