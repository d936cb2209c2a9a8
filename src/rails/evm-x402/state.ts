import { numberToHex } from "viem";
import type { ServerClient } from "../../chains/evm/client.ts";
import { PERMIT2, wordOf, type Hex, type SignedPromise } from "./promise.ts";

/** authorizationState(address,bytes32) of EIP-3009. */
const AUTHORIZATION_STATE = "0xe94a0102";
/** nonceBitmap(address,uint256) of Permit2. */
const NONCE_BITMAP = "0x4fe02b44";
/** balanceOf(address) and allowance(address,address) of ERC-20. */
const BALANCE_OF = "0x70a08231";
const ALLOWANCE = "0xdd62ed3e";

type Asker = Pick<ServerClient, "request">;

/** Whether the promise's nonce is used up at a block: by the promise itself, by another one or by its revocation. */
export async function isNonceUsed(
  server: Asker,
  promise: Pick<SignedPromise, "method" | "token" | "from" | "nonce">,
  at: number | "latest",
): Promise<boolean> {
  const { method, token, from, nonce } = promise;
  if (method === "eip3009") {
    const data = `${AUTHORIZATION_STATE}${address(from)}${nonce.slice(2)}` as const;
    return BigInt(await call(server, token, data, at)) !== 0n;
  }
  const { word, bit } = permit2Place(nonce);
  const data = `${NONCE_BITMAP}${address(from)}${wordOf(word).slice(2)}` as const;
  return (BigInt(await call(server, PERMIT2, data, at)) & bit) !== 0n;
}

/** Where Permit2 keeps a nonce: 256 of them share a word. */
function permit2Place(nonce: Hex): { readonly word: bigint; readonly bit: bigint } {
  const number = BigInt(nonce);
  return { word: number >> 8n, bit: 1n << (number & 255n) };
}

/** What of the payer's may stand in the way of a promise. */
export interface PayerState {
  readonly isNonceUsed: boolean;
  readonly balanceAtomic: bigint;
  /** What Permit2 may move; null where the token needs no allowance. */
  readonly allowanceAtomic: bigint | null;
}

export async function readPayer(server: Asker, promise: SignedPromise): Promise<PayerState> {
  const { method, token, from } = promise;
  const [isUsed, balance, allowance] = await Promise.all([
    isNonceUsed(server, promise, "latest"),
    call(server, token, `${BALANCE_OF}${address(from)}`),
    method === "permit2"
      ? call(server, token, `${ALLOWANCE}${address(from)}${address(PERMIT2)}`)
      : null,
  ]);
  return {
    isNonceUsed: isUsed,
    balanceAtomic: BigInt(balance),
    allowanceAtomic: allowance === null ? null : BigInt(allowance),
  };
}

async function call(
  server: Asker,
  to: Hex,
  data: Hex,
  at: number | "latest" = "latest",
): Promise<Hex> {
  const block = typeof at === "number" ? numberToHex(at) : at;
  return server.request({ method: "eth_call", params: [{ to, data }, block] });
}

function address(value: Hex): string {
  return value.slice(2).padStart(64, "0");
}
