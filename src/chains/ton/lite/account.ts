import { type Address, Cell, Dictionary, type DictionaryValue, loadAccount } from "@ton/core";
import { type Link, NO_LINK } from "../chain.ts";

/** What a LiteServer says of an account as of a block. */
export interface SeenAccount {
  /** The last transaction; `NO_LINK` before the first. */
  readonly head: Link;
  /** The contract's data; null where there is no contract, "unreadable" in a form that no parser knows. */
  readonly data: Cell | null | "unreadable";
}

/** @throws if the server's answer does not hold the account */
export function readAccount(
  address: Address,
  { state, proof }: { readonly state: Buffer; readonly proof: Buffer },
): SeenAccount {
  if (state.length === 0) return { head: NO_LINK, data: null };
  return { head: headIn(proof, address), data: dataIn(state) };
}

const SPLIT_DEPTH_BITS = 5;

/** Of the account itself the shard's state holds a hash alone. */
const LINK: DictionaryValue<Link> = {
  parse(slice) {
    slice.skip(SPLIT_DEPTH_BITS);
    slice.loadCoins();
    // Other currencies, and the account.
    slice.loadMaybeRef();
    slice.loadRef();
    const hash = slice.loadBuffer(32).toString("hex");
    return { lt: slice.loadUintBig(64), hash };
  },
  serialize() {
    throw new Error("states of shards are only read");
  },
};

/** ShardStateUnsplit of block.tlb: the second reference leads to the accounts. */
function headIn(proof: Buffer, { hash }: Address): Link {
  const accounts = Cell.fromBoc(proof)[1]?.refs[0]?.refs[1];
  if (accounts === undefined) throw new Error("a proof without accounts");
  const known = Dictionary.load(Dictionary.Keys.BigUint(256), LINK, accounts.beginParse());
  const link = known.get(BigInt(`0x${hash.toString("hex")}`));
  if (link === undefined) throw new Error("a proof of another account");
  return link;
}

function dataIn(boc: Buffer): SeenAccount["data"] {
  try {
    const slice = Cell.fromBoc(boc)[0]?.beginParse();
    if (slice?.loadBit() !== true) return null;
    const { state } = loadAccount(slice).storage;
    return state.type === "active" ? (state.state.data ?? null) : null;
  } catch {
    // Strangers' accounts are read too; where they end is told by the proof.
    return "unreadable";
  }
}
