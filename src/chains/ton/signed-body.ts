import type { Link } from "./chain.ts";

/** What a signed payout must remember, as text: it outlives this process. */
export interface SignedBody {
  /** The external message, base64. */
  readonly boc: string;
  /** By which the treasury's account shows that it was accepted; 64 hex digits. */
  readonly bodyHash: string;
  /** The treasury's last transaction when it was signed: everything that matters comes after it. */
  readonly head: Link;
}

export function writeSignedBody({ boc, bodyHash, head }: SignedBody): string {
  return JSON.stringify({ boc, bodyHash, lt: head.lt.toString(), hash: head.hash });
}

/** Of our own text, so anything else is a bug. */
export function readSignedBody(text: string): SignedBody {
  const { boc, bodyHash, lt, hash } = JSON.parse(text) as Readonly<Record<string, string>>;
  if (boc === undefined || bodyHash === undefined || lt === undefined || hash === undefined)
    throw new Error("a stored payout of TON is not whole");
  return { boc, bodyHash, head: { lt: BigInt(lt), hash } };
}
