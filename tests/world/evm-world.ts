/** An EVM chain, a wholesaler of eSIMs and a shop, all real and all local, wired as an operator would wire them. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { concat } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import {
  startEvmDevnet,
  type Address,
  type BlockTime,
  type EvmDevnet,
  type Hex,
} from "../../devnet/evm/index.ts";
import { balanceOf, walletOf } from "../../devnet/evm/test-clients.ts";
import {
  startEsimSupplier,
  type EsimSupplier,
  type EsimSupplierOptions,
} from "../../devnet/suppliers/index.ts";
import {
  CREATE2_DEPLOYER,
  DEPLOY_SALT,
  depositContracts,
} from "../../src/chains/evm/deposit-contracts.ts";
import { soldActivationCodes, type Secret } from "./canary.ts";
import { createShopHands, type ShopHands } from "./shop-hands.ts";
import type { Environment } from "./shop-process.ts";

export interface EvmWorldOptions {
  /** @default 250 */
  readonly blockTimeMs?: BlockTime;
  readonly supplier?: Partial<EsimSupplierOptions>;
  /** More settings of the shop, over those that the world makes. */
  readonly env?: Environment;
}

/** The keys of a shop on an EVM chain. */
export interface EvmKeys {
  readonly treasury: Hex;
  readonly relay: Hex;
  readonly keeper: Hex;
}

/** An EVM chain with what a shop needs on it. */
export interface EvmNetwork {
  readonly chain: EvmDevnet;
  readonly keys: EvmKeys;
  readonly treasury: Address;
  readonly factory: Address;
  /** A new buyer with so many base units (6 decimals) of each token, and gas only if asked for. */
  newBuyer(money: {
    readonly usdc?: bigint;
    readonly usdt?: bigint;
    readonly native?: bigint;
  }): Promise<EvmBuyer>;
  usdcOf(holder: Address): Promise<bigint>;
  /** What treasury and deposit addresses hold beyond what the treasury was given at first; base units of USDC. */
  takings(): Promise<bigint>;
  /** The shop's settings that concern this chain. */
  readonly env: Environment;
  close(): Promise<void>;
}

export interface EvmBuyer {
  readonly key: Hex;
  readonly address: Address;
}

export interface EvmWorld extends Omit<ShopHands, "end"> {
  readonly network: EvmNetwork;
  readonly supplier: EsimSupplier;
  readonly folder: string;
  readonly env: Environment;
  readonly databaseFile: string;
  /** Ends everything and removes the folder. Throws when anything that was written holds a secret. */
  close(): Promise<void>;
}

const COIN = 10n ** 18n;
const TREASURY_FLOAT_USDC = 100_000_000_000n;
const DEFAULT_BLOCK_MS = 250;

export async function createEvmWorld(options: EvmWorldOptions = {}): Promise<EvmWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-world-"));
  const network = await startEvmNetwork(options.blockTimeMs ?? DEFAULT_BLOCK_MS);
  const supplierFolder = path.join(folder, "supplier");
  const supplier = await startEsimSupplier({
    speed: 100,
    seed: "world",
    dataDir: supplierFolder,
    ...options.supplier,
  });
  const env = {
    ...shopEnvironment(path.join(folder, "shop")),
    ...network.env,
    ...esimEnvironment(supplier),
    ...options.env,
  };
  const sold = (): readonly Secret[] => soldActivationCodes(supplierFolder);
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

/** A chain with the deposit factory, a treasury that can refund, and keys that pay for gas. */
export async function startEvmNetwork(blockTimeMs: BlockTime): Promise<EvmNetwork> {
  const isManual = blockTimeMs === "manual";
  const chain = await startEvmDevnet({ blockTimeMs: isManual ? "instant" : blockTimeMs });
  const keys = {
    treasury: generatePrivateKey(),
    relay: generatePrivateKey(),
    keeper: generatePrivateKey(),
  };
  const treasury = privateKeyToAccount(keys.treasury).address;
  await chain.fund(treasury, {
    usdc: TREASURY_FLOAT_USDC,
    usdt: TREASURY_FLOAT_USDC,
    native: COIN,
  });
  for (const key of [keys.relay, keys.keeper])
    await chain.fund(privateKeyToAccount(key).address, { native: 100n * COIN });
  const factory = await deployFactory(chain, treasury);
  if (isManual) await chain.rpc("evm_setAutomine", [false]);
  const usdcOf = (holder: Address): Promise<bigint> => balanceOf(chain, chain.usdc, holder);
  return {
    chain,
    keys,
    treasury,
    factory,
    newBuyer: async (money) => {
      const key = generatePrivateKey();
      const { address } = privateKeyToAccount(key);
      await chain.fund(address, money);
      return { key, address };
    },
    usdcOf,
    takings: async () => (await usdcOf(treasury)) - TREASURY_FLOAT_USDC,
    env: chainEnvironment(chain, keys, factory),
    close: () => chain.close(),
  };
}

/** As `vend402 deploy evm` does it: through the deployer that lies on every chain. */
async function deployFactory(chain: EvmDevnet, treasury: Address): Promise<Address> {
  const { forwarder, factory } = depositContracts(treasury);
  const wallet = walletOf(chain, 0);
  for (const { initCode } of [forwarder, factory]) {
    const data = concat([DEPLOY_SALT, initCode]);
    const hash = await wallet.sendTransaction({ to: CREATE2_DEPLOYER, data });
    await wallet.waitForTransactionReceipt({ hash });
  }
  return factory.address;
}

function chainEnvironment(chain: EvmDevnet, keys: EvmKeys, factory: Address): Environment {
  const { chainId, usdc, usdt } = chain;
  const settings = {
    RPC: chain.url,
    TREASURY_KEY: keys.treasury,
    RELAY_KEYS: keys.relay,
    KEEPER_KEY: keys.keeper,
    FINALITY: "finalized",
    ASSETS: `USDC:${usdc}:6:eip3009:USD Coin:2,USDT:${usdt}:6:permit2`,
    DEPOSIT_FACTORY: factory,
    START_BLOCK: "0",
  };
  return Object.fromEntries(
    Object.entries(settings).map(([name, text]) => [`VEND402_EVM_${chainId}_${name}`, text]),
  );
}

/** The settings of a shop that buys from this wholesaler. */
export function esimEnvironment({ url, credentials }: EsimSupplier): Environment {
  return {
    VEND402_SUPPLIER_ESIM_ACCESS_URL: url,
    VEND402_SUPPLIER_ESIM_ACCESS_ACCESS_CODE: credentials.accessCode,
    VEND402_SUPPLIER_ESIM_ACCESS_SECRET: credentials.secret,
  };
}

/** Settings that every shop of a test has, whatever it sells and wherever it is paid. */
function shopEnvironment(dataFolder: string): Environment {
  return {
    VEND402_ENV: "development",
    VEND402_HOST: "127.0.0.1",
    VEND402_PORT: "0",
    VEND402_DATA: dataFolder,
    VEND402_MASTER_KEYS: `k1:${randomBytes(32).toString("hex")}`,
    VEND402_KEY_PEPPER: randomBytes(32).toString("hex"),
    VEND402_READS_PER_MINUTE: "1000000",
    VEND402_WALK_IN_READS_PER_MINUTE: "1000000",
    VEND402_WALK_IN_ORDERS_PER_MINUTE: "1000000",
    VEND402_WALK_IN_PAYMENTS_PER_MINUTE: "1000000",
    VEND402_STREAMS_PER_KEY: "20000",
    VEND402_STREAMS_PER_SERVER: "20000",
    VEND402_UNMATCHED_HOLD: "1s",
  };
}
