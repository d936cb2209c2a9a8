import { Address, xdr } from "@stellar/stellar-sdk/base";
import type { Amount } from "../../money.ts";
import type { Deposit, Unreadable } from "../rail.ts";
import { fieldsOf, listIn, MalformedAnswer, textIn, wholeIn, type Fields } from "./answer.ts";
import { parsePosition } from "./cursor.ts";
import type { RailAssets } from "./network.ts";

/** One event of a page; `foreign` is none of ours. */
export type EventRead =
  | { readonly kind: "deposit"; readonly id: string; readonly deposit: Deposit }
  | { readonly kind: "unreadable"; readonly id: string; readonly unreadable: Unreadable }
  | { readonly kind: "foreign"; readonly id: string };

const PAY_USDC = xdr.ScVal.scvSymbol("pay_usdc").toXdr("base64");
const PAY_XLM = xdr.ScVal.scvSymbol("pay_xlm").toXdr("base64");

/** The two payment events, as the filter of `getEvents` wants them. */
export const PAYMENT_TOPICS: readonly (readonly string[])[] = [
  [PAY_USDC, "*", "*"],
  [PAY_XLM, "*", "*"],
];

const MAX_RAW_CHARACTERS = 2_000;
const PRINTABLE = /^[\x20-\x7e]{1,64}$/;

/** Why an event of ours is no deposit; never leaves this file. */
class Unfit extends Error {}

/**
 * A raw event of `getEvents` as a deposit. Throws `MalformedAnswer` when not even its place on the chain can be
 * read: that is a broken server, not a broken payment.
 */
export function readEvent(raw: unknown, receiverContractId: string, assets: RailAssets): EventRead {
  const event = fieldsOf(raw, "event");
  const id = textIn(event, "id");
  const position = parsePosition(id);
  if (position === null) throw new MalformedAnswer("event id is not a TOID and an index");
  const topics = listIn(event, "topic");
  if (!isOurs(event, receiverContractId) || topics.length < 3) return { kind: "foreign", id };

  const place = {
    txId: textIn(event, "txHash"),
    // An operation has far fewer than 2^32 events, so the pair is one number that never repeats in a transaction.
    index: position.operation * 2 ** 32 + position.event,
    height: position.ledger,
  };
  const chainTimeMs = Date.parse(textIn(event, "ledgerClosedAt"));
  if (!Number.isFinite(chainTimeMs) || wholeIn(event, "ledger") !== position.ledger) {
    throw new MalformedAnswer("event has no readable close time or another ledger than its id");
  }
  try {
    const claim = readClaim(topics, event["value"], assets);
    return { kind: "deposit", id, deposit: { ...place, ...claim, chainTimeMs, isFinal: true } };
  } catch (error) {
    // Only what the event itself is guilty of: after a bug of ours the page must be read again.
    if (!(error instanceof Unfit)) throw error;
    const text = JSON.stringify(raw).slice(0, MAX_RAW_CHARACTERS);
    return { kind: "unreadable", id, unreadable: { ...place, reason: error.message, raw: text } };
  }
}

function isOurs(event: Fields, receiverContractId: string): boolean {
  // Servers since protocol 23 serve events of successful calls only and may drop the flag; false is a refusal.
  return (
    event["type"] === "contract" &&
    event["contractId"] === receiverContractId &&
    event["inSuccessfulContractCall"] !== false
  );
}

/** Topics `[pay_usdc | pay_xlm, order id, payer]`, value the amount in base units. */
function readClaim(
  topics: readonly unknown[],
  value: unknown,
  assets: RailAssets,
): { orderRef: string; from: string; amount: Amount } {
  if (topics.length > 3) throw new Unfit("the event has more than three topics");
  const [name, order, payer] = topics;
  return {
    amount: { asset: assetOf(name, assets), atomic: amountOf(decode(value, "value")) },
    orderRef: orderRefOf(decode(order, "order id")),
    from: payerOf(decode(payer, "payer")),
  };
}

function decode(base64: unknown, what: string): xdr.ScVal {
  if (typeof base64 !== "string") throw new Unfit(`${what} is not a text`);
  try {
    return xdr.ScVal.fromXdr(base64, "base64");
  } catch (error) {
    throw new Unfit(`${what} is not a contract value`, { cause: error });
  }
}

/** A value has one form in XDR, so its text need not be decoded to be known. */
function assetOf(name: unknown, assets: RailAssets): Amount["asset"] {
  if (name === PAY_USDC) return assets.usdc.asset;
  if (name === PAY_XLM) return assets.xlm.asset;
  throw new Unfit("first topic is neither pay_usdc nor pay_xlm");
}

function orderRefOf(value: xdr.ScVal): string {
  if (value.type !== "scvBytes") throw new Unfit("order id is not bytes");
  // latin1 keeps every byte apart; the pattern then lets printable ASCII through.
  const text = Buffer.from(value.bytes.toBytes()).toString("latin1");
  if (!PRINTABLE.test(text)) throw new Unfit("order id is not 1 to 64 printable ASCII characters");
  return text;
}

function payerOf(value: xdr.ScVal): string {
  if (value.type !== "scvAddress") throw new Unfit("payer is not an address");
  const { address } = value;
  if (address.type !== "scAddressTypeAccount" && address.type !== "scAddressTypeContract") {
    throw new Unfit("payer is neither an account nor a contract");
  }
  return Address.fromScAddress(address).toString();
}

function amountOf(value: xdr.ScVal): bigint {
  if (value.type !== "scvI128") throw new Unfit("amount is not an i128");
  const atomic = (value.i128.hi << 64n) | value.i128.lo;
  if (atomic <= 0n) throw new Unfit("amount is not positive");
  return atomic;
}
