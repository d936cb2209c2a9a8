import type { Transaction } from "@ton/core";
import { assert } from "../../errors.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { PayoutFate, SignedPayout } from "../../rails/rail.ts";
import type { AccountState, TonChain } from "./chain.ts";
import type { HighloadWallet } from "./highload.ts";
import { readSignedBody, type SignedBody } from "./signed-body.ts";
import { hopTo, PAGES_OF_OURS, type Search, searchBack } from "./trace.ts";
import { followTransfer } from "./transfer-path.ts";

interface Treasury {
  readonly chain: TonChain;
  readonly treasury: HighloadWallet;
}

/**
 * What has become of a signed payout. Accepted or not is told by the treasury's own history since the signing,
 * whole and linked by hashes; that it was paid, by the transactions that followed. The wallet's own record of used
 * numbers proves neither, since it marks a number before it sends and skips what it cannot send.
 */
export async function payoutFate(
  { chain, treasury }: Treasury,
  payout: SignedPayout,
): Promise<Outcome<PayoutFate>> {
  const { validUntilMs } = payout;
  assert(validUntilMs !== null, "a payout of TON without an end");
  const body = readSignedBody(payout.body);
  const state = await chain.state(treasury.address);
  if (state.kind !== "done") return state;
  if (state.value.head.lt < body.head.lt)
    return failed("the server is behind what was read before", "retry");
  const isOver = state.value.chainTimeMs >= validUntilMs;
  const accepted = await findAccepted({ chain, treasury }, state.value, body);
  if (accepted.kind === "missing")
    return done(isOver ? unprovable(accepted.reason) : { kind: "pending" });
  if (accepted.kind !== "done") return accepted;
  if (accepted.value !== null) return paidFate({ chain, treasury }, accepted.value);
  if (!isOver) return done({ kind: "pending" });
  return done({ kind: "dead", reason: "it was not accepted in time and can not be any more" });
}

function unprovable(reason: string): PayoutFate {
  return { kind: "unprovable", reason };
}

/** Down to the transaction that was the last one when it was signed; that one need not be kept any more. */
function findAccepted(
  { chain, treasury }: Treasury,
  { head }: AccountState,
  { bodyHash, head: base }: SignedBody,
): Promise<Search<Transaction>> {
  const { address } = treasury;
  const options = { address, head, base, isTooOld: () => false, maxPages: PAGES_OF_OURS };
  return searchBack(chain, options, ({ transaction }) => {
    const message = transaction.inMessage;
    if (message?.info.type !== "external-in") return null;
    return message.body.hash().toString("hex") === bodyHash ? transaction : null;
  });
}

async function paidFate({ chain }: Treasury, accepted: Transaction): Promise<Outcome<PayoutFate>> {
  const order = hopTo(accepted, () => true);
  if (order === null)
    return done({ kind: "dead", reason: "the wallet failed to send it and skipped it" });
  const end = await followTransfer(chain, order);
  if (end.kind !== "done") return end;
  switch (end.value.kind) {
    case "under_way":
      return done({ kind: "pending" });
    case "failed":
      return done({ kind: "dead", reason: end.value.reason });
    case "unprovable":
      return done(unprovable(end.value.reason));
    case "credited": {
      const { lt, now } = end.value.transaction;
      const txId = accepted.hash().toString("hex");
      return done({ kind: "final", height: Number(lt), chainTimeMs: now * 1_000, txId });
    }
  }
}
