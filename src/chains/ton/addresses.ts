import { Address } from "@ton/core";

const RAW = /^(0|-1):[0-9a-fA-F]{64}$/;
/** Both base64 alphabets; 36 bytes. */
const FRIENDLY = /^[A-Za-z0-9+/_-]{48}$/;

/** An address in either form; null for anything else, a wrong checksum included. Never throws. */
export function parseAddress(text: string): Address | null {
  if (RAW.test(text)) return Address.parseRaw(text.toLowerCase());
  if (!FRIENDLY.test(text)) return null;
  try {
    return Address.parseFriendly(text).address;
  } catch {
    return null;
  }
}

/** "0:…" in lower case: the one form in which addresses are stored and compared. */
export function rawAddress(address: Address): string {
  return address.toRawString();
}
