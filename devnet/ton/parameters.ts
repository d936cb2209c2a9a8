import { Address } from "@ton/core";
import { ApiError } from "./api-error.ts";

/** What a caller gave: text by URL, numbers and booleans too by JSON. */
export type Parameters = Readonly<Record<string, unknown>>;

export function textOf(given: Parameters, name: string): string {
  const value = given[name];
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number") return String(value);
  throw new ApiError(422, `${name} is missing`);
}

/** @throws ApiError 422 */
export function addressOf(given: Parameters, name = "address"): Address {
  const text = textOf(given, name);
  try {
    return Address.parse(text);
  } catch {
    throw new ApiError(422, `${name} is no address: ${text}`);
  }
}

export function bigintOf(given: Parameters, name: string, fallback: bigint): bigint {
  const value = given[name] ?? "";
  if (value === "") return fallback;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === "string" && /^-?\d+$/.test(value)) return BigInt(value);
  throw new ApiError(422, `${name} is no integer`);
}

export function numberOf(given: Parameters, name: string, fallback?: number): number {
  if (given[name] === undefined && fallback === undefined) {
    throw new ApiError(422, `${name} is missing`);
  }
  return Number(bigintOf(given, name, BigInt(fallback ?? 0)));
}

/** 32 bytes, in hex or base64. */
export function hashOf(given: Parameters, name: string): Buffer {
  const text = textOf(given, name);
  const hash = Buffer.from(text, /^[\da-f]{64}$/i.test(text) ? "hex" : "base64");
  if (hash.length !== 32) throw new ApiError(422, `${name} is no hash`);
  return hash;
}

export function isTrue(given: Parameters, name: string): boolean {
  return given[name] === true || given[name] === "true" || given[name] === "1";
}
