import type { Address } from "viem";
import type { Asset } from "../../money.ts";

/** How x402 moves a token: by the token's own EIP-3009, or through the Permit2 contract. */
export type TransferMethod =
  | {
      readonly kind: "eip3009";
      /** The token's EIP-712 domain; a wrong name shows only when a payment is carried out. */
      readonly domain: { readonly name: string; readonly version: string };
    }
  | { readonly kind: "permit2" };

/** An ERC-20 token that payments are taken in. */
export interface Token {
  /** `id` is CAIP-19: "eip155:137/erc20:0x…" in lower case. */
  readonly asset: Asset;
  /** With checksum. */
  readonly address: Address;
  readonly method: TransferMethod;
}

/** When a block counts as one that will not be replaced. */
export type Finality =
  /** When the chain says so: its `finalized` block. */
  | { readonly kind: "finalized" }
  /** When so many blocks stand, the block itself included. */
  | { readonly kind: "depth"; readonly blocks: number };

/** A token before it belongs to a chain. */
export interface TokenEntry {
  readonly symbol: string;
  readonly address: Address;
  readonly decimals: number;
  readonly method: TransferMethod;
}

/** What is known of a chain before anybody configures it. */
export interface Network {
  /** For people: "Polygon". */
  readonly name: string;
  /** What version 1 of x402 calls it; null where that has no name for it. */
  readonly x402V1Name: string | null;
  /** The chain's own coin, which gas is paid in. 18 decimals everywhere. */
  readonly coin: string;
  readonly finality: Finality;
  /** Between two blocks, about. */
  readonly blockMs: number;
  /** The highest price of gas that is ever bid. */
  readonly maxFeeGwei: number;
  /** A tip below this is not taken in by the chain's block producers. */
  readonly minTipGwei: number;
  /** What collecting a payment from its deposit address costs at most, about, in cents of a dollar. */
  readonly flushCents: number;
  readonly tokens: readonly TokenEntry[];
}

const usdc = (address: Address, name = "USD Coin"): TokenEntry => ({
  symbol: "USDC",
  address,
  decimals: 6,
  method: { kind: "eip3009", domain: { name, version: "2" } },
});

/** By Permit2, which works with every Tether contract; not all of them have EIP-3009. */
const usdt = (address: Address): TokenEntry => ({
  symbol: "USDT",
  address,
  decimals: 6,
  method: { kind: "permit2" },
});

const FINALIZED: Finality = { kind: "finalized" };

/**
 * By chain id. USDC: Circle's list of its own contracts (developers.circle.com/stablecoins/usdc-contract-addresses);
 * USDT: Tether's (tether.to/supported-protocols). All of these chains name their `finalized` block.
 */
const NETWORKS: Readonly<Record<number, Network>> = {
  1: {
    name: "Ethereum",
    x402V1Name: "ethereum",
    coin: "ETH",
    finality: FINALIZED,
    blockMs: 12_000,
    maxFeeGwei: 150,
    minTipGwei: 0,
    flushCents: 500,
    tokens: [
      usdc("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"),
      usdt("0xdAC17F958D2ee523a2206206994597C13D831ec7"),
    ],
  },
  10: {
    name: "OP Mainnet",
    x402V1Name: null,
    coin: "ETH",
    finality: FINALIZED,
    blockMs: 2_000,
    maxFeeGwei: 5,
    minTipGwei: 0,
    flushCents: 10,
    tokens: [
      usdc("0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85"),
      usdt("0x94b008aA00579c1307B0EF2c499aD98a8ce58e58"),
    ],
  },
  137: {
    name: "Polygon",
    x402V1Name: "polygon",
    coin: "POL",
    // Milestones. A fixed depth does not survive a stall: a reorg of 157 blocks is on record.
    finality: FINALIZED,
    blockMs: 2_000,
    maxFeeGwei: 2_000,
    minTipGwei: 25,
    flushCents: 10,
    tokens: [
      usdc("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"),
      usdt("0xc2132D05D31c914a87C6611C10748AEb04B58e8F"),
    ],
  },
  8453: {
    name: "Base",
    x402V1Name: "base",
    coin: "ETH",
    finality: FINALIZED,
    blockMs: 2_000,
    maxFeeGwei: 5,
    minTipGwei: 0,
    flushCents: 10,
    tokens: [usdc("0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913")],
  },
  42161: {
    name: "Arbitrum One",
    x402V1Name: null,
    coin: "ETH",
    finality: FINALIZED,
    blockMs: 250,
    maxFeeGwei: 10,
    minTipGwei: 0,
    flushCents: 10,
    tokens: [
      usdc("0xaf88d065e77c8cC2239327C5EDb3A432268e5831"),
      usdt("0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9"),
    ],
  },
  43113: {
    name: "Avalanche Fuji",
    x402V1Name: "avalanche-fuji",
    coin: "AVAX",
    finality: FINALIZED,
    blockMs: 2_000,
    maxFeeGwei: 500,
    minTipGwei: 0,
    flushCents: 10,
    tokens: [usdc("0x5425890298aed601595a70AB815c96711a31Bc65")],
  },
  43114: {
    name: "Avalanche",
    x402V1Name: "avalanche",
    coin: "AVAX",
    finality: FINALIZED,
    blockMs: 2_000,
    maxFeeGwei: 500,
    minTipGwei: 0,
    flushCents: 10,
    tokens: [
      usdc("0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"),
      usdt("0x9702230A8Ea53601f5cD2dc00fDBc13d4dF4A8c7"),
    ],
  },
  80002: {
    name: "Polygon Amoy",
    x402V1Name: "polygon-amoy",
    coin: "POL",
    finality: FINALIZED,
    blockMs: 2_000,
    maxFeeGwei: 2_000,
    minTipGwei: 25,
    flushCents: 10,
    tokens: [usdc("0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582", "USDC")],
  },
  84532: {
    name: "Base Sepolia",
    x402V1Name: "base-sepolia",
    coin: "ETH",
    finality: FINALIZED,
    blockMs: 2_000,
    maxFeeGwei: 5,
    minTipGwei: 0,
    flushCents: 10,
    tokens: [usdc("0x036CbD53842c5426634e7929541eC2318f3dCF7e", "USDC")],
  },
};

/** What is known of a chain; of one that is not in the table, nothing but cautious numbers. */
export function networkOf(chainId: number): Network {
  const known = Object.hasOwn(NETWORKS, chainId) ? NETWORKS[chainId] : undefined;
  return (
    known ?? {
      name: `chain ${chainId}`,
      x402V1Name: null,
      coin: "coin",
      finality: FINALIZED,
      blockMs: 2_000,
      maxFeeGwei: 200,
      minTipGwei: 0,
      flushCents: 100,
      tokens: [],
    }
  );
}

/** A token of the chain with this id. */
export function tokenOn(chainId: number, entry: TokenEntry): Token {
  const { symbol, address, decimals, method } = entry;
  const id = `eip155:${chainId}/erc20:${address.toLowerCase()}`;
  return { asset: { id, symbol, decimals }, address, method };
}
