import { parsePaymentOffer, type PaymentOffer } from "../answers.ts";
import type { Fetch } from "../http.ts";
import type { PaymentJournal } from "../journal.ts";
import type { NetworkOption } from "../pay/network.ts";
import { PaymentRefusedError } from "../pay/errors.ts";
import { createStellarPayer, type PaymentReceipt } from "../pay/stellar.ts";
import type { Runtime } from "../runtime.ts";
import type { Signer } from "../signer.ts";
import type { X402Asked } from "./answers.ts";
import { withinLimits, type PayLimits } from "./limits.ts";
import type { Payer, PayWay, Way, Ways, X402Receipt } from "./payer.ts";

export interface StellarOptions extends PayLimits {
  readonly signer: Signer;
  /** @default "pubnet" */
  readonly stellarNetwork?: NetworkOption | undefined;
  /** The most to pay in XLM; without it only USDC is paid, since dollars do not limit XLM. */
  readonly maxXlm?: string | undefined;
}

export interface StellarDeps {
  readonly journal: PaymentJournal;
  readonly runtime: Runtime;
  readonly fetch?: Fetch | undefined;
}

/** What a shop's deposit of this type calls the network. */
const NETWORKS: Readonly<Record<string, string>> = {
  "Public Global Stellar Network ; September 2015": "stellar:pubnet",
  "Test SDF Network ; September 2015": "stellar:testnet",
};
const USDC_DECIMALS = 7;

/** Pays with the shop's contract on Stellar, by the very code that pays cards there. */
export function createStellarWay(
  { signer, stellarNetwork, maxXlm, ...limits }: StellarOptions,
  { journal, runtime, fetch }: StellarDeps,
): Payer {
  const asset = maxXlm === undefined ? "usdc" : "auto";
  const maxAmount = { usdc: limits.maxUsd, xlm: maxXlm };
  const options = { signer, network: stellarNetwork, asset, maxAmount, journal } as const;
  const pay = createStellarPayer(options, runtime, fetch);
  return {
    kind: "stellar",
    ways: (asked) => Promise.resolve(waysOf(asked, limits)),
    async pay(payment) {
      const offer = offerIn(payment.asked);
      if (offer === null) throw notOffered(payment.asked.orderId);
      const receipt = await pay({
        offer,
        isFirst: payment.isFirst,
        refresh: async () => {
          const asked = await payment.refresh();
          return asked === null ? null : offerIn(asked);
        },
        signal: payment.signal,
        onStep: ({ step, payment: signed }) => tell(payment, step, signed, signer),
      });
      return receipt === null ? null : receiptOf(receipt, payment.way, signer);
    },
  };
}

function tell(
  { way, onStep }: PayWay,
  step: "signed" | "sent" | "ledger",
  payment: PaymentReceipt,
  signer: Signer,
): void {
  onStep({ step: step === "signed" ? step : "sent", payment: receiptOf(payment, way, signer) });
}

/** The contract's deposit; null when the shop takes no payments on Stellar for this order. */
function offerIn({ orderId, terms, expiresAt }: X402Asked): PaymentOffer | null {
  const deposit = terms.deposits.find(({ type }) => type === "soroban_contract");
  if (deposit === undefined) return null;
  return { expires_at: expiresAt, ...parsePaymentOffer(deposit, orderId) };
}

function waysOf(asked: X402Asked, limits: PayLimits): Ways {
  const offer = offerIn(asked);
  if (offer === null) return { ways: [], refusal: null };
  const { network_passphrase: passphrase = "" } = offer;
  const [whole = "0", fraction = ""] = offer.usdc.amount.split(".");
  const atomic = BigInt(whole + fraction.slice(0, USDC_DECIMALS).padEnd(USDC_DECIMALS, "0"));
  const network = NETWORKS[passphrase] ?? "stellar:custom";
  const token = { decimals: USDC_DECIMALS, symbol: "USDC" };
  return withinLimits("stellar", [{ network, asset: "usdc", atomic, token }], limits);
}

function receiptOf(
  { hash, asset, amount, ledger, validUntil }: PaymentReceipt,
  { network }: Way,
  { publicKey }: Signer,
): X402Receipt {
  const txId = ledger === null ? null : hash;
  return {
    network,
    asset: asset.toUpperCase(),
    amount,
    payer: publicKey,
    id: hash,
    txId,
    validUntil,
  };
}

function notOffered(orderId: string): PaymentRefusedError {
  return new PaymentRefusedError("asset_not_offered", {
    message: "The shop takes no payment on Stellar for this order.",
    advice: "pass a wallet of a network that the shop takes payments on.",
    given: { order: orderId },
  });
}
