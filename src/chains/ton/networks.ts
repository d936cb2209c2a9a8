import type { Asset } from "../../money.ts";

export type NetworkName = "mainnet" | "testnet" | "local";

export interface Network {
  readonly name: NetworkName;
  /** CAIP-2, the global id of the chain as x402 writes it. */
  readonly caip2: string;
  /** The jetton that is taken unless another one is configured; null: one must be. */
  readonly jetton: JettonTerms | null;
}

export interface JettonTerms {
  /** Raw address of the minter: "0:…" in lower case. */
  readonly master: string;
  readonly symbol: string;
  readonly decimals: number;
}

export const NETWORKS: Readonly<Record<NetworkName, Network>> = {
  mainnet: {
    name: "mainnet",
    caip2: "tvm:-239",
    jetton: {
      master: "0:b113a994b5024a16719f69139328eb759596c38a25f59028b146fecdc3621dfe",
      symbol: "USDT",
      decimals: 6,
    },
  },
  testnet: { name: "testnet", caip2: "tvm:-3", jetton: null },
  // The global id that local chains of the TON developers' tools have.
  local: { name: "local", caip2: "tvm:-217", jetton: null },
};

/** CAIP-19; its reference has no room for the colon of a raw address, and minters live on workchain 0. */
export function jettonAsset(caip2: string, { master, symbol, decimals }: JettonTerms): Asset {
  return { id: `${caip2}/jetton:${master.slice(2)}`, symbol, decimals };
}
