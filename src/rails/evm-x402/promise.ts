import type { JsonObject } from "../../json.ts";

export type Hex = `0x${string}`;

/** What a payer signed, whichever way the token moves it. Addresses and hex in lower case. */
export interface SignedPromise {
  /** How the token moves: by its own `transferWithAuthorization`, or through Permit2 and x402's proxy. */
  readonly method: "eip3009" | "permit2";
  readonly from: Hex;
  readonly to: Hex;
  readonly token: Hex;
  readonly atomic: bigint;
  /** Seconds since 1970. */
  readonly validAfter: bigint;
  /** Seconds since 1970; Permit2's deadline. */
  readonly validBefore: bigint;
  /** 32 bytes; Permit2's number in the same form. */
  readonly nonce: Hex;
  readonly signature: Hex;
}

/** Where Permit2 is on every chain. */
export const PERMIT2: Hex = "0x000000000022d473030f116ddee9f6b43ac78ba3";
/** x402's proxy for exact payments through Permit2, on every chain. */
export const EXACT_PROXY: Hex = "0x402085c248eea27d92e8b30b2c58ed07f9e20001";

/**
 * A promise whose end is farther away than this is not taken: until then somebody could carry it out, and its fate
 * could be looked for in ever more blocks.
 */
export const LONGEST_WINDOW_S = 7_200;

/** Why a payload is none, in x402's words. */
export type PayloadReason = string;

type Members = Readonly<Record<string, unknown>>;

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const WORD = /^0x[0-9a-fA-F]{64}$/;
/** A contract wallet may sign with much; a wallet that has yet to be deployed brings its deployment. */
const SIGNATURE = /^0x(?:[0-9a-fA-F]{2}){1,8192}$/;
const UINT = /^\d{1,78}$/;
const MAX_UINT = 2n ** 256n - 1n;

/**
 * The promise inside `payload.payload` of either version, or why there is none. Checks shapes and bounds alone.
 * @param method what the terms ask for; a payload of the other form is refused
 */
export function readPromise(
  inner: unknown,
  method: SignedPromise["method"],
  token: Hex,
): SignedPromise | PayloadReason {
  if (!isMembers(inner)) return "invalid_payload";
  const signature = hexOf(inner["signature"], SIGNATURE);
  if (signature === null) return "invalid_payload";
  return method === "eip3009"
    ? readEip3009(inner["authorization"], token, signature)
    : readPermit2(inner["permit2Authorization"], token, signature);
}

function readEip3009(given: unknown, token: Hex, signature: Hex): SignedPromise | PayloadReason {
  if (!isMembers(given)) return "unsupported_payload_type";
  const from = hexOf(given["from"], ADDRESS);
  const to = hexOf(given["to"], ADDRESS);
  const nonce = hexOf(given["nonce"], WORD);
  const atomic = uintOf(given["value"]);
  const validAfter = uintOf(given["validAfter"]);
  const validBefore = uintOf(given["validBefore"]);
  if (from === null || to === null || nonce === null) return "invalid_payload";
  if (atomic === null || validAfter === null || validBefore === null) return "invalid_payload";
  return { method: "eip3009", from, to, token, atomic, validAfter, validBefore, nonce, signature };
}

function readPermit2(given: unknown, token: Hex, signature: Hex): SignedPromise | PayloadReason {
  if (!isMembers(given)) return "unsupported_payload_type";
  const { permitted, witness } = given;
  if (!isMembers(permitted) || !isMembers(witness)) return "invalid_payload";
  const addresses = [given["from"], given["spender"], permitted["token"], witness["to"]];
  const [from, spender, permittedToken, to] = addresses.map(addressOf);
  const numbers = [given["nonce"], permitted["amount"], witness["validAfter"], given["deadline"]];
  const [nonce, atomic, validAfter, validBefore] = numbers.map(uintOf);
  if (!from || !to || !isNumber(nonce) || !isNumber(atomic)) return "invalid_payload";
  if (!isNumber(validAfter) || !isNumber(validBefore)) return "invalid_payload";
  if (spender !== EXACT_PROXY) return "invalid_permit2_spender";
  if (permittedToken !== token) return "permit2_token_mismatch";
  const times = { validAfter, validBefore, nonce: wordOf(nonce) };
  return { method: "permit2", from, to, token, atomic, ...times, signature };
}

/** `payload.payload` as the reference packages expect it, whatever the case and form that it came in. */
export function promiseBody(promise: SignedPromise): JsonObject {
  const { method, from, to, token, signature, nonce } = promise;
  const [value, validAfter, validBefore] = [
    promise.atomic,
    promise.validAfter,
    promise.validBefore,
  ].map(String) as [string, string, string];
  if (method === "eip3009")
    return { signature, authorization: { from, to, value, validAfter, validBefore, nonce } };
  return {
    signature,
    permit2Authorization: {
      from,
      permitted: { token, amount: value },
      spender: EXACT_PROXY,
      nonce: BigInt(nonce).toString(),
      deadline: validBefore,
      witness: { to, validAfter },
    },
  };
}

/** A number as 32 bytes. */
export function wordOf(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, "0")}`;
}

export function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function addressOf(value: unknown): Hex | null {
  return hexOf(value, ADDRESS);
}

function hexOf(value: unknown, form: RegExp): Hex | null {
  return typeof value === "string" && form.test(value) ? (value.toLowerCase() as Hex) : null;
}

function uintOf(value: unknown): bigint | null {
  if (typeof value !== "string" || !UINT.test(value)) return null;
  const number = BigInt(value);
  return number <= MAX_UINT ? number : null;
}

function isNumber(value: bigint | null | undefined): value is bigint {
  return typeof value === "bigint";
}
