import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { InvalidOptionError } from "../errors.ts";
import { PaymentRefusedError, WalletError } from "../pay/errors.ts";
import type { Runtime } from "../runtime.ts";
import type { X402Terms } from "./wire.ts";
import type { X402Asked } from "./answers.ts";
import { withinLimits, type DollarToken, type Offered, type PayLimits } from "./limits.ts";
import { echoOf, type PromiseSigner, type SignedPromise } from "./promise-payer.ts";
import { openTonChain, type TonChain } from "./ton-chain.ts";

/** Whatever signs for a wallet v5 on TON: a key in memory, a vault, a hardware module. */
export interface TonSigner {
  /** The raw 32 bytes of the ed25519 key. */
  readonly publicKey: Uint8Array;
  /** The raw 64-byte ed25519 signature of these 32 bytes. */
  readonly signHash: (hash: Uint8Array) => Promise<Uint8Array> | Uint8Array;
}

/** A wallet on TON. It must be of version 5 (r1): only that takes an order that somebody else brings. It needs no TON. */
export interface TonWallet {
  readonly signer: TonSigner;
  /** A server of toncenter's API v2: "https://toncenter.com/api/v2/jsonRPC". */
  readonly rpcUrl: string;
  readonly rpcKey?: string | undefined;
  /** Part of a wallet's address. @default 0 */
  readonly subwallet?: number | undefined;
}

export interface TonOptions extends PayLimits {
  readonly wallet: TonWallet;
  readonly tokens?: readonly DollarToken[] | undefined;
  readonly allowInsecureHttp?: boolean | undefined;
}

// DER prefixes of a raw ed25519 key (RFC 8410): the only form in which node:crypto takes one.
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const RAW_KEY_BYTES = 32;

/**
 * A signer from the seed of an ed25519 key: 64 hex digits, or the first 32 bytes of the `secretKey` that
 * `mnemonicToPrivateKey` of @ton/crypto makes of a wallet's words.
 * @throws InvalidOptionError; the text is never shown
 */
export function tonKeySigner(seed: string | Uint8Array): TonSigner {
  const bytes = typeof seed === "string" ? Buffer.from(seed, "hex") : Buffer.from(seed);
  if (bytes.length !== RAW_KEY_BYTES)
    throw new InvalidOptionError("The TON key is malformed.", "pass its seed of 32 bytes.");
  const der = Buffer.concat([PKCS8_PREFIX, bytes]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: new Uint8Array(spki.subarray(-RAW_KEY_BYTES)),
    signHash: (hash) => new Uint8Array(sign(null, hash, key)),
  };
}

const USDT: DollarToken = {
  network: "tvm:-239",
  address: "0:b113a994b5024a16719f69139328eb759596c38a25f59028b146fecdc3621dfe",
  symbol: "USDT",
  decimals: 6,
};

/** What a transfer takes along for gas, of what the relay advances; enough also for a payee without a jetton wallet. */
const GAS_NANO = 30_000_000n;
/** A shop's terms say 1. More would come out of the wallet's own TON. */
const MOST_FORWARD_NANO = 10_000_000n;
/** For clocks that differ: a promise that ends later than the terms allow is refused. */
const CLOCK_MARGIN_S = 10;

/** Pays a jetton on TON by x402: the wallet signs a transfer, the shop's relay brings it and pays the gas. */
export function createTonSigner(options: TonOptions, runtime: Runtime): PromiseSigner {
  const { wallet, tokens = [] } = options;
  if (wallet.signer.publicKey.length !== RAW_KEY_BYTES)
    throw new InvalidOptionError(
      "ton.signer.publicKey is not a raw ed25519 key.",
      "pass a signer such as tonKeySigner(seed).",
    );
  const listed = [...tokens, USDT];
  const offeredOf = ({ network, asset, amount }: X402Terms): Offered => ({
    network,
    asset,
    atomic: BigInt(amount),
    token:
      listed.find(
        (each) => each.network === network && each.address.toLowerCase() === asset.toLowerCase(),
      ) ?? null,
  });
  return {
    kind: "ton",
    ways: (asked) =>
      Promise.resolve(
        withinLimits("ton", asked.terms.accepts.filter(isPayable).map(offeredOf), options),
      ),
    sign: async (asked, terms) => {
      const chain = await openTonChain(options, terms.network);
      return signTransfer({ asked, terms, wallet, chain, runtime });
    },
    allow: ({ orderId }) =>
      Promise.reject(
        new PaymentRefusedError("invalid_instructions", {
          message: "The shop asks for an allowance, which TON does not have.",
          advice: "ask the shop's operator.",
          given: { order: orderId },
        }),
      ),
  };
}

function isPayable({ scheme, network, extra }: X402Terms): boolean {
  // Without a sponsor the wallet would have to send the message by itself.
  return scheme === "exact" && network.startsWith("tvm:") && extra["areFeesSponsored"] === true;
}

interface Signing {
  readonly asked: X402Asked;
  readonly terms: X402Terms;
  readonly wallet: TonWallet;
  readonly chain: TonChain;
  readonly runtime: Runtime;
}

/** The payload of x402's scheme "exact" on TON: an order to the payer's own wallet, signed, for anybody to bring. */
async function signTransfer(signing: Signing): Promise<SignedPromise> {
  const { asked, terms, wallet, chain, runtime } = signing;
  const { forwardTonAmount, forwardPayload, responseDestination } = transferExtras(terms);
  const validUntilS = Math.floor(runtime.nowMs() / 1000) + terms.maxTimeoutSeconds - CLOCK_MARGIN_S;
  const signed = await chain.signTransfer({
    jettonMaster: terms.asset,
    amountAtomic: BigInt(terms.amount),
    to: terms.payTo,
    forwardNano: forwardTonAmount,
    forwardPayload,
    responseTo: responseDestination,
    attachedNano: GAS_NANO + forwardTonAmount,
    validUntilS,
    sign: async (hash) => {
      const signature = await wallet.signer.signHash(hash);
      if (signature.length === 64) return signature;
      throw new WalletError("The TON wallet's signature has a wrong length.", {
        advice: "check that signHash returns the raw 64 bytes.",
      });
    },
  });
  const payload = { settlementBoc: signed.settlementBoc, asset: terms.asset };
  return {
    payer: signed.payer,
    id: signed.bodyHash,
    validUntilMs: validUntilS * 1000,
    message: { ...echoOf(asked, terms), payload },
  };
}

interface TransferExtras {
  readonly forwardTonAmount: bigint;
  /** Base64 of a bag of cells. */
  readonly forwardPayload: string | null;
  readonly responseDestination: string | null;
}

function transferExtras({ extra }: X402Terms): TransferExtras {
  const { forwardTonAmount = "0", forwardPayload = null, responseDestination = null } = extra;
  const isWhole =
    typeof forwardTonAmount === "string" &&
    /^\d{1,18}$/.test(forwardTonAmount) &&
    (forwardPayload === null || typeof forwardPayload === "string") &&
    (responseDestination === null || typeof responseDestination === "string");
  if (!isWhole || BigInt(forwardTonAmount) > MOST_FORWARD_NANO)
    throw new PaymentRefusedError("invalid_instructions", {
      message: "The shop's terms for TON are not of their form, or ask for TON beside the price.",
      advice: "do not pay; ask the shop's operator.",
      given: { forwardTonAmount: String(forwardTonAmount).slice(0, 40) },
    });
  return { forwardTonAmount: BigInt(forwardTonAmount), forwardPayload, responseDestination };
}
