import {
  type Address,
  getAddress,
  type Hex,
  hexToNumber,
  keccak256,
  numberToHex,
  pad,
  type RpcLog,
  slice,
} from "viem";
import type { Amount } from "../../money.ts";
import type { ServerClient } from "./client.ts";
import { MalformedAnswer, readHeader } from "./finality.ts";
import type { Token } from "./networks.ts";

/** keccak256("Transfer(address,address,uint256)") */
const TRANSFER: Hex = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/** One transfer of a token. (`txId`, `index`) names it for ever, in whatever block it lands. */
export interface Transfer {
  readonly txId: Hex;
  /**
   * Which of the transaction's transfers: made of token, receiver and the rank among those of both. The log's
   * own index would change when the transaction lands in another block.
   */
  readonly index: number;
  readonly from: Address;
  readonly to: Address;
  readonly amount: Amount;
  readonly height: number;
  readonly blockHash: Hex;
  /** Its place among the logs of that block. */
  readonly logIndex: number;
}

/** A log of a configured token that is no transfer as the standard has it. */
export interface OddLog {
  readonly txId: Hex;
  readonly index: number;
  readonly height: number;
  readonly reason: string;
  /** As it came, bounded. */
  readonly raw: string;
}

export interface TransferRead {
  /** In chain order. */
  readonly transfers: readonly Transfer[];
  readonly odd: readonly OddLog[];
}

/** Both ends included. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
}

/** Which transfers: of these tokens, to one of these addresses or from one. */
export interface TransferFilter {
  readonly tokens: readonly Token[];
  readonly side: "to" | "from";
  readonly addresses: readonly Address[];
}

const MAX_RAW_CHARACTERS = 2_000;

/**
 * The transfers of a range of blocks. The last block is asked for in the same batch, since a server that lags
 * answers for blocks that it does not have as if they were empty.
 * @throws MalformedAnswer when the server does not have the whole range
 */
export async function readTransfers(
  client: ServerClient,
  filter: TransferFilter,
  range: BlockRange,
): Promise<TransferRead> {
  const { tokens, side, addresses } = filter;
  if (addresses.length === 0 || tokens.length === 0) return { transfers: [], odd: [] };
  const parties = addresses.map((address) => pad(address.toLowerCase() as Hex));
  const query = {
    address: tokens.map(({ address }) => address),
    topics: side === "to" ? [TRANSFER, null, parties] : [TRANSFER, parties],
    fromBlock: numberToHex(range.from),
    toBlock: numberToHex(range.to),
  };
  const [last, logs] = await Promise.all([
    readHeader(client, range.to),
    client.request({ method: "eth_getLogs", params: [query] }),
  ]);
  if (last === null) throw new MalformedAnswer(`the server does not have block ${range.to} yet`);
  return transfersIn(logs, tokens);
}

function transfersIn(logs: readonly RpcLog[], tokens: readonly Token[]): TransferRead {
  const byAddress = new Map(tokens.map((token) => [token.address.toLowerCase(), token]));
  const ranks = new Map<string, number>();
  const transfers: Transfer[] = [];
  const odd: OddLog[] = [];
  for (const log of logs
    .filter(({ removed }) => !removed)
    .map(placed)
    .toSorted(inChainOrder)) {
    const token = byAddress.get(log.address.toLowerCase());
    if (token === undefined) continue;
    const { txId, height, blockHash, logIndex } = log;
    const [, from, to] = log.topics;
    const series = `${txId}|${log.address.toLowerCase()}|${to ?? ""}`;
    const rank = ranks.get(series) ?? 0;
    ranks.set(series, rank + 1);
    const index = indexOf(log.address, to ?? "0x", rank);
    if (
      log.topics.length !== 3 ||
      from === undefined ||
      to === undefined ||
      log.data.length !== 66
    ) {
      const reason = "the token's Transfer is not of the standard's form";
      odd.push({
        txId,
        index,
        height,
        reason,
        raw: JSON.stringify(log).slice(0, MAX_RAW_CHARACTERS),
      });
      continue;
    }
    const amount: Amount = { asset: token.asset, atomic: BigInt(log.data) };
    // Anybody can make a token say that somebody sent nothing.
    if (amount.atomic === 0n) continue;
    const place = { height, blockHash, logIndex };
    transfers.push({ txId, index, from: party(from), to: party(to), amount, ...place });
  }
  return { transfers, odd };
}

interface PlacedLog {
  readonly address: Hex;
  readonly topics: readonly Hex[];
  readonly data: Hex;
  readonly txId: Hex;
  readonly height: number;
  readonly blockHash: Hex;
  readonly logIndex: number;
}

function placed({ address, topics, data, ...log }: RpcLog): PlacedLog {
  const { transactionHash: txId, blockNumber, blockHash, logIndex } = log;
  if (txId === null || blockNumber === null || blockHash === null || logIndex === null)
    throw new MalformedAnswer("a log of a closed block has no place on the chain");
  return {
    address,
    topics,
    data,
    txId,
    height: hexToNumber(blockNumber),
    blockHash,
    logIndex: hexToNumber(logIndex),
  };
}

export function inChainOrder(
  a: Pick<Transfer, "height" | "logIndex">,
  b: Pick<Transfer, "height" | "logIndex">,
): number {
  return a.height - b.height || a.logIndex - b.logIndex;
}

/** The address in the last 20 bytes of a topic. */
function party(topic: Hex): Address {
  return getAddress(slice(topic, 12, 32));
}

/** No transaction holds more transfers than this; it leaves 36 bits for token and receiver. */
const MAX_RANK = 2 ** 16;

function indexOf(token: Hex, receiver: Hex, rank: number): number {
  const tag = keccak256(`${token.toLowerCase() as Hex}${receiver.slice(2).toLowerCase()}`);
  return Number.parseInt(tag.slice(2, 11), 16) * MAX_RANK + Math.min(rank, MAX_RANK - 1);
}
