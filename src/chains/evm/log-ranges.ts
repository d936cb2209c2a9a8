import type { Endpoint } from "./client.ts";
import { readHeader } from "./finality.ts";
import type { CallFailure } from "./rpc-error.ts";
import {
  type BlockRange,
  inChainOrder,
  readTransfers,
  type TransferFilter,
  type TransferRead,
} from "./transfers.ts";

/** What a range of blocks holds at one server, or why that is not known. */
export type RangeRead =
  | { readonly kind: "read"; readonly read: TransferRead }
  /** The server no longer has such old blocks. */
  | { readonly kind: "pruned"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

/** How many blocks a server takes at once: learnt from what it turns down. */
export interface Span {
  blocks(): number;
  taken(): void;
  /** @param blocks How many were too many. */
  tooMany(blocks: number): void;
}

export function learnSpan(mostBlocks: number): Span {
  let blocks = mostBlocks;
  return {
    blocks: () => blocks,
    // Slowly: dense stretches of a chain come in runs.
    taken: () => void (blocks = Math.min(Math.ceil(blocks * 1.25), mostBlocks)),
    tooMany: (refused) => void (blocks = Math.max(Math.floor(refused / 2), 1)),
  };
}

export interface RangeQuery {
  readonly filters: readonly TransferFilter[];
  readonly range: BlockRange;
  readonly span: Span;
}

/** Reads the transfers of a range in as many calls as the server wants. */
export async function readRange(
  endpoint: Endpoint,
  { filters, range, span }: RangeQuery,
  signal?: AbortSignal,
): Promise<RangeRead> {
  const reads: TransferRead[] = [];
  for (let from = range.from; from <= range.to;) {
    const to = Math.min(range.to, from + span.blocks() - 1);
    const answer = await endpoint.ask(
      (client) => Promise.all(filters.map((one) => readTransfers(client, one, { from, to }))),
      signal,
    );
    if (answer.kind === "result") {
      reads.push(...answer.value);
      span.taken();
      from = to + 1;
    } else if (answer.kind === "error" && isTooMuch(answer) && to > from) {
      span.tooMany(to - from + 1);
    } else if (answer.kind === "error" && isPruned(answer)) {
      return { kind: "pruned", reason: answer.reason };
    } else return { kind: "failed", reason: answer.reason };
  }
  const transfers = reads.flatMap((read) => read.transfers).toSorted(inChainOrder);
  return { kind: "read", read: { transfers, odd: reads.flatMap(({ odd }) => odd) } };
}

type RpcFailure = Extract<CallFailure, { kind: "error" }>;

/** "query returned more than 10000 results", "block range is too large", "response size exceeded". */
function isTooMuch({ code, reason }: RpcFailure): boolean {
  return code === -32005 || /too (?:many|large|big)|more than \d|limit|exceed|range/i.test(reason);
}

/** EIP-4444's error code, and what servers without it say of blocks, logs or states that they have dropped. */
export function isPruned({ code, reason }: RpcFailure): boolean {
  return code === 4444 || /prun|history|archive|ancient|missing trie node|no longer/i.test(reason);
}

/**
 * The oldest block of a range whose header and logs a server has; the end of the range when it has none of the
 * others.
 */
export async function oldestAvailable(
  endpoint: Endpoint,
  filter: TransferFilter,
  range: BlockRange,
): Promise<number> {
  const isThere = async (height: number): Promise<boolean> => {
    const at = { from: height, to: height };
    const answer = await endpoint.ask(async (client) => {
      const [header] = await Promise.all([
        readHeader(client, height),
        readTransfers(client, filter, at),
      ]);
      return header !== null;
    });
    return answer.kind === "result" && answer.value;
  };
  let [missing, there] = [range.from, range.to];
  while (there - missing > 1) {
    const middle = Math.floor((missing + there) / 2);
    if (await isThere(middle)) there = middle;
    else missing = middle;
  }
  return there;
}
