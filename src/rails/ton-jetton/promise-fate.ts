import type { Transaction } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { AuthorizationFate } from "../rail.ts";
import type { AccountState, TonChain } from "../../chains/ton/chain.ts";
import type { ReadPromise } from "./read-promise.ts";
import { hopTo, type Search, searchBack } from "../../chains/ton/trace.ts";
import { followTransfer } from "../../chains/ton/transfer-path.ts";
import { ranThrough } from "../../chains/ton/transfers.ts";
import { payerWallet } from "./wallet-v5.ts";

/** A promise is carried out while it is checked, or after: by this much earlier at most, for clocks that differ. */
const EARLIER_S = 600;
/** A block may carry it out before its end and join the masterchain after it. */
const LATE_BLOCK_MS = 60_000;

/** How far a promise has come. */
export type PromiseEnd =
  | { readonly kind: "untaken" }
  /** The wallet has taken it, and the tokens are on their way. */
  | { readonly kind: "under_way" }
  | { readonly kind: "paid"; readonly txId: string }
  /** It never was, and never can be; an x402 reason. */
  | { readonly kind: "dead"; readonly reason: string };

/** Whether a promise was carried out, by the payer's own account: its sequence number, and what took it. */
export async function promiseEnd(
  chain: TonChain,
  promise: ReadPromise,
): Promise<Outcome<PromiseEnd>> {
  const { transfer } = promise;
  const state = await chain.state(transfer.payer);
  if (state.kind !== "done") return state;
  const wallet = payerWallet(state.value, transfer);
  // One that was destroyed has lost its count, though not its history.
  const isCounting = state.value.kind === "active" && typeof wallet !== "string";
  if (isCounting && wallet.seqno <= transfer.seqno) return done(untakenEnd(promise, state.value));
  const taken = await findTaken(chain, state.value, promise);
  if (taken.kind === "missing") return failed(taken.reason, "retry");
  if (taken.kind !== "done") return taken;
  if (taken.value !== null) return takenEnd(chain, taken.value);
  return done(
    isCounting
      ? { kind: "dead", reason: "invalid_exact_tvm_seqno_mismatch" }
      : untakenEnd(promise, state.value),
  );
}

function untakenEnd({ transfer }: ReadPromise, { chainTimeMs }: AccountState): PromiseEnd {
  const isOver = chainTimeMs >= transfer.validUntilS * 1_000 + LATE_BLOCK_MS;
  return isOver ? { kind: "dead", reason: "invalid_exact_tvm_expired" } : { kind: "untaken" };
}

/** The same as the port has it. */
export function fateOf(end: PromiseEnd): AuthorizationFate {
  if (end.kind === "dead") return end;
  return end.kind === "paid" ? { kind: "used", txId: end.txId } : { kind: "open" };
}

/** The transaction in which the payer's wallet took the signed order; one that it turned down took nothing. */
function findTaken(
  chain: TonChain,
  { head }: AccountState,
  { transfer, terms }: ReadPromise,
): Promise<Search<Transaction>> {
  const oldestS = transfer.validUntilS - terms.maxTimeoutSeconds - EARLIER_S;
  const hash = transfer.body.hash();
  const isTooOld = (transaction: Transaction): boolean => transaction.now < oldestS;
  return searchBack(chain, { address: transfer.payer, head, isTooOld }, ({ transaction }) => {
    const isOurs = transaction.inMessage?.body.hash().equals(hash) === true;
    return isOurs && ranThrough(transaction) ? transaction : null;
  });
}

async function takenEnd(chain: TonChain, taken: Transaction): Promise<Outcome<PromiseEnd>> {
  const order = hopTo(taken, () => true);
  // The wallet skips what it cannot send, and counts on.
  if (order === null) return done({ kind: "dead", reason: "invalid_exact_tvm_transfer_failed" });
  const end = await followTransfer(chain, order);
  if (end.kind !== "done") return end;
  switch (end.value.kind) {
    case "credited":
      return done({ kind: "paid", txId: end.value.transaction.hash().toString("hex") });
    case "failed":
      return done({ kind: "dead", reason: "invalid_exact_tvm_transfer_failed" });
    case "under_way":
      return done({ kind: "under_way" });
    case "unprovable":
      return failed(end.value.reason, "retry");
  }
}
