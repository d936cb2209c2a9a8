import type { Address, Transaction } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { Link, TonChain } from "./chain.ts";
import { isSameLink } from "./cursor.ts";

/** A transaction at its proven place in its account's history. */
export interface Linked {
  readonly link: Link;
  /** The one before it; `NO_LINK` for the first. */
  readonly before: Link;
  readonly transaction: Transaction;
}

/** `missing`: no server keeps it. */
export type Stretch =
  | Outcome<readonly Linked[]>
  | { readonly kind: "missing"; readonly reason: string };

/**
 * Transactions from `from` on backwards, newest first, at least one: each is the one that its successor names by
 * time and hash, so none can be left out, added or changed by a server.
 */
export async function readStretch(
  chain: TonChain,
  address: Address,
  from: Link,
  limit: number,
): Promise<Stretch> {
  const read = await chain.transactions(address, from, limit);
  if (read.kind !== "done") return read;
  const stretch: Linked[] = [];
  let wanted = from;
  for (const transaction of read.value) {
    const link = { lt: transaction.lt, hash: transaction.hash().toString("hex") };
    if (!isSameLink(link, wanted))
      return failed(`a server has another history of the account at ${wanted.lt}`, "retry");
    const before = linkBefore(transaction);
    stretch.push({ link, before, transaction });
    wanted = before;
    if (before.lt === 0n) break;
  }
  return done(stretch);
}

function linkBefore({ prevTransactionLt, prevTransactionHash }: Transaction): Link {
  return { lt: prevTransactionLt, hash: prevTransactionHash.toString(16).padStart(64, "0") };
}
