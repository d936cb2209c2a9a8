import type { Shop } from "../client.ts";
import type { PaymentJournal } from "../journal.ts";
import { Vend402Error } from "../errors.ts";
import {
  PaymentFailedError,
  PaymentRefusedError,
  PaymentUnknownError,
  WalletError,
} from "../pay/errors.ts";
import type { X402PaymentRequired, X402Terms } from "./wire.ts";
import type { X402Asked } from "./answers.ts";
import type { Payer, PayerKind, PayWay, Way, Ways, X402Receipt } from "./payer.ts";
import { present, type Presented } from "./present.ts";
import { keepPromise, latestPromise, receiptOf, type PromiseRecord } from "./promise.ts";

/** A promise as a wallet signs it. */
export interface SignedPromise {
  readonly payer: string;
  /** What the chain lets through once. */
  readonly id: string;
  readonly validUntilMs: number;
  /** The whole of `PAYMENT-SIGNATURE` before its encoding. */
  readonly message: object;
}

/** A wallet whose payments the shop carries out: it signs x402 promises. */
export interface PromiseSigner {
  readonly kind: PayerKind;
  ways(asked: X402Asked): Promise<Ways>;
  sign(asked: X402Asked, terms: X402Terms): Promise<SignedPromise>;
  /** Lets the promise through that lacks an allowance. @throws when it cannot, or must not */
  allow(record: PromiseRecord, signal: AbortSignal): Promise<void>;
}

export interface PromiseDeps {
  readonly shop: Shop;
  readonly journal: PaymentJournal;
}

/** Pays by promises. */
export function createPromisePayer(signer: PromiseSigner, deps: PromiseDeps): Payer {
  return {
    kind: signer.kind,
    ways: (asked) => signer.ways(asked),
    pay: (payment) => pay(payment, signer, deps),
  };
}

/** A promise that ends sooner is as good as over: the shop would not begin to carry it out. */
const ENDING_MS = 30_000;

/**
 * The one place where a promise is signed and sent, in this order: send the promise that was signed before, until the shop
 * answers; else sign one, keep it, and send that. Another one is signed only when the shop says that the one before failed
 * *and* its time is over, so that there are never two that could be carried out.
 */
async function pay(
  payment: PayWay,
  signer: PromiseSigner,
  { shop, journal }: PromiseDeps,
): Promise<X402Receipt | null> {
  const target = { shopUrl: shop.baseUrl, orderId: payment.asked.orderId };
  const offered: Offered = { payment, signer, shop };
  const before = await latestPromise(journal, target);
  if (before !== null) {
    const end = await offer(before.record, offered);
    if (end.kind !== "refused") return finish(end, before.record, payment);
    if (before.record.validUntilMs > shop.runtime.nowMs() + ENDING_MS)
      throw failed(before.record, end.reason);
  }
  const asked = before === null ? payment.asked : await payment.refresh();
  if (asked === null) return null;
  const promise = await sign(asked, payment.way, signer);
  // A wallet may take its time; a call that has ended meanwhile leaves nothing behind.
  payment.signal.throwIfAborted();
  const attempt = (before?.attempt ?? 0) + 1;
  const record = await keepPromise(journal, target, { attempt, record: promise });
  const end = await offer(record, offered);
  if (end.kind === "refused") throw failed(record, end.reason);
  return finish(end, record, payment);
}

async function sign(asked: X402Asked, way: Way, signer: PromiseSigner): Promise<PromiseRecord> {
  // The way may have been settled by an earlier call, with other limits.
  const { ways, refusal } = await signer.ways(asked);
  const terms = asked.terms.accepts.find((each) => isSameWay(each, way));
  if (terms === undefined || !ways.some((each) => isSameWay(each, way)))
    throw refusal ?? changed(asked.orderId, way);
  const { payer, id, validUntilMs, message } = await signed(() => signer.sign(asked, terms));
  const header = Buffer.from(JSON.stringify(message)).toString("base64");
  return { ...way, version: 1, orderId: asked.orderId, payer, id, validUntilMs, header };
}

/** A wallet's own errors get a name, and the purchase can be continued. */
async function signed(ask: () => Promise<SignedPromise>): Promise<SignedPromise> {
  try {
    return await ask();
  } catch (cause) {
    if (cause instanceof Vend402Error) throw cause;
    throw new WalletError("The wallet did not sign the payment.", {
      advice: "look at the cause; then call again with the same idempotency key or order id.",
      given: { said: cause instanceof Error ? cause.message.slice(0, 200) : null },
      cause,
    });
  }
}

/** Addresses of EVM chains are the same in any case of their letters; those of other networks are not written in two ways. */
function isSameWay(
  terms: Pick<X402Terms, "network" | "asset">,
  way: Pick<Way, "network" | "asset">,
): boolean {
  return terms.network === way.network && terms.asset.toLowerCase() === way.asset.toLowerCase();
}

interface Offered {
  readonly payment: PayWay;
  readonly signer: PromiseSigner;
  readonly shop: Shop;
}

type Offer = Exclude<Presented, { readonly kind: "allowance" }>;

/** Sends the promise; when it lacks an allowance, gives that if the wallet may, and sends the same promise again. */
async function offer(record: PromiseRecord, { payment, signer, shop }: Offered): Promise<Offer> {
  payment.onStep({ step: "signed", payment: receiptOf(record, null) });
  const first = await present(shop, record, payment.signal);
  if (first.kind !== "allowance") return first;
  await signer.allow(record, payment.signal);
  const second = await present(shop, record, payment.signal);
  return second.kind === "allowance"
    ? { kind: "unclear", reason: "permit2_allowance_required" }
    : second;
}

async function finish(
  end: Exclude<Offer, { readonly kind: "refused" }>,
  record: PromiseRecord,
  payment: PayWay,
): Promise<X402Receipt | null> {
  if (end.kind === "closed") return null;
  if (end.kind === "unclear") throw unclear(record, end.reason);
  const receipt = receiptOf(record, end.txId);
  if (end.accessToken !== null) await payment.onAccessToken(end.accessToken);
  payment.onStep({ step: "sent", payment: receipt });
  return receipt;
}

function failed(record: PromiseRecord, reason: string): PaymentFailedError {
  const { orderId, payer, amount, symbol, network, validUntilMs } = record;
  return new PaymentFailedError(reason, {
    message: "The shop did not carry out the payment.",
    advice: /fund|balance/.test(reason)
      ? "fund the wallet, then call again with the same idempotency key or order id."
      : "call again with the same idempotency key or order id; make a new order only when this payment is no longer valid.",
    hash: null,
    given: {
      order: orderId,
      payer,
      price: `${amount} ${symbol}`,
      network,
      "valid until": new Date(validUntilMs).toISOString(),
    },
  });
}

function unclear(
  { orderId, id, validUntilMs }: PromiseRecord,
  reason: string,
): PaymentUnknownError {
  const validUntil = new Date(validUntilMs).toISOString();
  return new PaymentUnknownError(
    { orderId, hash: id, validUntil },
    `the shop asks for a payment again (${reason}) without saying that this one failed`,
  );
}

function changed(orderId: string, { network, symbol }: Way): PaymentRefusedError {
  return new PaymentRefusedError("invalid_instructions", {
    message: "The shop no longer offers the way in which this order was to be paid.",
    advice: "buy with a new idempotency key.",
    given: { order: orderId, network, asset: symbol },
  });
}

/** What a promise echoes of the shop's terms: without catalogue data, which only makes the header long. */
export function echoOf(
  { orderId, terms: { required } }: X402Asked,
  terms: X402Terms,
): {
  readonly x402Version: 2;
  readonly resource: X402PaymentRequired["resource"];
  readonly accepted: X402Terms;
  readonly extensions: Readonly<Record<string, unknown>>;
} {
  const { bazaar: _, ...declared } = required?.extensions ?? {};
  const extensions = identified(declared, orderId);
  return {
    x402Version: 2,
    resource: required?.resource ?? NO_RESOURCE,
    accepted: terms,
    extensions,
  };
}

const NO_RESOURCE = { url: "", description: "", mimeType: "", serviceName: "", tags: [] };

/** The extension `payment-identifier`: tells the shop's machinery that every copy of this is one payment. */
function identified(
  declared: Readonly<Record<string, unknown>>,
  orderId: string,
): Readonly<Record<string, unknown>> {
  const name = "payment-identifier";
  const extension = declared[name] as { readonly info?: object } | undefined;
  const info = { ...extension?.info, id: `pay_${orderId}`.padEnd(16, "_") };
  return { ...declared, [name]: { ...extension, info } };
}
