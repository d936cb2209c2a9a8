import { done, failed, type Outcome } from "../../outcome.ts";
import type { Transaction } from "@ton/core";
import type { TonChain } from "./chain.ts";
import { findTaker, type Hop, hopTo, PAGES_OF_OURS } from "./trace.ts";
import { failureOf, OP, ranThrough } from "./transfers.ts";

/** How far a jetton transfer has come, that its owner has ordered from a jetton wallet. */
export type TransferEnd =
  | { readonly kind: "under_way" }
  /** The payee's jetton wallet has it; `transaction` is that one's. */
  | { readonly kind: "credited"; readonly transaction: Transaction }
  /** For good: the tokens stay with, or go back to, who sent them. */
  | { readonly kind: "failed"; readonly reason: string }
  /** The servers keep no such history. */
  | { readonly kind: "unprovable"; readonly reason: string };

/** @param order The message from an owner to the jetton wallet. */
export async function followTransfer(chain: TonChain, order: Hop): Promise<Outcome<TransferEnd>> {
  const sending = await findTaker(chain, order, PAGES_OF_OURS);
  if (sending.kind === "missing") return done({ kind: "unprovable", reason: sending.reason });
  if (sending.kind !== "done") return sending;
  if (sending.value === null) return done({ kind: "under_way" });
  if (!ranThrough(sending.value))
    return done({
      kind: "failed",
      reason: `the sender's jetton wallet failed it: ${failureOf(sending.value)}`,
    });
  const transfer = hopTo(sending.value, ({ body }) => startsWith(body, OP.internalTransfer));
  if (transfer === null)
    return failed("a jetton wallet has sent nothing and said nothing", "retry");
  return followCredit(chain, transfer);
}

async function followCredit(chain: TonChain, transfer: Hop): Promise<Outcome<TransferEnd>> {
  const taking = await findTaker(chain, transfer);
  if (taking.kind === "missing") return done({ kind: "unprovable", reason: taking.reason });
  if (taking.kind !== "done") return taking;
  if (taking.value === null) return done({ kind: "under_way" });
  if (ranThrough(taking.value)) return done({ kind: "credited", transaction: taking.value });
  return done({
    kind: "failed",
    reason: `the payee's jetton wallet failed it: ${failureOf(taking.value)}`,
  });
}

function startsWith(body: Transaction["raw"], op: number): boolean {
  const slice = body.beginParse();
  return slice.remainingBits >= 32 && slice.loadUint(32) === op;
}
