import { Asset as StellarAsset, Networks } from "@stellar/stellar-sdk/base";
import type { Asset } from "../../money.ts";

export type NetworkName = "local" | "testnet" | "pubnet";

/** A credit asset of the classic ledger: code and the issuing account. */
export interface CreditAsset {
  readonly code: string;
  readonly issuer: string;
}

/** Everything the rail needs to know about its network. Holds secrets: never log it. */
export interface StellarContractConfig {
  readonly network: NetworkName;
  readonly passphrase: string;
  /** JSON-RPC addresses, the preferred one first. */
  readonly rpcUrls: readonly string[];
  readonly receiverContractId: string;
  /** SHA-256 of the receiver's code, lower-case hex. */
  readonly receiverWasmSha256: string;
  readonly usdc: CreditAsset;
  /** The account that the contract pays into. The secret may be any signer of it, so that keys can be rotated. */
  readonly treasury: { readonly address: string; readonly secret: string };
  /** Accounts that lend their sequence numbers to payouts; none means one payout at a time, by the treasury. */
  readonly channelSecrets: readonly string[];
  /** The account that pays for sweeps and TTL extensions. Its key moves no customer's money. */
  readonly keeperSecret: string;
  /** Ledger of a cold start; null is the oldest that the servers have, if the receiver is no older. */
  readonly startLedger: number | null;
  readonly tuning: Tuning;
}

/** Numbers that an operator rarely changes. */
export interface Tuning {
  /** Longest wait for one RPC answer. */
  readonly callTimeoutMs: number;
  /** Events per page, 1…10,000. */
  readonly pageLimit: number;
  /** Shortest and longest wait between two looks for a new ledger. */
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
  /** How long a signed payout stays valid, by ledger close time. */
  readonly payoutValidityS: number;
  /** Highest inclusion fee of one transaction; the network charges what the ledger's cheapest entry pays. */
  readonly maxFeeStroops: number;
  /** Sweep an asset when the receiver holds at least this much of it, base units. */
  readonly sweepMinAtomic: { readonly USDC: bigint; readonly XLM: bigint };
  /** Extend the life of the receiver's entries when fewer ledgers than this remain. */
  readonly ttlLowLedgers: number;
  /** How many ledgers from now they shall live then. */
  readonly ttlTargetLedgers: number;
}

/** @default every number an operator need not give */
export const DEFAULT_TUNING: Tuning = {
  callTimeoutMs: 8_000,
  pageLimit: 1_000,
  pollMinMs: 50,
  pollMaxMs: 1_000,
  payoutValidityS: 90,
  maxFeeStroops: 10_000,
  sweepMinAtomic: { USDC: 100_000_000n, XLM: 100_000_000n },
  ttlLowLedgers: 259_200, // 15 days of 5 s ledgers
  ttlTargetLedgers: 518_400, // 30 days, what the receiver itself asks for on each payment
};

/** What is known about a network before anyone has deployed to it. */
export interface NetworkPreset {
  readonly passphrase: string;
  readonly rpcUrls: readonly string[];
  /** On the local network the issuer is made anew by each chain: empty. */
  readonly usdc: CreditAsset;
}

/**
 * USDC issuers: Circle's. Their asset contracts are the published CBIELTK6… (testnet) and CCW67TSZ…
 * (pubnet). No public RPC is named for pubnet: pick a supplier that keeps seven days of history.
 */
export const PRESETS: Readonly<Record<NetworkName, NetworkPreset>> = {
  local: {
    passphrase: "Vend402 Local Network ; November 2026",
    rpcUrls: [],
    usdc: { code: "USDC", issuer: "" },
  },
  testnet: {
    passphrase: Networks.TESTNET,
    rpcUrls: ["https://soroban-testnet.stellar.org"],
    usdc: { code: "USDC", issuer: "GBBD47IF6LWK7P7MDEVSCWR7DPUWV3NY3DTQEVFL4NAT4AQH3ZLLFLA5" },
  },
  pubnet: {
    passphrase: Networks.PUBLIC,
    rpcUrls: [],
    usdc: { code: "USDC", issuer: "GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN" },
  },
};

/** An asset of this rail in the three forms it is needed in. */
export interface RailAsset {
  readonly asset: Asset;
  readonly stellar: StellarAsset;
  /** Address of its asset contract (SAC). */
  readonly contractId: string;
}

export interface RailAssets {
  readonly usdc: RailAsset;
  readonly xlm: RailAsset;
}

/** Both assets; ids are CAIP-19 over CAIP-2 `stellar:<network>`. Both have seven decimals. */
export function railAssets(
  config: Pick<StellarContractConfig, "network" | "passphrase" | "usdc">,
): RailAssets {
  const { code, issuer } = config.usdc;
  const chain = `stellar:${config.network}`;
  const form = (id: string, symbol: string, stellar: StellarAsset): RailAsset => ({
    asset: { id, symbol, decimals: 7 },
    stellar,
    contractId: stellar.contractId(config.passphrase),
  });
  return {
    usdc: form(`${chain}/asset:${code}-${issuer}`, "USDC", new StellarAsset(code, issuer)),
    xlm: form(`${chain}/slip44:148`, "XLM", StellarAsset.native()),
  };
}
