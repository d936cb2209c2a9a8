import type { Address, Transaction } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import { rawAddress } from "../../chains/ton/addresses.ts";
import type { TonChain } from "../../chains/ton/chain.ts";
import { isSignedInternal, promiseRef } from "./promise-ref.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import { findSender } from "../../chains/ton/trace.ts";
import type { Credit } from "../../chains/ton/transfers.ts";

/**
 * The name of the signed order that made a transfer, undefined for a plain one. The transfer itself does not hold
 * it, so its two steps are followed back: to the payer's jetton wallet, and to the payer's wallet, whose message is
 * what the payer has signed. Who pays for the gas wants the rest of it back: x402's terms send it to the relay, and
 * wallets to themselves, so that plain transfers cost no further question.
 */
export async function authorizationRefOf(
  chain: TonChain,
  config: TonConfig,
  credit: Credit,
): Promise<Outcome<string | undefined>> {
  const { from, responseTo } = credit;
  if (from === null || responseTo === null || responseTo === from) return done(undefined);
  const sending = await senderOf(chain, credit.sender, credit.messageLt);
  if (sending.kind !== "done") return sending;
  const order = sending.value?.inMessage?.info;
  if (order?.type !== "internal" || rawAddress(order.src) !== from) return done(undefined);
  const signing = await senderOf(chain, order.src, order.createdLt);
  if (signing.kind !== "done") return signing;
  return done(refOf(config, from, signing.value));
}

function refOf(
  { network, jetton: { master } }: TonConfig,
  payer: string,
  signing: Transaction | undefined,
): string | undefined {
  const message = signing?.inMessage;
  if (message?.info.type !== "internal" || !isSignedInternal(message.body)) return undefined;
  return promiseRef(network.caip2, { master, payer, body: message.body });
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
