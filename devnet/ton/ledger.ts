import { Address, type CommonMessageInfo, type Transaction } from "@ton/core";

/** What is kept of a transaction: enough to give it back, without the logs of its execution. */
export interface StoredTransaction {
  /** Of the block. */
  readonly seqno: number;
  /** Raw address, `0:<hex>`. */
  readonly account: string;
  readonly lt: bigint;
  readonly hash: Buffer;
  /** Bag of cells of the transaction itself. */
  readonly boc: Buffer;
  /** By which a message is traced: what it came in with, then what it sent. */
  readonly messageKeys: readonly [string | null, ...string[]];
}

/** A masterchain block together with the shard block it refers to: here they are one. */
export interface Block {
  readonly seqno: number;
  /** Unix seconds. */
  readonly utime: number;
}

export interface Pruning {
  /** What is older than this goes. @default all there is */
  readonly beforeLt?: bigint;
  /** True: archives forget it too. @default false */
  readonly isForGood?: boolean;
}

/** Blocks and transactions, of which only so many are remembered; a block may outlive its transactions, and they it. */
export interface Ledger {
  append(utime: number, transactions: readonly Transaction[]): Block;
  latest(): Block;
  /** Null: never made, or forgotten. */
  block(seqno: number): Block | null;
  /** Those of a block, oldest first, as far as they are remembered. */
  transactionsIn(seqno: number): readonly StoredTransaction[];
  /** Oldest first. */
  transactionsOf(account: string): readonly StoredTransaction[];
  /** Outlives the transaction, as it is part of the account's state; null for an account that never had any. */
  lastOf(account: string): Pick<StoredTransaction, "lt" | "hash"> | null;
  /** The transaction that a message caused, or the one that sent it; null if there is none. */
  locate(end: "source" | "destination", key: string): StoredTransaction | null;
  prune(pruning?: Pruning): void;
  /** Only archives know what is older. */
  prunedBeforeLt(): bigint;
  size(): number;
}

export interface Bounds {
  readonly maxTransactions: number;
  readonly maxBlocks: number;
}

/** Identifies an internal message. */
export function messageKey(source: Address, destination: Address, createdLt: bigint): string {
  return `${source.toRawString()}>${destination.toRawString()}@${createdLt}`;
}

export function createLedger(bounds: Bounds, startUtime: number): Ledger {
  const blocks: Block[] = [{ seqno: 1, utime: startUtime }];
  /** All that is remembered, oldest first. */
  let remembered: StoredTransaction[] = [];
  const byAccount = new Map<string, StoredTransaction[]>();
  const last = new Map<string, Pick<StoredTransaction, "lt" | "hash">>();
  const sources = new Map<string, StoredTransaction>();
  const destinations = new Map<string, StoredTransaction>();
  let prunedBeforeLt = 0n;

  function remember(stored: StoredTransaction): void {
    const list = byAccount.get(stored.account);
    if (list) list.push(stored);
    else byAccount.set(stored.account, [stored]);
    last.set(stored.account, { lt: stored.lt, hash: stored.hash });
    const [received, ...sent] = stored.messageKeys;
    if (received !== null) destinations.set(received, stored);
    for (const key of sent) sources.set(key, stored);
    remembered.push(stored);
  }

  /** Always the oldest of its account. */
  function forget(stored: StoredTransaction): void {
    const list = byAccount.get(stored.account);
    list?.shift();
    if (list?.length === 0) byAccount.delete(stored.account);
    const [received, ...sent] = stored.messageKeys;
    if (received !== null) destinations.delete(received);
    for (const key of sent) sources.delete(key);
  }

  function latest(): Block {
    const block = blocks.at(-1);
    if (!block) throw new Error("a chain has a block");
    return block;
  }

  return {
    append(utime, transactions) {
      const block = { seqno: latest().seqno + 1, utime };
      for (const transaction of transactions) remember(store(transaction, block.seqno));
      blocks.push(block);
      if (blocks.length > bounds.maxBlocks) blocks.shift();
      const excess = Math.max(0, remembered.length - bounds.maxTransactions);
      for (const old of remembered.splice(0, excess)) forget(old);
      return block;
    },
    latest,
    block: (seqno) => blocks[seqno - (blocks[0]?.seqno ?? 0)] ?? null,
    transactionsIn: (wanted) => remembered.filter(({ seqno }) => seqno === wanted),
    transactionsOf: (account) => byAccount.get(account) ?? [],
    lastOf: (account) => last.get(account) ?? null,
    locate: (end, key) => (end === "source" ? sources : destinations).get(key) ?? null,
    prune({ beforeLt, isForGood = false } = {}) {
      const newest = [...last.values()].reduce((lt, one) => (one.lt > lt ? one.lt : lt), 0n);
      const limit = beforeLt ?? newest + 1n;
      if (limit > prunedBeforeLt) prunedBeforeLt = limit;
      if (!isForGood) return;
      for (const stored of remembered) if (stored.lt < limit) forget(stored);
      remembered = remembered.filter(({ lt }) => lt >= limit);
    },
    prunedBeforeLt: () => prunedBeforeLt,
    size: () => remembered.length,
  };
}

function store(transaction: Transaction, seqno: number): StoredTransaction {
  const received = transaction.inMessage?.info;
  const sent = transaction.outMessages.values().flatMap(({ info }) => keyOf(info) ?? []);
  return {
    seqno,
    account: accountOf(transaction),
    lt: transaction.lt,
    hash: transaction.hash(),
    boc: transaction.raw.toBoc(),
    messageKeys: [received ? keyOf(received) : null, ...sent],
  };
}

/** Raw address; the transaction itself has the account's number, but not its workchain. */
export function accountOf({ address, inMessage }: Transaction): string {
  const to = inMessage?.info.dest;
  if (Address.isAddress(to)) return to.toRawString();
  return `0:${address.toString(16).padStart(64, "0")}`;
}

function keyOf(info: CommonMessageInfo): string | null {
  return info.type === "internal" ? messageKey(info.src, info.dest, info.createdLt) : null;
}
