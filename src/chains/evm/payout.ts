import { type Address, type Hex, isHex, parseTransaction } from "viem";
import type { Amount } from "../../money.ts";
import type { EvmClient } from "./client.ts";
import type { EvmConfig } from "./settings.ts";

/** What a payout sends, as a rail is asked for it. */
export interface PayoutOrder {
  readonly to: string;
  readonly amount: Amount;
  /** "eip155:137/0x…/7": the treasury in lower case, and the nonce. */
  readonly lane: string;
}

/** A signed payout as a rail stores it. */
export interface SignedTransfer {
  readonly txId: string;
  readonly body: string;
  readonly lane: string;
  /** A nonce has no time bound. */
  readonly validUntilMs: null;
  /** Of the first one that was signed on this lane for this payout. */
  readonly signedAtHeight: number;
}

/** What a payout is looked up by; stored ones come back with a plain type. */
export type StoredTransfer = Omit<SignedTransfer, "validUntilMs">;

/** What the sending half of a chain works with. */
export interface Purse {
  readonly client: EvmClient;
  readonly config: EvmConfig;
}

/** `SignedTransfer.body`, as JSON. */
export interface PayoutBody {
  /** The serialised transaction. */
  readonly raw: Hex;
  /** Those with lower bids that were sent before it; any of them may still land in its place. */
  readonly earlier: readonly Hex[];
  /** The chain's height when this bid was made. */
  readonly bidAtHeight: number;
}

/** The transaction of a stored payout. */
export interface PayoutTransaction extends PayoutBody {
  readonly token: Address;
  readonly data: Hex;
  readonly nonce: number;
  readonly gas: bigint;
  readonly maxFeeWei: bigint;
  readonly tipWei: bigint;
}

export function writeBody(body: PayoutBody): string {
  return JSON.stringify(body);
}

/** Null when the text is no body of ours. */
export function readBody(text: string): PayoutTransaction | null {
  try {
    const { raw, earlier, bidAtHeight } = JSON.parse(text) as PayoutBody;
    if (!isHex(raw) || !Array.isArray(earlier) || !Number.isSafeInteger(bidAtHeight)) return null;
    const { to, data, nonce = 0, gas, maxFeePerGas, maxPriorityFeePerGas } = parseTransaction(raw);
    if (!to || data === undefined || gas === undefined || maxFeePerGas === undefined) return null;
    const fees = { maxFeeWei: maxFeePerGas, tipWei: maxPriorityFeePerGas ?? 0n };
    return { raw, earlier, bidAtHeight, token: to, data, nonce, gas, ...fees };
  } catch {
    // Whatever was stored, it is not what we store.
    return null;
  }
}

/** "eip155:137/0x…/": what all lanes of this treasury begin with, on every rail of the chain. */
export function lanePrefix({ caip2, treasury }: Pick<EvmConfig, "caip2" | "treasury">): string {
  return `${caip2}/${treasury.toLowerCase()}/`;
}

/** The nonce of a lane; null when the lane is none of this treasury's. */
export function nonceOf(config: EvmConfig, lane: string): number | null {
  const prefix = lanePrefix(config);
  if (!lane.startsWith(prefix)) return null;
  const text = lane.slice(prefix.length);
  return /^(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : null;
}
