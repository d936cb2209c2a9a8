import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { Token } from "../../chains/evm/networks.ts";
import type { Json, JsonObject } from "../../json.ts";
import type { Authorization, AuthorizationRead, PaymentTerms } from "../rail.ts";
import {
  addressOf,
  isMembers,
  promiseBody,
  readPromise,
  type Hex,
  type SignedPromise,
} from "./promise.ts";

/** A promise with all that carrying it out needs. */
export interface ReadPromise {
  readonly promise: SignedPromise;
  readonly token: Token;
  readonly terms: PaymentTerms;
  /** Additions of the payer's, such as a permit that stands in for an allowance; as they came. */
  readonly extensions: JsonObject | null;
}

/** Beyond this, a number of seconds is no date. */
const MAX_SECONDS = 8_640_000_000_000n;
const MAX_EXTENSIONS_CHARS = 16_384;

type Reading = { readonly kind: "read"; readonly read: ReadPromise } | Invalid;
type Invalid = Extract<AuthorizationRead, { kind: "invalid" }>;

function invalid(reason: string): Invalid {
  return { kind: "invalid", reason };
}

/** What a payload of either version promises, held against the terms. No signature is checked, no clock read. */
export function readAuthorization(
  config: EvmConfig,
  version: 1 | 2,
  payload: unknown,
  terms: PaymentTerms,
): AuthorizationRead {
  const reading = readPayload(config, version, payload, terms);
  if (reading.kind === "invalid") return reading;
  return { kind: "authorization", authorization: authorizationOf(config, reading.read) };
}

/** The promise of a stored authorization, which was read before. */
export function storedPromise(config: EvmConfig, { body }: Authorization): ReadPromise | null {
  const { payload, terms } = body;
  if (!isMembers(payload) || !isMembers(terms)) return null;
  const reading = readPayload(config, 2, payload, terms as unknown as PaymentTerms);
  return reading.kind === "read" ? reading.read : null;
}

function readPayload(
  config: EvmConfig,
  version: 1 | 2,
  payload: unknown,
  terms: PaymentTerms,
): Reading {
  if (!isMembers(payload) || payload["x402Version"] !== version) return invalid("invalid_payload");
  const mismatch = version === 1 ? chosenV1(config, payload) : chosenV2(payload, terms);
  if (mismatch !== null) return invalid(mismatch);
  if (terms.scheme !== "exact") return invalid("invalid_exact_evm_scheme");
  if (terms.network !== config.caip2) return invalid("invalid_exact_evm_network_mismatch");
  const token = config.tokens.find(({ address }) => isSame(address, terms.asset));
  const method = methodOf(terms, token);
  if (token === undefined || typeof method === "string") return invalid(methodReason(method));
  const tokenAddress = token.address.toLowerCase() as Hex;
  const promise = readPromise(payload["payload"], method.kind, tokenAddress);
  if (typeof promise === "string") return invalid(promise);
  const unfit = unfitReason(promise, terms);
  if (unfit !== null) return invalid(unfit);
  const extensions = extensionsOf(payload["extensions"]);
  return { kind: "read", read: { promise, token, terms, extensions } };
}

/** Why a version 1 payload is for something else, or null. */
function chosenV1(config: EvmConfig, payload: Readonly<Record<string, unknown>>): string | null {
  if (payload["scheme"] !== "exact") return "invalid_exact_evm_scheme";
  const { x402V1Name } = config.network;
  const isHere = x402V1Name !== null && payload["network"] === x402V1Name;
  return isHere ? null : "invalid_exact_evm_network_mismatch";
}

/** Why a version 2 payload accepts other terms than these, or null. */
function chosenV2(payload: Readonly<Record<string, unknown>>, terms: PaymentTerms): string | null {
  const { accepted } = payload;
  if (!isMembers(accepted)) return "invalid_payload";
  if (accepted["scheme"] !== terms.scheme) return "invalid_exact_evm_scheme";
  if (accepted["network"] !== terms.network) return "invalid_exact_evm_network_mismatch";
  if (accepted["amount"] !== terms.amount)
    return "invalid_exact_evm_payload_authorization_value_mismatch";
  if (!isSame(accepted["asset"], terms.asset)) return "invalid_payment_requirements";
  if (!isSame(accepted["payTo"], terms.payTo)) return "invalid_exact_evm_recipient_mismatch";
  const { extra } = accepted;
  const orderId = isMembers(extra) ? extra["orderId"] : undefined;
  const isForAnother = orderId !== undefined && orderId !== terms.extra["orderId"];
  return isForAnother ? "invalid_payment_requirements" : null;
}

type Method = { readonly kind: SignedPromise["method"] };

/** How the terms want the token moved, or why it cannot be moved like that. */
function methodOf({ extra }: PaymentTerms, token: Token | undefined): Method | string {
  if (token === undefined) return "invalid_payment_requirements";
  const { assetTransferMethod = "eip3009", name, version } = extra;
  if (assetTransferMethod === "permit2") return { kind: "permit2" };
  if (assetTransferMethod !== "eip3009") return "unsupported_asset_transfer_method";
  const { method } = token;
  if (method.kind !== "eip3009") return "invalid_exact_evm_eip3009_not_supported";
  if (typeof name !== "string" || typeof version !== "string")
    return "invalid_exact_evm_missing_eip712_domain";
  if (name !== method.domain.name) return "invalid_exact_evm_token_name_mismatch";
  if (version !== method.domain.version) return "invalid_exact_evm_token_version_mismatch";
  return { kind: "eip3009" };
}

function methodReason(method: Method | string): string {
  return typeof method === "string" ? method : "invalid_payment_requirements";
}

/** Why a promise does not do what the terms ask for, or null. */
function unfitReason(promise: SignedPromise, { payTo, amount }: PaymentTerms): string | null {
  const isEip3009 = promise.method === "eip3009";
  if (promise.to !== addressOf(payTo))
    return isEip3009
      ? "invalid_exact_evm_recipient_mismatch"
      : "invalid_permit2_recipient_mismatch";
  if (promise.atomic === 0n || promise.atomic.toString() !== amount)
    return isEip3009
      ? "invalid_exact_evm_payload_authorization_value_mismatch"
      : "permit2_amount_mismatch";
  if (promise.validBefore <= promise.validAfter || promise.validBefore > MAX_SECONDS)
    return isEip3009
      ? "invalid_exact_evm_payload_authorization_valid_before"
      : "permit2_deadline_expired";
  return null;
}

function authorizationOf(config: EvmConfig, read: ReadPromise): Authorization {
  const { promise, token, terms, extensions } = read;
  return {
    ref: authorizationRef(config.caip2, promise),
    from: promise.from,
    amount: { asset: token.asset, atomic: promise.atomic },
    validUntilMs: Number(promise.validBefore) * 1_000,
    body: {
      terms: terms as unknown as JsonObject,
      payload: payloadV2({ promise, token, terms, extensions }),
    },
  };
}

/** The payload in the form of version 2, whichever it came in. */
export function payloadV2({ promise, terms, extensions }: ReadPromise): JsonObject {
  const payload = { accepted: terms as unknown as JsonObject, payload: promiseBody(promise) };
  return { x402Version: 2, ...payload, ...(extensions !== null && { extensions }) };
}

/** EIP-3009 counts by 32 bytes, Permit2 by a number: written as such, the two never meet. */
export function authorizationRef(
  caip2: string,
  { method, token, from, nonce }: Pick<SignedPromise, "method" | "token" | "from" | "nonce">,
): string {
  return `${caip2}|${token}|${from}|${method === "eip3009" ? nonce : BigInt(nonce).toString()}`;
}

/** Bounded; anything else than a small object is as good as none. */
function extensionsOf(value: unknown): JsonObject | null {
  if (!isMembers(value)) return null;
  const isSmall = JSON.stringify(value).length <= MAX_EXTENSIONS_CHARS;
  return isSmall ? (value as Readonly<Record<string, Json>>) : null;
}

function isSame(a: unknown, b: string): boolean {
  return typeof a === "string" && a.toLowerCase() === b.toLowerCase();
}
