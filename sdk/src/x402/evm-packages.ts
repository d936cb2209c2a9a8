import { MissingPeerError } from "../errors.ts";
import type { X402PaymentRequired } from "./wire.ts";

/** EIP-712 data as the x402 packages hand it to a signer. */
export interface TypedData {
  readonly domain: Record<string, unknown>;
  readonly types: Record<string, unknown>;
  readonly primaryType: string;
  readonly message: Record<string, unknown>;
}

/** What is used of `x402Client` of @x402/core. */
export interface X402Client {
  setSpendControls(controls: {
    readonly maxAmountPerPayment: string;
    readonly allowedAssets: readonly {
      readonly network: string;
      readonly asset: string;
      readonly maxAmountPerPayment: string;
    }[];
  }): unknown;
  createPaymentPayload(required: X402PaymentRequired): Promise<{
    readonly payload: Readonly<Record<string, unknown>>;
    readonly extensions?: object;
  }>;
}

interface Signer {
  readonly address: `0x${string}`;
  signTypedData(message: TypedData): Promise<`0x${string}`>;
}

interface Scheme {
  findDefaultAsset(
    asset: string,
    network: string,
  ): { decimals: number; symbol: string } | undefined;
}

interface CorePackage {
  readonly x402Client: new () => X402Client & {
    register(network: string, scheme: Scheme): unknown;
  };
}

interface EvmPackage {
  readonly ExactEvmScheme: new (signer: Signer) => Scheme;
}

/** The stock client pieces of x402. */
export interface X402Pieces {
  /** A client that signs for this network alone, with the stock limits. */
  readonly createClient: (signer: Signer, network: string) => X402Client;
  /** The dollar tokens that the packages know. */
  readonly findDefaultAsset: (
    asset: string,
    network: string,
  ) => { readonly decimals: number; readonly symbol: string } | undefined;
}

const RANGE = "^2.27.0";
const NOBODY: Signer = {
  address: `0x${"0".repeat(40)}`,
  signTypedData: () => Promise.reject(new Error("nobody signs")),
};

/** @throws MissingPeerError */
export async function loadX402(): Promise<X402Pieces> {
  const { x402Client } = await loadCore();
  const { ExactEvmScheme } = await loadEvm();
  const table = new ExactEvmScheme(NOBODY);
  return {
    createClient(signer, network) {
      const client = new x402Client();
      client.register(network, new ExactEvmScheme(signer));
      return client;
    },
    findDefaultAsset: (asset, network) => table.findDefaultAsset(asset, network),
  };
}

async function loadCore(): Promise<CorePackage> {
  try {
    return (await import("@x402/core/client")) as unknown as CorePackage;
  } catch (cause) {
    throw new MissingPeerError("@x402/core", RANGE, cause);
  }
}

async function loadEvm(): Promise<EvmPackage> {
  try {
    return await import("@x402/evm/exact/client");
  } catch (cause) {
    throw new MissingPeerError("@x402/evm", RANGE, cause);
  }
}
