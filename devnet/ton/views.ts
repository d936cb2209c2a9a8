import {
  Address,
  beginCell,
  Cell,
  type CommonMessageInfo,
  loadTransaction,
  type Message,
  storeMessage,
  type Transaction,
} from "@ton/core";
import type { StoredTransaction } from "./ledger.ts";

/** Shapes of toncenter's API v2, as the stock client checks them. */
type Json = Readonly<Record<string, unknown>>;

/** The whole of a workchain: there are no smaller shards here. */
const SHARD = "-9223372036854775808";
const COMMENT_OP = 0;

/** Hashes of blocks are made up, out of their number. */
export function blockHash(seqno: number, workchain: number): Buffer {
  const hash = Buffer.alloc(32);
  hash.writeInt8(workchain, 0);
  hash.writeUInt32BE(seqno, 28);
  return hash;
}

export function blockIdView(seqno: number, workchain: number): Json {
  const text = blockHash(seqno, workchain).toString("base64");
  return {
    "@type": "ton.blockIdExt",
    workchain,
    shard: SHARD,
    seqno,
    root_hash: text,
    file_hash: text,
  };
}

/** An account that never had a transaction has lt 0 and a hash of zeros. */
export function transactionIdView(last: Pick<StoredTransaction, "lt" | "hash"> | null): Json {
  return {
    "@type": "internal.transactionId",
    lt: (last?.lt ?? 0n).toString(),
    hash: (last?.hash ?? Buffer.alloc(32)).toString("base64"),
  };
}

export function transactionView(stored: StoredTransaction): Json {
  const [cell] = Cell.fromBoc(stored.boc);
  if (!cell) throw new Error("a stored transaction has a cell");
  const transaction = loadTransaction(cell.beginParse());
  const storageFee = storageFeeOf(transaction);
  const fee = transaction.totalFees.coins;
  const { inMessage, outMessages } = transaction;
  return {
    "@type": "raw.transaction",
    address: {
      "@type": "accountAddress",
      account_address: Address.parseRaw(stored.account).toString(),
    },
    account: stored.account,
    utime: transaction.now,
    data: stored.boc.toString("base64"),
    transaction_id: transactionIdView(stored),
    fee: fee.toString(),
    storage_fee: storageFee.toString(),
    other_fee: (fee - storageFee).toString(),
    // Left out, not null, where there is none: the stock client insists.
    ...(inMessage && { in_msg: messageView(inMessage) }),
    out_msgs: outMessages.values().map(messageView),
  };
}

function storageFeeOf({ description }: Transaction): bigint {
  if (description.type !== "generic" && description.type !== "storage") return 0n;
  return description.storagePhase?.storageFeesCollected ?? 0n;
}

function messageView(message: Message): Json {
  const { info, body } = message;
  return {
    "@type": "raw.message",
    hash: beginCell().store(storeMessage(message)).endCell().hash().toString("base64"),
    source: info.type === "external-in" ? "" : info.src.toString(),
    destination: info.dest?.toString() ?? "",
    ...amountsView(info),
    extra_currencies: [],
    created_lt: (info.type === "external-in" ? 0n : info.createdLt).toString(),
    body_hash: body.hash().toString("base64"),
    ...bodyView(message),
  };
}

/** Only messages between contracts carry coins. */
function amountsView(info: CommonMessageInfo): Json {
  if (info.type !== "internal") return { value: "0", fwd_fee: "0", ihr_fee: "0" };
  return {
    value: info.value.coins.toString(),
    fwd_fee: info.forwardFee.toString(),
    ihr_fee: info.ihrFee.toString(),
  };
}

function bodyView(message: Message): Json {
  const body = base64(message.body);
  const raw = { "@type": "msg.dataRaw", body, init_state: initState(message) };
  const comment = commentOf(message.body);
  if (comment === null) return { msg_data: raw, message: body };
  const text = Buffer.from(comment).toString("base64");
  return { msg_data: { "@type": "msg.dataText", text }, message: comment };
}

function initState({ init }: Message): string {
  if (!init) return "";
  const cell = beginCell()
    .storeMaybeRef(init.code ?? null)
    .storeMaybeRef(init.data ?? null)
    .endCell();
  return base64(cell);
}

/** Null for a body that is no comment, or one that does not hang together. */
function commentOf(body: Cell): string | null {
  try {
    const slice = body.beginParse();
    if (slice.remainingBits < 32 || slice.loadUint(32) !== COMMENT_OP) return null;
    return slice.loadStringTail();
  } catch {
    // Anybody may send a body that only begins like a comment.
    return null;
  }
}

export function base64(cell: Cell): string {
  return cell.toBoc().toString("base64");
}
