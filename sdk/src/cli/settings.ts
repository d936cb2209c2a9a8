import { readFileSync } from "node:fs";
import type { ShopOptions } from "../client.ts";
import { MissingPeerError } from "../errors.ts";
import { fileJournal, type PaymentJournal } from "../journal.ts";
import type { NetworkOption } from "../pay/network.ts";
import { keypairSigner, owsSigner, type Signer } from "../signer.ts";
import type { EvmSigner } from "../x402/evm.ts";
import type { X402ShopOptions } from "../x402/shop.ts";
import { tonKeySigner, type TonWallet } from "../x402/ton.ts";
import { UsageError, type Terminal } from "./command.ts";

/** The environment as the buyer's commands read it. */
export const VARIABLES: readonly (readonly [name: string, meaning: string])[] = [
  ["VEND402_BASE_URL", "the shop: https://shop.example/v1"],
  ["VEND402_API_KEY", "your key at this shop; what is paid by x402 needs none"],
  ["VEND402_STELLAR_SECRET", "secret key of the paying account (S…), or instead of it:"],
  ["VEND402_OWS_WALLET", "name of an Open Wallet Standard wallet"],
  ["VEND402_OWS_CREDENTIAL", "its passphrase or an API key of the vault"],
  ["VEND402_OWS_VAULT", "folder of the vault, if not the standard one"],
  ["VEND402_STELLAR_NETWORK", "pubnet (default) or testnet"],
  [
    "VEND402_STELLAR_PASSPHRASE",
    "passphrase of any other network, together with VEND402_STELLAR_RPC",
  ],
  ["VEND402_STELLAR_RPC", "address of the Stellar RPC server to use"],
  ["VEND402_STELLAR_USDC_ISSUER", "the only USDC issuer to accept on another network"],
  [
    "VEND402_EVM_KEY",
    "private key of the account that pays on EVM chains (0x…), or instead of it:",
  ],
  ["VEND402_EVM_KEY_FILE", "file that holds it"],
  ["VEND402_TON_KEY", "seed of the wallet (v5) that pays on TON: 64 hex digits"],
  ["VEND402_TON_RPC", "toncenter API v2 of the TON network, if not toncenter.com's"],
  ["VEND402_TON_RPC_KEY", "its API key"],
  ["VEND402_JOURNAL", "folder for signed payments, if not ~/.vend402/payments"],
];

type Env = Terminal["env"];

function wanted(env: Env, name: string): string {
  const value = env[name];
  if (value === undefined || value === "")
    throw new UsageError(`${name} is not set; see vend402 --help`);
  return value;
}

const given = (env: Env, name: string) => (env[name] === "" ? undefined : env[name]);

export function shopFrom(env: Env): ShopOptions {
  return { baseUrl: wanted(env, "VEND402_BASE_URL"), apiKey: wanted(env, "VEND402_API_KEY") };
}

export function x402ShopFrom(env: Env): X402ShopOptions {
  const apiKey = given(env, "VEND402_API_KEY");
  return { baseUrl: wanted(env, "VEND402_BASE_URL"), ...(apiKey === undefined ? {} : { apiKey }) };
}

/** Where the key of the EVM account is; its text never comes from the command line, which other users can read. */
export interface KeySource {
  /** Name of a variable. */
  readonly keyEnv?: string | undefined;
  readonly keyFile?: string | undefined;
}

/** The EVM account, or null when no key is set. */
export async function accountFrom(env: Env, source: KeySource): Promise<EvmSigner | null> {
  const key = evmKeyFrom(env, source);
  if (key === null) return null;
  if (!/^0x[0-9a-fA-F]{64}$/.test(key))
    throw new UsageError('the EVM key is not "0x" and 64 hex digits');
  const { privateKeyToAccount } = await loadAccounts();
  return privateKeyToAccount(key as `0x${string}`);
}

function evmKeyFrom(env: Env, { keyEnv, keyFile }: KeySource): string | null {
  if (keyEnv !== undefined && keyFile !== undefined)
    throw new UsageError("say either --key-env or --key-file, not both");
  if (keyEnv !== undefined) return wanted(env, keyEnv).trim();
  const file = keyFile ?? given(env, "VEND402_EVM_KEY_FILE");
  const text = keyFile === undefined ? given(env, "VEND402_EVM_KEY") : undefined;
  if (text !== undefined) return text.trim();
  if (file === undefined) return null;
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    throw new UsageError(`the key file ${file} cannot be read`);
  }
}

async function loadAccounts(): Promise<{
  readonly privateKeyToAccount: (key: `0x${string}`) => EvmSigner;
}> {
  try {
    return await import("viem/accounts");
  } catch (cause) {
    throw new MissingPeerError("viem", "^2.48.11", cause);
  }
}

const TONCENTER = "https://toncenter.com/api/v2/jsonRPC";

/** The wallet on TON, or null when no key is set. */
export function tonFrom(env: Env): TonWallet | null {
  const seed = given(env, "VEND402_TON_KEY");
  if (seed === undefined) return null;
  const rpcKey = given(env, "VEND402_TON_RPC_KEY");
  return {
    signer: tonKeySigner(seed.trim()),
    rpcUrl: given(env, "VEND402_TON_RPC") ?? TONCENTER,
    ...(rpcKey === undefined ? {} : { rpcKey }),
  };
}

export function hasStellarWallet(env: Env): boolean {
  return ["VEND402_STELLAR_SECRET", "VEND402_OWS_WALLET"].some(
    (name) => given(env, name) !== undefined,
  );
}

export async function signerFrom(env: Env): Promise<Signer> {
  const secret = given(env, "VEND402_STELLAR_SECRET");
  const wallet = given(env, "VEND402_OWS_WALLET");
  if (secret !== undefined && wallet !== undefined)
    throw new UsageError("set either VEND402_STELLAR_SECRET or VEND402_OWS_WALLET, not both");
  if (secret !== undefined) return keypairSigner(secret);
  if (wallet === undefined)
    throw new UsageError("set VEND402_STELLAR_SECRET or VEND402_OWS_WALLET to pay");
  const credential = wanted(env, "VEND402_OWS_CREDENTIAL");
  return owsSigner({ wallet, credential, vault: given(env, "VEND402_OWS_VAULT") });
}

export function networkFrom(env: Env): NetworkOption {
  const name = given(env, "VEND402_STELLAR_NETWORK") ?? "pubnet";
  const passphrase = given(env, "VEND402_STELLAR_PASSPHRASE");
  const rpcUrl = given(env, "VEND402_STELLAR_RPC");
  if (passphrase !== undefined) {
    const usdcIssuer = given(env, "VEND402_STELLAR_USDC_ISSUER");
    return { passphrase, rpcUrl: wanted(env, "VEND402_STELLAR_RPC"), usdcIssuer };
  }
  if (name !== "pubnet" && name !== "testnet")
    throw new UsageError(
      `VEND402_STELLAR_NETWORK is "${name}": set VEND402_STELLAR_PASSPHRASE too`,
    );
  return rpcUrl === undefined ? name : { name, rpcUrl };
}

export function journalFrom(env: Env): PaymentJournal {
  return fileJournal(given(env, "VEND402_JOURNAL"));
}
