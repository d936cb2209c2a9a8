import { secp256k1, type RecoveryId } from "@bitauth/libauth";
import { keccak256 } from "viem";

const SIGNATURE = /^0x([0-9a-f]{128})(1b|1c)$/i;

/**
 * The address, in lower case, that made this 65-byte signature of a 32-byte digest; null when it is no such
 * signature. Runs libsecp256k1 as WebAssembly, about ten times as fast as curves in JavaScript.
 */
export function recoverAddress(digest: Uint8Array, signature: string): string | null {
  const match = SIGNATURE.exec(signature);
  if (match === null) return null;
  const compact = Buffer.from(match[1] ?? "", "hex");
  const recoveryId: RecoveryId = match[2]?.toLowerCase() === "1c" ? 1 : 0;
  const publicKey = secp256k1.recoverPublicKeyUncompressed(compact, recoveryId, digest);
  if (typeof publicKey === "string") return null;
  return `0x${keccak256(publicKey.subarray(1)).slice(-40)}`;
}
