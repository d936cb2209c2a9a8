import type { PaymentOffer } from "../answers.ts";
import { formatStroops, parseStroops } from "../decimal.ts";
import { decodeStrKey } from "../strkey.ts";
import type { PayTerms } from "./call.ts";
import { PaymentRefusedError } from "./errors.ts";
import type { OpenNetwork } from "./network.ts";
import type { AccountSeen } from "./rpc.ts";

/** Highest price to pay, per asset, as decimal text. An asset without a limit takes any price that the shop asks. */
export interface MaxAmount {
  readonly usdc?: string | undefined;
  readonly xlm?: string | undefined;
}

/** One asset in which the order can be paid. */
export interface Leg {
  readonly asset: "usdc" | "xlm";
  readonly amountStroops: bigint;
  /** Unix seconds after which this price no longer holds; null: as long as the order. */
  readonly expiresAtS: number | null;
}

const STROOPS_PER_XLM = 10_000_000n;
/** What an account must keep per subentry, and twice for itself (CAP-0005 and the network's settings). */
const BASE_RESERVE_STROOPS = STROOPS_PER_XLM / 2n;
/** Left for the fee when "auto" looks for an asset that suffices. */
const AUTO_FEE_ROOM_STROOPS = 2n * STROOPS_PER_XLM;

/** What the shop offers, checked against the network and the caps. @throws PaymentRefusedError */
export function checkOffer(
  offer: PaymentOffer,
  network: OpenNetwork,
  maxAmount: MaxAmount,
): readonly Leg[] {
  if (decodeStrKey("contract", offer.contract_id) === null)
    throw refused("invalid_instructions", "The shop's contract id has a wrong checksum.", {
      contract: offer.contract_id,
    });
  if (offer.network_passphrase !== undefined && offer.network_passphrase !== network.passphrase)
    throw new PaymentRefusedError("wrong_network", {
      message: "The shop takes payments on another network.",
      advice: "pass the network that you mean to pay on, or use another shop.",
      given: { shop: offer.network_passphrase, yours: network.passphrase },
    });
  const issuer = offer.usdc.asset.split(":")[1] ?? "";
  const isUsdc = offer.usdc.asset.startsWith("USDC:") && decodeStrKey("account", issuer) !== null;
  if (!isUsdc || (network.usdcIssuer !== null && network.usdcIssuer !== issuer))
    throw refused("wrong_asset", "What the shop calls USDC is not the USDC of this network.", {
      shop: offer.usdc.asset,
      expected: network.usdcIssuer === null ? "USDC:G…" : `USDC:${network.usdcIssuer}`,
    });
  const legs = [legOf("usdc", offer.usdc.amount, offer.expires_at)];
  // The earlier end counts: a payment after either is late.
  const { xlm } = offer;
  if (xlm !== undefined)
    legs.push(legOf("xlm", xlm.amount, earlier(xlm.expires_at, offer.expires_at)));
  for (const leg of legs) checkCap(leg, maxAmount);
  return legs;
}

function legOf(asset: Leg["asset"], amount: string, expiresAt: string | undefined): Leg {
  const amountStroops = parseStroops(amount);
  if (amountStroops === null || amountStroops <= 0n)
    throw refused(
      "invalid_instructions",
      "The price is not a positive amount of at most seven decimals.",
      { [asset]: amount },
    );
  const expiresAtMs = expiresAt === undefined ? Number.NaN : Date.parse(expiresAt);
  return {
    asset,
    amountStroops,
    expiresAtS: Number.isNaN(expiresAtMs) ? null : Math.floor(expiresAtMs / 1000),
  };
}

function earlier(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Date.parse(one) <= Date.parse(other) ? one : other;
}

function checkCap(leg: Leg, maxAmount: MaxAmount): void {
  const cap = maxAmount[leg.asset];
  if (cap === undefined) return;
  const capStroops = parseStroops(cap);
  if (capStroops !== null && leg.amountStroops <= capStroops) return;
  throw new PaymentRefusedError("amount_over_cap", {
    message: "The shop asks for more than the cap.",
    advice: "compare the price; raise maxAmount only if it is right.",
    given: { asset: leg.asset, price: formatStroops(leg.amountStroops), cap },
  });
}

/** The leg that this wallet pays: the one asked for, or USDC before XLM as far as the wallet holds it. */
export function chooseLeg(
  legs: readonly Leg[],
  wanted: "usdc" | "xlm" | "auto",
  wallet: {
    readonly publicKey: string;
    readonly seen: AccountSeen;
    readonly xlmUnavailable: string | null;
  },
): Leg {
  const { account, trustline } = wallet.seen;
  if (account === null)
    throw new PaymentRefusedError("account_not_found", {
      message: "The paying account does not exist on this network.",
      advice: "send it a few XLM for reserve and fees, and the asset to pay with.",
      given: { account: wallet.publicKey },
    });
  const spendable = account.balanceStroops - BigInt(2 + account.subentries) * BASE_RESERVE_STROOPS;
  const usdcStroops = trustline?.isAuthorized === true ? trustline.balanceStroops : 0n;
  const leg = legs.find(({ asset, amountStroops }) =>
    wanted === "auto"
      ? amountStroops <= (asset === "usdc" ? usdcStroops : spendable - AUTO_FEE_ROOM_STROOPS)
      : asset === wanted,
  );
  const given = {
    account: wallet.publicKey,
    "holds usdc": formatStroops(usdcStroops),
    "holds xlm": formatStroops(account.balanceStroops),
    ...Object.fromEntries(
      legs.map(({ asset, amountStroops }) => [`price ${asset}`, formatStroops(amountStroops)]),
    ),
  };
  if (leg === undefined && wanted === "xlm") throw notOffered(wallet.xlmUnavailable);
  if (
    leg === undefined ||
    leg.amountStroops > (leg.asset === "usdc" ? usdcStroops : account.balanceStroops)
  )
    throw shortOf(wanted === "usdc" && trustline === null, given);
  return leg;
}

function notOffered(why: string | null): PaymentRefusedError {
  return new PaymentRefusedError("asset_not_offered", {
    message: "The shop does not take XLM for this order.",
    advice: 'pay with asset: "usdc", or try again later.',
    given: { why },
  });
}

function shortOf(
  isTrustlineMissing: boolean,
  given: Readonly<Record<string, string>>,
): PaymentRefusedError {
  return isTrustlineMissing
    ? new PaymentRefusedError("missing_trustline", {
        message: "The wallet has no trustline for the shop's USDC.",
        advice: 'add one and fund it, or pay with asset: "xlm"; then call again.',
        given,
      })
    : new PaymentRefusedError("insufficient_balance", {
        message: "The wallet does not hold enough for this order.",
        advice: "fund it, then call again with the same idempotency key or order id.",
        given,
      });
}

/** Shortest time to the time bound with which a payment can be expected to make it into a ledger. */
const MIN_VALIDITY_S = 10;

/** When the payment must be in a ledger: `timeoutS` from now by the chain's clock, never after the price has ended. */
export function timeBoundS(leg: Leg, chainTimeS: number, timeoutS: number): number {
  const boundS = Math.min(chainTimeS + timeoutS, leg.expiresAtS ?? Number.POSITIVE_INFINITY);
  if (boundS - chainTimeS >= MIN_VALIDITY_S) return boundS;
  throw new PaymentRefusedError("quote_expired", {
    message: "The price of this order has ended or is about to.",
    advice: "buy with a new idempotency key.",
    given: {
      asset: leg.asset,
      "price ended": new Date((leg.expiresAtS ?? 0) * 1000).toISOString(),
    },
  });
}

export function termsOf(
  leg: Leg,
  offer: PaymentOffer,
  payer: { readonly publicKey: string; readonly passphrase: string },
): PayTerms {
  return {
    passphrase: payer.passphrase,
    contractId: offer.contract_id,
    payer: payer.publicKey,
    asset: leg.asset,
    usdcAsset: offer.usdc.asset,
    amountStroops: leg.amountStroops,
    orderId: offer.order_id,
  };
}

function refused(
  code: "invalid_instructions" | "wrong_asset",
  message: string,
  given: Readonly<Record<string, string>>,
): PaymentRefusedError {
  return new PaymentRefusedError(code, {
    message,
    advice: "do not pay; ask the shop's operator.",
    given,
  });
}
