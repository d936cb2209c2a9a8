import {
  beginCell,
  Cell,
  convertToMerkleProof,
  Dictionary,
  type DictionaryValue,
  type ShardAccount,
  storeAccount,
  storeDepthBalanceInfo,
  storeShardIdent,
} from "@ton/core";
import type { Block } from "../ledger.ts";
import { writeBag } from "./bag-of-cells.ts";

/** Of local chains of the TON developers' tools. */
const GLOBAL_ID = -217;
const SHARD_STATE = 0x9023afe2;
const PRUNED_BRANCH = 1;
const NOTHING = { splitDepth: 0, balance: { coins: 0n } };

export interface AccountProof {
  /** The account's cell as a bag; empty where there is none. */
  readonly state: Buffer;
  /** Two proofs in one bag: of the shard's block, and of the shard's state down to the account. */
  readonly proof: Buffer;
}

/**
 * An account as of a block, in the form that lite servers prove it in. The hashes do not lead to a block's, since
 * those are made up here.
 * @param id The account's number.
 * @param account Null: it never had a transaction.
 */
export function proveAccount(id: bigint, account: ShardAccount | null, block: Block): AccountProof {
  const shown = account?.account;
  const cell = shown ? beginCell().storeBit(true).store(storeAccount(shown)).endCell() : null;
  const accounts = Dictionary.empty(Dictionary.Keys.BigUint(256), PROVEN_ACCOUNT);
  if (account) accounts.set(id, { ...account, cell: cell ?? new Cell() });
  const roots = [new Cell(), shardState(accounts, block)].map(convertToMerkleProof);
  return {
    state: cell ? cell.toBoc({ idx: false, crc32: false }) : Buffer.alloc(0),
    proof: writeBag(roots),
  };
}

type ProvenAccount = ShardAccount & { readonly cell: Cell };

/** What a leaf of the shard's accounts holds: the account itself is told by its hash alone. */
const PROVEN_ACCOUNT: DictionaryValue<ProvenAccount> = {
  serialize({ cell, lastTransactionHash, lastTransactionLt }, builder) {
    builder
      .store(storeDepthBalanceInfo(NOTHING))
      .storeRef(prune(cell))
      .storeUint(lastTransactionHash, 256)
      .storeUint(lastTransactionLt, 64);
  },
  parse() {
    throw new Error("proofs are only written here");
  },
};

/** Stands for a cell that is left out; on the first level of pruning. */
function prune(cell: Cell): Cell {
  return beginCell()
    .storeUint(PRUNED_BRANCH, 8)
    .storeUint(1, 8)
    .storeBuffer(cell.hash(0))
    .storeUint(cell.depth(0), 16)
    .endCell({ exotic: true });
}

/** ShardStateUnsplit of block.tlb; what clients do not look at is empty. */
function shardState(
  accounts: Dictionary<bigint, ProvenAccount>,
  { seqno, utime }: Pick<Block, "seqno" | "utime">,
): Cell {
  return beginCell()
    .storeUint(SHARD_STATE, 32)
    .storeInt(GLOBAL_ID, 32)
    .store(storeShardIdent({ shardPrefixBits: 0, workchainId: 0, shardPrefix: 1n << 63n }))
    .storeUint(seqno, 32)
    .storeUint(0, 32)
    .storeUint(utime, 32)
    .storeUint(0, 64)
    .storeUint(seqno, 32)
    .storeRef(new Cell())
    .storeBit(false)
    .storeRef(beginCell().storeDict(accounts).store(storeDepthBalanceInfo(NOTHING)).endCell())
    .storeRef(new Cell())
    .storeBit(false)
    .endCell();
}
