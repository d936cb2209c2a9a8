import { InvalidOptionError } from "../errors.ts";
import { parseAddress, type Fetch } from "../http.ts";

/** A Stellar network as the payer knows it; what the shop says about it must agree. */
export interface StellarNetwork {
  readonly passphrase: string;
  /** A Stellar RPC server. https, except on this machine. */
  readonly rpcUrl: string;
  /** The only issuer whose USDC is accepted as such. @default pubnet: Circle's; else the one the shop names */
  readonly usdcIssuer?: string | undefined;
}

export const STELLAR_NETWORKS = {
  pubnet: {
    passphrase: "Public Global Stellar Network ; September 2015",
    rpcUrl: "https://mainnet.sorobanrpc.com",
    usdcIssuer: "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
  },
  testnet: {
    passphrase: "Test SDF Network ; September 2015",
    rpcUrl: "https://soroban-testnet.stellar.org",
  },
} as const satisfies Record<string, StellarNetwork>;

/** A known network by name, with another RPC server if wanted, or a network of your own. */
export type NetworkOption =
  | keyof typeof STELLAR_NETWORKS
  | { readonly name: keyof typeof STELLAR_NETWORKS; readonly rpcUrl: string }
  | StellarNetwork;

/** A checked network. Internal to this package. */
export interface OpenNetwork {
  readonly passphrase: string;
  readonly rpcUrl: URL;
  readonly usdcIssuer: string | null;
  readonly fetch: Fetch;
}

/** @throws InvalidOptionError */
export function openNetwork(
  option: NetworkOption = "pubnet",
  fetch: Fetch = globalThis.fetch,
): OpenNetwork {
  const network = networkOf(option);
  if (typeof network.passphrase !== "string" || network.passphrase === "")
    throw new InvalidOptionError(
      "network.passphrase is empty.",
      'pass "pubnet", "testnet" or { passphrase, rpcUrl }.',
    );
  return {
    passphrase: network.passphrase,
    rpcUrl: parseAddress(network.rpcUrl, "network.rpcUrl"),
    usdcIssuer: network.usdcIssuer ?? null,
    fetch,
  };
}

function networkOf(option: NetworkOption): StellarNetwork {
  if (typeof option === "object" && !("name" in option)) return option;
  const name = typeof option === "string" ? option : option.name;
  if (!Object.hasOwn(STELLAR_NETWORKS, name))
    throw new InvalidOptionError(
      "network is not known.",
      'pass "pubnet", "testnet" or { passphrase, rpcUrl }.',
      { network: name },
    );
  return typeof option === "string"
    ? STELLAR_NETWORKS[option]
    : { ...STELLAR_NETWORKS[option.name], rpcUrl: option.rpcUrl };
}
