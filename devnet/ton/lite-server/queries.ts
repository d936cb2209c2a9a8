import { Address, Cell, parseTuple, serializeTuple, type TupleItem } from "@ton/core";
import { GetMethodError } from "@ton/sandbox";
import { ApiError } from "../api-error.ts";
import type { TonChain } from "../chain.ts";
import type { Block } from "../ledger.ts";
import { BASECHAIN, MASTERCHAIN, submitMessage } from "../methods.ts";
import { readPage } from "../transactions.ts";
import { blockHash } from "../views.ts";
import { proveAccount } from "./account-proof.ts";
import { writeBag } from "./bag-of-cells.ts";
import { bytes, int32, int64, readTl, type TlReader } from "./tl.ts";

/** The chain as one query sees it. */
export interface View {
  readonly chain: TonChain;
  /** The newest block that the server knows. */
  latest(): Block;
}

interface Query {
  readonly name: string;
  /** True: it may close a block, so that it is no reading between two. */
  readonly isSending?: true;
  /** The answer's bytes, its type in front. @throws ApiError, or RangeError for what cannot be read */
  answer(view: View, given: TlReader): Promise<Buffer>;
}

/** The whole of a workchain: there are no smaller shards here. */
const SHARD = -(2n ** 63n);
const VERSION = 0x101;
const CAPABILITIES = 7n;
/** The most that lite servers give at once. */
const MAX_TRANSACTIONS = 16;
/** The stack is wanted, and nothing else is given. */
const RESULT = 4;
/** How get-methods of accounts without code end. */
const NO_CODE = -0x100;

/** By the number of their type (lite_api.tl). */
const QUERIES: ReadonlyMap<number, Query> = new Map<number, Query>([
  [0x89b5e62e, { name: "getMasterchainInfo", answer: masterchainInfo }],
  [0x70a671df, { name: "getMasterchainInfoExt", answer: masterchainInfoExt }],
  [
    0x16ad5a34,
    { name: "getTime", answer: async (view) => concat(int32(0xe953000d), now(view.latest())) },
  ],
  [0x232b940b, { name: "getVersion", answer: version }],
  [0x6b890e25, { name: "getAccountState", answer: accountState }],
  [0x1c40e7a1, { name: "getTransactions", answer: transactions }],
  [0x5cc65dd2, { name: "runSmcMethod", answer: runMethod }],
  [0x690ad482, { name: "sendMessage", isSending: true, answer: sendMessage }],
]);

/** @param type The number that the query begins with. */
export function queryOf(type: number): Query | null {
  return QUERIES.get(type >>> 0) ?? null;
}

const concat = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

const now = ({ utime }: Block): Buffer => int32(utime);

function blockId({ seqno }: Pick<Block, "seqno">, workchain: number): Buffer {
  const hash = blockHash(seqno, workchain);
  return concat(int32(workchain), int64(SHARD), int32(seqno), hash, hash);
}

/** State of the newest block and the network's first one. */
function ends(block: Block): Buffer {
  const zero = blockHash(0, MASTERCHAIN);
  return concat(blockHash(block.seqno, MASTERCHAIN), int32(MASTERCHAIN), zero, zero);
}

async function masterchainInfo(view: View): Promise<Buffer> {
  const block = view.latest();
  return concat(int32(0x85832881), blockId(block, MASTERCHAIN), ends(block));
}

async function masterchainInfoExt(view: View, given: TlReader): Promise<Buffer> {
  const mode = given.int32();
  const block = view.latest();
  const head = [int32(0xa8cce0f5), int32(mode), int32(VERSION), int64(CAPABILITIES)];
  return concat(...head, blockId(block, MASTERCHAIN), now(block), now(block), ends(block));
}

async function version(view: View): Promise<Buffer> {
  const head = [int32(0x5a0491e5), int32(0), int32(VERSION), int64(CAPABILITIES)];
  return concat(...head, now(view.latest()));
}

/** The block that a query is about. @throws ApiError if the server does not have it */
function blockOf(view: View, given: TlReader): Block {
  const [, , seqno] = [given.int32(), given.int64(), given.int32()];
  const rootHash = given.int256();
  given.int256();
  const block = seqno <= view.latest().seqno ? view.chain.ledger.block(seqno) : null;
  if (block && rootHash.equals(blockHash(seqno, MASTERCHAIN))) return block;
  throw new ApiError(500, "LITE_SERVER_NOTREADY: block is not applied");
}

function accountOf(given: TlReader): Address {
  const workchain = given.int32();
  return new Address(workchain, Buffer.from(given.int256()));
}

async function accountState(view: View, given: TlReader): Promise<Buffer> {
  const block = blockOf(view, given);
  const address = accountOf(given);
  const account = view.chain.accountAt(address, block.seqno);
  const { state, proof } = proveAccount(idOf(address), account, block);
  const ids = [blockId(block, MASTERCHAIN), blockId(block, BASECHAIN)];
  return concat(int32(0x7079c751), ...ids, bytes(Buffer.alloc(0)), bytes(proof), bytes(state));
}

function idOf({ hash }: Address): bigint {
  return BigInt(`0x${hash.toString("hex")}`);
}

async function transactions(view: View, given: TlReader): Promise<Buffer> {
  const limit = Math.min(given.uint32(), MAX_TRANSACTIONS);
  const account = accountOf(given).toRawString();
  const start = { lt: given.int64(), hash: given.int256() };
  const page = readPage(view.chain.ledger, { account, start, toLt: 0n, limit, isArchival: false });
  if ((page[0]?.seqno ?? 0) > view.latest().seqno) {
    throw new ApiError(500, "LITE_SERVER_NOTREADY: ltdb: block not found");
  }
  const cells = page.map(({ boc }) => Cell.fromBoc(boc)[0] ?? new Cell());
  const ids = page.map((stored) => blockId(stored, BASECHAIN));
  return concat(int32(0x6f26c60b), int32(ids.length), ...ids, bytes(writeBag(cells)));
}

/** On the newest state, whatever block the query names. */
async function runMethod(view: View, given: TlReader): Promise<Buffer> {
  const mode = given.int32() & RESULT;
  const block = blockOf(view, given);
  const address = accountOf(given);
  const method = Number(given.int64());
  const stack = stackOf(given.bytes());
  const { exitCode, items } = await ran(view.chain, { address, method, stack });
  const ids = [blockId(block, MASTERCHAIN), blockId(block, BASECHAIN)];
  const result = serializeTuple([...items]).toBoc({ idx: false, crc32: false });
  const head = [int32(0xa39a616b), int32(mode), ...ids, int32(exitCode)];
  return concat(...head, mode === RESULT ? bytes(result) : Buffer.alloc(0));
}

function stackOf(boc: Buffer): TupleItem[] {
  const [cell] = boc.length === 0 ? [] : Cell.fromBoc(boc);
  return cell ? parseTuple(cell) : [];
}

async function ran(
  chain: TonChain,
  call: Parameters<TonChain["runMethod"]>[0],
): Promise<{ readonly exitCode: number; readonly items: readonly TupleItem[] }> {
  try {
    const result = await chain.runMethod(call);
    return result
      ? { exitCode: result.exitCode, items: result.stack }
      : { exitCode: NO_CODE, items: [] };
  } catch (error) {
    if (!(error instanceof GetMethodError)) throw error;
    return { exitCode: error.exitCode, items: [] };
  }
}

async function sendMessage({ chain }: View, given: TlReader): Promise<Buffer> {
  const [cell] = Cell.fromBoc(given.bytes());
  if (!cell) throw new ApiError(422, "failed to parse boc");
  await submitMessage(chain, cell);
  return taken();
}

/** The answer to a message that the network took. */
export function taken(): Buffer {
  return concat(int32(0x3950e597), int32(1));
}

/** `waitMasterchainSeqno`, which may stand before a query: null if it does not. */
export function readWait(
  data: Buffer,
): { readonly seqno: number; readonly timeoutMs: number; readonly query: Buffer } | null {
  const given = readTl(data);
  if (given.uint32() !== 0xbaeab892) return null;
  return { seqno: given.int32(), timeoutMs: given.int32(), query: given.rest() };
}
