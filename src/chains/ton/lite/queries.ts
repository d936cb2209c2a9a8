import {
  type Address,
  Cell,
  getMethodId,
  parseTuple,
  serializeTuple,
  type TupleItem,
} from "@ton/core";
import type { Link } from "../chain.ts";
import type { LiteConnection } from "./connection.ts";
import { bytes, int32, int64, readTl, type TlReader } from "./tl.ts";

/** A LiteServer's own words for why it does not answer. */
export class LiteError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** `tonNode.blockIdExt` as it is written: workchain, shard, seqno and two hashes. */
type BlockId = Buffer;
const BLOCK_ID_BYTES = 80;

/** Numbers of types, lite_api.tl of the node. */
const TL = {
  error: 0xbba9e148,
  getMasterchainInfoExt: 0x70a671df,
  masterchainInfoExt: 0xa8cce0f5,
  getAccountState: 0x6b890e25,
  accountState: 0x7079c751,
  getTransactions: 0x1c40e7a1,
  transactionList: 0x6f26c60b,
  runSmcMethod: 0x5cc65dd2,
  runMethodResult: 0xa39a616b,
  sendMessage: 0x690ad482,
  sendMsgStatus: 0x3950e597,
} as const;

/** @throws LiteError, NoAnswer, RangeError */
async function ask(
  connection: LiteConnection,
  question: readonly Buffer[],
  answerType: number,
): Promise<TlReader> {
  const answer = readTl(await connection.ask(Buffer.concat(question)));
  const type = answer.uint32();
  if (type === TL.error) throw new LiteError(answer.int32(), answer.bytes().toString());
  if (type !== answerType) throw new Error("an answer to something else");
  return answer;
}

/** The newest block of the masterchain that the server has. */
export async function newestBlock(
  connection: LiteConnection,
): Promise<{ readonly id: BlockId; readonly timeS: number }> {
  const question = [int32(TL.getMasterchainInfoExt), int32(0)];
  const answer = await ask(connection, question, TL.masterchainInfoExt);
  answer.raw(4 + 4 + 8); // mode, version, capabilities
  return { id: answer.raw(BLOCK_ID_BYTES), timeS: answer.int32() };
}

function accountId({ workChain, hash }: Address): Buffer {
  return Buffer.concat([int32(workChain), hash]);
}

/** Bags of cells: the account, empty where there is none, and its place in the state of its shard. */
export async function accountAt(
  connection: LiteConnection,
  address: Address,
  block: BlockId,
): Promise<{ readonly state: Buffer; readonly proof: Buffer }> {
  const question = [int32(TL.getAccountState), block, accountId(address)];
  const answer = await ask(connection, question, TL.accountState);
  if (!answer.raw(BLOCK_ID_BYTES).equals(block)) throw new Error("an account of another block");
  answer.raw(BLOCK_ID_BYTES);
  answer.bytes();
  const [proof, state] = [answer.bytes(), answer.bytes()];
  return { state, proof };
}

/** The transaction with this place in the account's history. @throws LiteError if the server does not know it */
export async function transactionAt(
  connection: LiteConnection,
  address: Address,
  { lt, hash }: Link,
): Promise<Cell | null> {
  const place = [accountId(address), int64(lt), Buffer.from(hash, "hex")];
  const question = [int32(TL.getTransactions), int32(1), ...place];
  const answer = await ask(connection, question, TL.transactionList);
  answer.raw(answer.uint32() * BLOCK_ID_BYTES);
  return Cell.fromBoc(answer.bytes())[0] ?? null;
}

/** The stack is wanted, and no proof. */
const RESULT = 4;

export async function runMethodAt(
  connection: LiteConnection,
  call: { readonly address: Address; readonly method: string; readonly stack: TupleItem[] },
  block: BlockId,
): Promise<{ readonly exitCode: number; readonly stack: TupleItem[] }> {
  const method = int64(BigInt(getMethodId(call.method)));
  const stack = bytes(serializeTuple(call.stack).toBoc({ idx: false, crc32: false }));
  const question = [int32(TL.runSmcMethod), int32(RESULT), block, accountId(call.address)];
  const answer = await ask(connection, [...question, method, stack], TL.runMethodResult);
  if (answer.uint32() !== RESULT) throw new Error("an answer with other parts than were asked for");
  answer.raw(2 * BLOCK_ID_BYTES);
  const exitCode = answer.int32();
  const boc = answer.bytes();
  const [cell] = boc.length === 0 ? [] : Cell.fromBoc(boc);
  return { exitCode, stack: cell === undefined ? [] : parseTuple(cell) };
}

/** @throws LiteError if the server, or the contract, does not take it */
export async function sendBoc(connection: LiteConnection, boc: Buffer): Promise<null> {
  await ask(connection, [int32(TL.sendMessage), bytes(boc)], TL.sendMsgStatus);
  return null;
}
