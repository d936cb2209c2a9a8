import { type Hex, hexToNumber, isHex, numberToHex, type RpcBlock } from "viem";
import type { ServerClient } from "./client.ts";
import type { Finality } from "./networks.ts";

/** A block as far as its place and time go. */
export interface Header {
  readonly number: number;
  readonly hash: Hex;
  /** By the chain's own clock. */
  readonly timeMs: number;
  /** Wei; 0n where the chain has none. */
  readonly baseFeeWei: bigint;
}

/** What is newest and what will not be replaced, as one server has it. */
export interface Tip {
  readonly head: Header;
  readonly final: Header;
}

/** A server's answer makes no sense. */
export class MalformedAnswer extends Error {}

/** Null when the server has no such block: too new for it, or too old. */
export async function readHeader(
  client: ServerClient,
  at: number | "latest" | "finalized",
): Promise<Header | null> {
  const block = typeof at === "number" ? numberToHex(at) : at;
  return headerOf(await client.request({ method: "eth_getBlockByNumber", params: [block, false] }));
}

function headerOf(block: RpcBlock | null): Header | null {
  if (block === null) return null;
  const { number, hash, timestamp, baseFeePerGas } = block;
  if (!isHex(number) || !isHex(hash) || !isHex(timestamp))
    throw new MalformedAnswer("a block without number, hash or time");
  return {
    number: hexToNumber(number),
    hash,
    timeMs: hexToNumber(timestamp) * 1000,
    baseFeeWei: BigInt(baseFeePerGas ?? 0),
  };
}

/** @throws MalformedAnswer when the server has no newest or no final block */
export async function readTip(client: ServerClient, finality: Finality): Promise<Tip> {
  if (finality.kind === "finalized") {
    const [head, final] = await Promise.all([
      readHeader(client, "latest"),
      readHeader(client, "finalized"),
    ]);
    return tipOf(head, final);
  }
  const head = await readHeader(client, "latest");
  // The block itself is the first of those that stand.
  const height = Math.max((head?.number ?? 0) - finality.blocks + 1, 0);
  return tipOf(head, height === head?.number ? head : await readHeader(client, height));
}

function tipOf(head: Header | null, final: Header | null): Tip {
  if (head === null) throw new MalformedAnswer("the server has no newest block");
  if (final === null)
    throw new MalformedAnswer(
      "no finalized block; where a chain has none, set FINALITY to a number",
    );
  // Two servers behind one address may differ by a block or two.
  return final.number > head.number ? { head: final, final } : { head, final };
}

/** Blocks until a payment is final, the one that holds it included; null where the chain says it itself. */
export function confirmationsOf(finality: Finality): number | null {
  return finality.kind === "depth" ? finality.blocks : null;
}
