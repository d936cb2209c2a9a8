/** Chain, supplier and shop, all real and all local, wired as an operator would wire them. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  startCardSupplier,
  type CardSupplier,
  type CardSupplierOptions,
} from "../../devnet/suppliers/index.ts";
import { soldCardNumbers, type Secret } from "./canary.ts";
import { startNetwork, type Network } from "./network.ts";
import { createShopHands, type ShopHands } from "./shop-hands.ts";
import type { Environment } from "./shop-process.ts";

export interface WorldOptions {
  /** Milliseconds between ledgers, or "manual". */
  readonly closeEveryMs: number | "manual";
  readonly chainPort?: number;
  readonly supplier?: Partial<CardSupplierOptions>;
  /** More settings of the shop, over those that the world makes. */
  readonly env?: Environment;
}

export interface World extends Omit<ShopHands, "end"> {
  readonly network: Network;
  readonly supplier: CardSupplier;
  /** Where the shop keeps its data. */
  readonly folder: string;
  /** The shop's settings. */
  readonly env: Environment;
  readonly databaseFile: string;
  /**
   * Ends chain, supplier and what is left of shops, and removes the folder. Throws when anything that was
   * written holds a secret.
   */
  close(): Promise<void>;
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-world-"));
  const network = await startNetwork({
    closeEveryMs: options.closeEveryMs,
    ...(options.chainPort === undefined ? {} : { port: options.chainPort }),
  });
  const supplierFolder = path.join(folder, "supplier");
  const supplier = await startCardSupplier({
    speed: 100,
    seed: "world",
    dataDir: supplierFolder,
    ...options.supplier,
  });
  const env = { ...shopEnvironment(network, supplier, path.join(folder, "shop")), ...options.env };
  const sold = (): readonly Secret[] => soldCardNumbers(supplierFolder);
  const hands = createShopHands({ folder, env, sold });
  return {
    ...hands,
    network,
    supplier,
    folder,
    env,
    databaseFile: path.join(folder, "shop", "vend402.db"),
    close: async () => {
      try {
        await hands.end();
      } finally {
        await Promise.all([network.close(), supplier.close()]);
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

function shopEnvironment(network: Network, supplier: CardSupplier, dataFolder: string) {
  const { cast, devnet } = network;
  return {
    VEND402_ENV: "development",
    VEND402_HOST: "127.0.0.1",
    VEND402_PORT: "0",
    VEND402_DATA: dataFolder,
    VEND402_MASTER_KEYS: `k1:${randomBytes(32).toString("hex")}`,
    VEND402_KEY_PEPPER: randomBytes(32).toString("hex"),
    VEND402_READS_PER_MINUTE: "1000000",
    VEND402_STREAMS_PER_KEY: "20000",
    VEND402_STREAMS_PER_SERVER: "20000",
    VEND402_UNMATCHED_HOLD: "1s",
    VEND402_PRICE_CONTRACT: network.oracleId,
    VEND402_PRICE_REFRESH: "2s",
    VEND402_STELLAR_NETWORK: "local",
    VEND402_STELLAR_PASSPHRASE: devnet.passphrase,
    VEND402_STELLAR_RPC: devnet.url,
    VEND402_STELLAR_RECEIVER: network.receiverId,
    VEND402_STELLAR_USDC_ISSUER: cast.issuer.publicKey(),
    VEND402_STELLAR_TREASURY_SECRET: cast.treasury.secret(),
    VEND402_STELLAR_KEEPER_SECRET: cast.keeper.secret(),
    VEND402_STELLAR_CHANNEL_SECRETS: cast.channels.map((account) => account.secret()).join(","),
    VEND402_SUPPLIER_SIM_CARDS_URL: supplier.url,
    VEND402_SUPPLIER_SIM_CARDS_API_KEY: supplier.apiKey,
  };
}
