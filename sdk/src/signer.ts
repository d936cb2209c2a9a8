import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { decodeBase58 } from "./base58.ts";
import { InvalidOptionError, MissingPeerError } from "./errors.ts";
import { WalletError } from "./pay/errors.ts";
import { decodeStrKey, encodeStrKey } from "./strkey.ts";

/**
 * Whatever can sign for a Stellar account: a key in memory, a vault, a hardware module, a remote signer.
 * @example
 * ```ts
 * import type { Signer } from "vend402";
 *
 * const signer: Signer = { publicKey: "G…", signHash: (hash) => myHsm.signEd25519("agent-key", hash) };
 * ```
 */
export interface Signer {
  /** "G…": the account that pays and to which a refund goes. */
  readonly publicKey: string;
  /** The raw 64-byte ed25519 signature of these 32 bytes, not of a message that wraps them. */
  readonly signHash: (hash: Uint8Array) => Promise<Uint8Array> | Uint8Array;
}

// DER prefixes of a raw ed25519 key (RFC 8410): the only form in which node:crypto takes one.
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

/**
 * A signer from a Stellar secret key.
 * @throws InvalidOptionError when `secret` is not an "S…" key with a correct checksum; the text is never shown.
 */
export function keypairSigner(secret: string): Signer {
  const seed = decodeStrKey("seed", secret);
  if (seed === null)
    throw new InvalidOptionError(
      "The Stellar secret key is malformed.",
      'pass the 56-character key that starts with "S".',
    );
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: "der",
    type: "pkcs8",
  });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: encodeStrKey("account", spki.subarray(SPKI_PREFIX.length)),
    signHash: (hash) => new Uint8Array(sign(null, hash, key)),
  };
}

/** Whether `signature` is `publicKey`'s ("G…") over `hash`. */
export function isSignatureOf(publicKey: string, hash: Uint8Array, signature: Uint8Array): boolean {
  const raw = decodeStrKey("account", publicKey);
  if (raw === null || signature.length !== 64) return false;
  const key = createPublicKey({
    key: Buffer.concat([SPKI_PREFIX, raw]),
    format: "der",
    type: "spki",
  });
  return verify(null, hash, key, signature);
}

/**
 * Asks the signer and checks what it returns, so that a wallet that signs something else is found here and not on
 * chain. @throws WalletError
 */
export async function signChecked(signer: Signer, hash: Uint8Array): Promise<Uint8Array> {
  const signature = await signer.signHash(hash);
  if (!(signature instanceof Uint8Array) || !isSignatureOf(signer.publicKey, hash, signature))
    throw new WalletError("The wallet's signature does not fit its own public key.", {
      advice: "check that signHash signs the 32 raw bytes with the ed25519 key of publicKey.",
      given: { account: signer.publicKey },
    });
  return signature;
}

export interface OwsSignerOptions {
  /** Name or id of the wallet in the vault. */
  readonly wallet: string;
  /** The wallet's passphrase, or an API key of the vault ("ows_key_…"), which is held to its policies. */
  readonly credential: string;
  /** Folder of the vault. @default the Open Wallet Standard's own */
  readonly vault?: string | undefined;
}

/** What is used of @open-wallet-standard/core. */
interface Ows {
  getWallet(
    wallet: string,
    vault?: string,
  ): {
    accounts: readonly { readonly chainId: string; readonly address: string }[];
  };
  // oxlint-disable-next-line max-params -- The wallet standard's own signature.
  signMessage(
    wallet: string,
    chain: string,
    message: string,
    credential: string,
    encoding: "hex",
    index: null,
    vault?: string,
  ): { signature: string };
}

/**
 * A signer from an Open Wallet Standard vault; needs the peer `@open-wallet-standard/core`.
 *
 * A wallet's Stellar account is used when it has one. Today's wallets have none, so the key of their Solana account
 * signs, which is the same kind of key (ed25519): the "G…" address is another spelling of the Solana address. It is
 * derived at m/44'/501'/0'/0', not at the m/44'/148'/0' of SEP-5, so importing the wallet's words into a Stellar wallet
 * shows a different account. Fund `signer.publicKey`.
 *
 * @throws MissingPeerError, WalletError
 * @example
 * ```ts
 * import { owsSigner } from "vend402";
 *
 * const signer = await owsSigner({ wallet: "agent", credential: process.env.VEND402_OWS_CREDENTIAL! });
 * console.log(`send USDC and a few XLM to ${signer.publicKey}`);
 * ```
 */
export async function owsSigner(options: OwsSignerOptions): Promise<Signer> {
  const { wallet, credential, vault } = options;
  const ows = await loadOws();
  const { chain, publicKey } = findAccount(ows, options);
  return {
    publicKey,
    signHash(hash) {
      const hex = Buffer.from(hash).toString("hex");
      return inWallet(options, () => {
        const { signature } = ows.signMessage(wallet, chain, hex, credential, "hex", null, vault);
        return new Uint8Array(Buffer.from(signature, "hex"));
      });
    },
  };
}

async function loadOws(): Promise<Ows> {
  try {
    const loaded: unknown = await import("@open-wallet-standard/core");
    return ((loaded as { default?: unknown }).default ?? loaded) as Ows;
  } catch (cause) {
    throw new MissingPeerError("@open-wallet-standard/core", "^1.2.4", cause);
  }
}

function findAccount(ows: Ows, options: OwsSignerOptions): { chain: string; publicKey: string } {
  const { wallet, vault } = options;
  const { accounts } = inWallet(options, () => ows.getWallet(wallet, vault));
  const stellar = accounts.find(({ chainId }) => chainId.startsWith("stellar"));
  if (stellar !== undefined && decodeStrKey("account", stellar.address) !== null)
    return { chain: "stellar", publicKey: stellar.address };
  const solana = accounts.find(({ chainId }) => chainId.startsWith("solana"));
  const key = solana === undefined ? null : decodeBase58(solana.address);
  if (key?.length !== 32)
    throw new WalletError("The wallet has no ed25519 account.", {
      advice: "create it with the Open Wallet Standard's createWallet, which derives one.",
      given: { wallet },
    });
  return { chain: "solana", publicKey: encodeStrKey("account", key) };
}

/** The wallet's own errors are quoted without their cause and without the credential. */
function inWallet<Value>({ wallet, credential }: OwsSignerOptions, action: () => Value): Value {
  try {
    return action();
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.slice(0, 200) : "";
    throw new WalletError("The wallet refused.", {
      advice: "check the wallet's name, the vault folder, the credential and the vault's policies.",
      given: { wallet, said: credential === "" ? said : said.replaceAll(credential, "…") },
    });
  }
}
