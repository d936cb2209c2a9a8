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
import { findLeaks, secretsOf, soldCardNumbers, type Said, type Secret } from "./canary.ts";
import { startNetwork, type Network } from "./network.ts";
import {
  prepareShopProcess,
  runCommand,
  type Environment,
  type ShopProcess,
  type WaitingShop,
} from "./shop-process.ts";

export interface WorldOptions {
  /** Milliseconds between ledgers, or "manual". */
  readonly closeEveryMs: number | "manual";
  readonly chainPort?: number;
  readonly supplier?: Partial<CardSupplierOptions>;
  /** More settings of the shop, over those that the world makes. */
  readonly env?: Environment;
}

export interface World {
  readonly network: Network;
  readonly supplier: CardSupplier;
  /** Where the shop keeps its data. */
  readonly folder: string;
  /** The shop's settings. */
  readonly env: Environment;
  readonly databaseFile: string;
  /** A new API key of the shop. */
  newApiKey(...args: readonly string[]): Promise<string>;
  startShop(extra?: Environment, entry?: string): Promise<ShopProcess>;
  /** A shop that has loaded and waits; see `prepareShopProcess`. */
  prepareShop(entry: string, extra?: Environment): WaitingShop;
  command(...args: readonly string[]): Promise<string>;
  /** Everything that no line of a shop or command may hold. */
  secrets(): readonly Secret[];
  /** What every shop process and command of this world has written so far. */
  said(): readonly Said[];
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
  // Compiled code is kept for the next process, which then starts in half the time.
  const cached = { NODE_COMPILE_CACHE: path.join(folder, "code") };
  const shops: WaitingShop[] = [];
  const texts: Said[] = [];
  const apiKeys: Secret[] = [];
  const world: World = {
    network,
    supplier,
    folder,
    env,
    databaseFile: path.join(folder, "shop", "vend402.db"),
    newApiKey: async (...args) => {
      const made = ["keys", "create", "--orders-per-hour", "1000000", ...args];
      const text = (await runCommand({ ...cached, ...env }, made)).trim();
      apiKeys.push({ name: "an API key", text });
      return text;
    },
    startShop: (extra, entry = "src/main.ts") => world.prepareShop(entry, extra).open(),
    prepareShop: (entry, extra = {}) => {
      const shop = prepareShopProcess({ ...cached, ...env, ...extra }, entry);
      shops.push(shop);
      return shop;
    },
    command: async (...args) => {
      const text = await runCommand({ ...cached, ...env }, args);
      texts.push({ where: `vend402 ${args[0] ?? ""}`, text });
      return text;
    },
    secrets: () => [...secretsOf(env), ...apiKeys, ...soldCardNumbers(supplierFolder)],
    said: () => [
      ...texts,
      ...shops.flatMap(({ lines }) => lines.map((text) => ({ where: "a shop's line", text }))),
    ],
    close: async () => {
      await Promise.all(shops.map((shop) => shop.discard()));
      const leaks = findLeaks(world.said(), world.secrets());
      await Promise.all([network.close(), supplier.close()]);
      rmSync(folder, { recursive: true, force: true });
      if (leaks.length > 0) throw new Error(`secrets were written:\n${leaks.join("\n")}`);
    },
  };
  return world;
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
