import { hexToBigInt } from "viem";
import type { ServerClient } from "./client.ts";
import { type Header, MalformedAnswer, readHeader } from "./finality.ts";
import type { Network } from "./networks.ts";

/** What blocks cost now, wei per gas. */
export interface Market {
  readonly head: Header;
  /** The tip that is taken now. */
  readonly tipWei: bigint;
}

/** An EIP-1559 bid, wei per gas. */
export interface Bid {
  readonly maxFeeWei: bigint;
  readonly tipWei: bigint;
}

const GWEI = 10n ** 9n;

export async function readMarket(client: ServerClient, network: Network): Promise<Market> {
  const [head, tip] = await Promise.all([
    readHeader(client, "latest"),
    // Some chains do not know the method: the least tip of the network will do. A dead server fails above.
    client.request({ method: "eth_maxPriorityFeePerGas" }).then(hexToBigInt, () => 0n),
  ]);
  if (head === null) throw new MalformedAnswer("the server has no newest block");
  const leastWei = BigInt(network.minTipGwei) * GWEI;
  return { head, tipWei: tip > leastWei ? tip : leastWei };
}

/**
 * A bid that lands even when the base fee doubles, which takes six full blocks; never above `capWei`. Null when
 * the market itself is above that.
 */
export function bidFor({ head, tipWei }: Market, capWei: bigint): Bid | null {
  if (head.baseFeeWei + tipWei > capWei) return null;
  const ample = 2n * head.baseFeeWei + tipWei;
  return { maxFeeWei: ample < capWei ? ample : capWei, tipWei };
}

/** Servers replace a transaction of the same nonce only for an eighth more, of both numbers. */
export function raised({ maxFeeWei, tipWei }: Bid): Bid {
  const more = (wei: bigint): bigint => wei + wei / 8n + 1n;
  return { maxFeeWei: more(maxFeeWei), tipWei: more(tipWei) };
}

export function higherOf(a: Bid, b: Bid): Bid {
  const most = (x: bigint, y: bigint): bigint => (x > y ? x : y);
  return { maxFeeWei: most(a.maxFeeWei, b.maxFeeWei), tipWei: most(a.tipWei, b.tipWei) };
}
