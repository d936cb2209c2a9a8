import type { Address, Transaction } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import { rawAddress } from "./addresses.ts";
import type { TonChain } from "./chain.ts";
import { isSignedInternal, promiseRef } from "./promise-ref.ts";
import type { Receiver } from "./requirements.ts";
import { findSender } from "./trace.ts";
import type { Credit } from "./transfers.ts";

/**
 * The name of the signed order that made a transfer, undefined for a plain one. The transfer itself does not hold
 * it, so its two steps are followed back: to the payer's jetton wallet, and to the payer's wallet, whose message is
 * what the payer has signed. Only x402's terms send the rest of the gas to the relay, so that plain transfers cost
 * no further question; one that does so as well is found to be plain.
 */
export async function authorizationRefOf(
  chain: TonChain,
  { config, relay }: Receiver,
  credit: Credit,
): Promise<Outcome<string | undefined>> {
  if (credit.from === null || credit.responseTo !== rawAddress(relay)) return done(undefined);
  const sending = await senderOf(chain, credit.sender, credit.messageLt);
  if (sending.kind !== "done") return sending;
  const order = sending.value?.inMessage;
  if (order?.info.type !== "internal" || rawAddress(order.info.src) !== credit.from)
    return done(undefined);
  const signing = await senderOf(chain, order.info.src, order.info.createdLt);
  if (signing.kind !== "done") return signing;
  const signed = signing.value?.inMessage;
  if (signed?.info.type !== "internal" || !isSignedInternal(signed.body)) return done(undefined);
  const { network, jetton } = config;
  const promise = { master: jetton.master, payer: credit.from, body: signed.body };
  return done(promiseRef(network.caip2, promise));
}

/** Undefined when no server keeps it: the transfer then counts as a plain one, which pays its order just as well. */
async function senderOf(
  chain: TonChain,
  from: Address,
  lt: bigint,
): Promise<Outcome<Transaction | undefined>> {
  const found = await findSender(chain, from, lt);
  if (found.kind === "missing") return done(undefined);
  if (found.kind !== "done") return found;
  if (found.value === null) return failed("a server is behind: it has not seen who paid", "retry");
  return done(found.value);
}
