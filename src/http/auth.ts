import { timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Refusal } from "../errors.ts";
import type { ApiKeyRow } from "../store/rows.ts";
import { addressKey } from "./address.ts";
import { CALLER } from "./caller.ts";
import type { HttpDeps } from "./deps.ts";
import { isPrintableAscii, singleHeader } from "./header.ts";
import { enforce, type Limits } from "./limits.ts";

const MIN_KEY_CHARACTERS = 21;
const MAX_KEY_CHARACTERS = 128;
/** Hashes of proven keys that are remembered, about 1 MB. */
const MAX_PROVEN = 10_000;

type AuthDeps = Pick<HttpDeps, "clock" | "hashKey" | "store">;

/**
 * The check of `X-Api-Key`, as a hook. Only keys that were presented and are wrong count against an address;
 * once it has used up its failures, keys that this process has seen proven still pass, so a stranger behind the
 * same address cannot lock an agent out, and no further guess is looked up.
 */
export function createAuthenticate(
  deps: AuthDeps,
  limits: Pick<Limits, "failedKeys">,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const proven = new Set<string>();

  const refuseGuess = (address: string): never => {
    limits.failedKeys.take(address);
    throw new Refusal("invalid_api_key", "This API key is not known here.");
  };

  return async (request, reply) => {
    const header = singleHeader(request.raw, "x-api-key");
    if (header === null)
      throw new Refusal("missing_api_key", "Send your API key in the X-Api-Key header.");
    const key = header === "repeated" || !isKeyShaped(header.value) ? null : header.value;
    const hash = key === null ? null : deps.hashKey(key);
    const address = addressKey(request.ip);
    if (hash === null || !proven.has(hash)) {
      const failures = limits.failedKeys.peek(address);
      if (failures.isExceeded) enforce(failures, "too_many_failed_auth_attempts", reply);
    }
    if (hash === null) return refuseGuess(address);
    const row = await deps.store.read.keys.byHash(hash);
    if (row === null || !isSameHash(row.hash, hash)) return refuseGuess(address);
    remember(proven, hash);
    requireUsable(row, deps.clock.now());
    request.setDecorator(CALLER, row);
  };
}

/** The same check where a key is welcome and not needed: a key that is sent must be right. */
export function whenKeyed(
  authenticate: ReturnType<typeof createAuthenticate>,
): ReturnType<typeof createAuthenticate> {
  return async (request, reply) => {
    if (request.headers["x-api-key"] !== undefined) await authenticate(request, reply);
  };
}

function isKeyShaped(key: string): boolean {
  return (
    key.length >= MIN_KEY_CHARACTERS && key.length <= MAX_KEY_CHARACTERS && isPrintableAscii(key)
  );
}

/** In constant time, so that the time of an answer tells nothing about a stored hash. */
function isSameHash(stored: string, given: string): boolean {
  const a = Buffer.from(stored);
  const b = Buffer.from(given);
  return a.length === b.length && timingSafeEqual(a, b);
}

function remember(proven: Set<string>, hash: string): void {
  if (proven.has(hash)) return;
  for (const oldest of proven) {
    if (proven.size < MAX_PROVEN) break;
    proven.delete(oldest);
  }
  proven.add(hash);
}

/** Only a proven key learns that it is suspended or expired. */
function requireUsable(key: ApiKeyRow, nowMs: number): void {
  if (key.isSuspended)
    throw new Refusal("api_key_suspended", "This API key is suspended; ask its owner.");
  if (key.expiresAtMs !== null && key.expiresAtMs <= nowMs)
    throw new Refusal("api_key_expired", "This API key has expired; ask its owner for a new one.");
}
