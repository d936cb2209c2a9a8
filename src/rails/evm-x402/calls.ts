import { EXACT_PROXY, wordOf, type Hex, type SignedPromise } from "./promise.ts";

/** A call of a contract. */
export interface Call {
  readonly to: Hex;
  readonly data: Hex;
}

/** transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32) of EIP-3009. */
const TRANSFER = "0xe3ee160e";
/** The same with the signature as bytes, for payers that are contracts (EIP-1271). */
const TRANSFER_BY_CONTRACT = "0xcf092995";
/** settle(((address,uint256),uint256,uint256),address,(address,uint256),bytes) of x402's proxy. */
const SETTLE = "0x13cd3b53";
/** Where the signature's bytes begin: after eight words, and after seven. */
const SIGNATURE_OFFSET = 0x100n;
const CONTRACT_SIGNATURE_OFFSET = 0xe0n;
/** 65 bytes in hex: r, s and v. */
const KEY_SIGNATURE_CHARS = 132;

/**
 * The call that carries out a promise. Written out by hand, because a general encoder takes longer for it than
 * everything else that a check needs.
 */
export function carryingCall(promise: SignedPromise): Call {
  return promise.method === "eip3009" ? transferCall(promise) : settleCall(promise);
}

function transferCall(promise: SignedPromise): Call {
  const { token, from, to, atomic, validAfter, validBefore, nonce, signature } = promise;
  if (signature.length !== KEY_SIGNATURE_CHARS) return contractTransferCall(promise);
  const [r, s] = [signature.slice(2, 66), signature.slice(66, 130)];
  const v = BigInt(`0x${signature.slice(130, 132)}`);
  const words = [
    address(from),
    address(to),
    uint(atomic),
    uint(validAfter),
    uint(validBefore),
    nonce.slice(2),
    uint(v),
    r,
    s,
  ];
  return { to: token, data: `${TRANSFER}${words.join("")}` };
}

function contractTransferCall(promise: SignedPromise): Call {
  const { token, from, to, atomic, validAfter, validBefore, nonce, signature } = promise;
  const words = [
    address(from),
    address(to),
    uint(atomic),
    uint(validAfter),
    uint(validBefore),
    nonce.slice(2),
    uint(CONTRACT_SIGNATURE_OFFSET),
    ...bytesOf(signature),
  ];
  return { to: token, data: `${TRANSFER_BY_CONTRACT}${words.join("")}` };
}

/** The length, and the bytes up to a whole word. */
function bytesOf(signature: Hex): readonly string[] {
  const bytes = signature.slice(2);
  return [uint(BigInt(bytes.length / 2)), bytes.padEnd(Math.ceil(bytes.length / 64) * 64, "0")];
}

function settleCall(promise: SignedPromise): Call {
  const { token, from, to, atomic, validAfter, validBefore, nonce, signature } = promise;
  const words = [
    address(token),
    uint(atomic),
    nonce.slice(2),
    uint(validBefore),
    address(from),
    address(to),
    uint(validAfter),
    uint(SIGNATURE_OFFSET),
    ...bytesOf(signature),
  ];
  return { to: EXACT_PROXY, data: `${SETTLE}${words.join("")}` };
}

function address(value: Hex): string {
  return value.slice(2).padStart(64, "0");
}

function uint(value: bigint): string {
  return wordOf(value).slice(2);
}
