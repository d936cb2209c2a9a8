import { createHash, timingSafeEqual } from "node:crypto";

/** Whether a request may be answered: anybody when there are no keys, else who sends one of them as a bearer. */
export type MayCall = (authorization: string | undefined) => boolean;

export function createMayCall(keys: readonly string[]): MayCall {
  const known = keys.map(hashOf);
  return (authorization) => {
    if (known.length === 0) return true;
    const given = /^Bearer +(\S{1,512})$/i.exec(authorization ?? "")?.[1];
    if (given === undefined) return false;
    const hash = hashOf(given);
    // All of them are looked at, so that the time tells nothing about any.
    return known.filter((key) => timingSafeEqual(key, hash)).length > 0;
  };
}

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
