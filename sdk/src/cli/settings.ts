import type { ShopOptions } from "../client.ts";
import { fileJournal, type PaymentJournal } from "../journal.ts";
import type { NetworkOption } from "../pay/network.ts";
import { keypairSigner, owsSigner, type Signer } from "../signer.ts";
import { UsageError, type Terminal } from "./command.ts";

/** The environment as the buyer's commands read it. */
export const VARIABLES: readonly (readonly [name: string, meaning: string])[] = [
  ["VEND402_BASE_URL", "the shop: https://shop.example/v1"],
  ["VEND402_API_KEY", "your key at this shop"],
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
