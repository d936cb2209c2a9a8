/** Settings turned into the parts of a shop, or a list of everything that is wrong. With main.ts, what knows every adapter. */
import { createSecretKey, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { systemClock } from "./clock.ts";
import type { Config, StellarSettings } from "./config.ts";
import type { Log } from "./log.ts";
import { priceProblems, type PriceConfig } from "./oracle/index.ts";
import type { Rail, RailContext } from "./rails/rail.ts";
import { rails as railModules } from "./rails/index.ts";
import type { SupplierModule } from "./suppliers/module.ts";
import { supplierModules } from "./suppliers/index.ts";
import type { Supplier } from "./suppliers/supplier.ts";
import { parseKeyring, type Keyring } from "./vault/keyring.ts";

export interface Parts {
  /** By id, in the order in which payers are offered them. At least one. */
  readonly rails: ReadonlyMap<string, Rail>;
  readonly suppliers: ReadonlyMap<string, Supplier>;
  readonly keyring: Keyring;
  readonly pepper: KeyObject;
  readonly priceNetwork: PriceConfig["stellar"];
}

export type AssembledParts =
  | { readonly kind: "parts"; readonly parts: Parts }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** Opens every adapter; none of them calls anybody yet. */
export function assembleParts(config: Config, log: Log): AssembledParts {
  const keyring = parseKeyring(config.masterKeys);
  const rails = openRails(config, { clock: systemClock, log });
  const suppliers = openSuppliers(config.supplierTexts);
  const problems = [
    ...(typeof keyring === "string" ? [`VEND402_MASTER_KEYS: ${keyring}`] : []),
    ...rails.problems,
    ...suppliers.problems,
    ...priceProblems(config.prices).map((problem) => `VEND402_PRICE_FEEDS: ${problem}`),
  ];
  if (problems.length > 0 || typeof keyring === "string") return { kind: "problems", problems };
  return {
    kind: "parts",
    parts: {
      rails: new Map(rails.open.map((rail) => [rail.id, rail])),
      suppliers: suppliers.open,
      keyring,
      pepper: createSecretKey(config.keyPepper, "hex"),
      priceNetwork: rails.priceNetwork,
    },
  };
}

interface OpenRails {
  readonly open: readonly Rail[];
  readonly problems: readonly string[];
  readonly priceNetwork: PriceConfig["stellar"];
}

/** Every rail that the settings name. */
function openRails(config: Config, context: RailContext): OpenRails {
  const open: Rail[] = [];
  const problems: string[] = [];
  let priceNetwork: PriceConfig["stellar"] = { rpcUrls: null };
  if (config.stellar !== null) {
    const stellar = parseStellar(config.stellar);
    if (stellar.kind === "problems") problems.push(...stellar.problems.map(nameStellarVariable));
    else {
      open.push(railModules["stellar-contract"].open(stellar.config, context));
      priceNetwork = stellar.config;
    }
  }
  for (const [chainId, texts] of Object.entries(config.evm)) {
    const chain = openEvmRails(chainId, texts, context);
    open.push(...chain.open);
    problems.push(...chain.problems);
  }
  if (Object.keys(config.ton).length > 0) {
    const ton = openTonRails(config.ton, context);
    open.push(...ton.open);
    problems.push(...ton.problems);
  }
  if (open.length === 0 && problems.length === 0)
    problems.push(
      "the shop is paid nowhere: set VEND402_STELLAR_NETWORK, VEND402_EVM_<chain id>_RPC or another rail",
    );
  return { open, problems, priceNetwork };
}

/** The rails of one EVM chain: x402, and addresses to pay to where there is a factory of them. */
function openEvmRails(
  chainId: string,
  texts: Readonly<Record<string, string>>,
  context: RailContext,
): Pick<OpenRails, "open" | "problems"> {
  const parsed = railModules["evm-x402"].parse(chainId, texts);
  if (parsed.kind === "problems") {
    const named = parsed.problems.map((problem) => `VEND402_EVM_${chainId}_${problem}`);
    return { open: [], problems: named };
  }
  const { config } = parsed;
  const open: Rail[] = [railModules["evm-x402"].open(config, context)];
  if (config.depositFactory !== null) open.push(railModules["evm-deposit"].open(config, context));
  return { open, problems: [] };
}

/** The rails of TON: one address for all orders, and one for each where somebody empties them. */
function openTonRails(
  texts: Readonly<Record<string, string>>,
  context: RailContext,
): Pick<OpenRails, "open" | "problems"> {
  const parsed = railModules["ton-jetton"].parse(texts);
  if (parsed.kind === "problems")
    return { open: [], problems: parsed.problems.map((problem) => `VEND402_TON_${problem}`) };
  const { config } = parsed;
  const open: Rail[] = [railModules["ton-jetton"].open(config, context)];
  if (config.keeperKeys !== null) open.push(railModules["ton-deposit"].open(config, context));
  return { open, problems: [] };
}

/** The environment's names of what the Stellar rail calls otherwise. */
const STELLAR_VARIABLES: Readonly<Record<string, string>> = {
  network: "VEND402_STELLAR_NETWORK",
  passphrase: "VEND402_STELLAR_PASSPHRASE",
  rpcUrls: "VEND402_STELLAR_RPC",
  receiverContractId: "VEND402_STELLAR_RECEIVER",
  receiverWasmSha256: "VEND402_STELLAR_RECEIVER_SHA256",
  usdcCode: "VEND402_STELLAR_USDC_CODE",
  usdcIssuer: "VEND402_STELLAR_USDC_ISSUER",
  treasuryAddress: "VEND402_STELLAR_TREASURY",
  treasurySecret: "VEND402_STELLAR_TREASURY_SECRET",
  channelSecrets: "VEND402_STELLAR_CHANNEL_SECRETS",
  keeperSecret: "VEND402_STELLAR_KEEPER_SECRET",
  startLedger: "VEND402_STELLAR_START_LEDGER",
};

/** "receiverContractId is not …" as the operator knows it: "VEND402_STELLAR_RECEIVER is not …". */
function nameStellarVariable(problem: string): string {
  const name = /^[a-zA-Z0-9]+/.exec(problem)?.[0] ?? "";
  const variable = STELLAR_VARIABLES[name];
  return variable === undefined ? problem : variable + problem.slice(name.length);
}

/** The settings of the Stellar rail; the receiver's code hash is the committed artefact's unless it is given. */
function parseStellar(stellar: StellarSettings) {
  const { sweepMinAtomic, network, ...texts } = stellar;
  const given = Object.fromEntries(Object.entries(texts).filter(([, value]) => value !== null));
  return railModules["stellar-contract"].parse({
    receiverWasmSha256: committedReceiverSha256(),
    ...given,
    network,
    tuning: { sweepMinAtomic },
  });
}

function committedReceiverSha256(): string {
  const file = new URL("../contracts/stellar/receiver.manifest.json", import.meta.url);
  const manifest = JSON.parse(readFileSync(file, "utf8")) as { readonly sha256: string };
  return manifest.sha256;
}

function openSuppliers(texts: Readonly<Record<string, string>>): {
  readonly open: ReadonlyMap<string, Supplier>;
  readonly problems: readonly string[];
} {
  const open = new Map<string, Supplier>();
  const problems: string[] = [];
  for (const module of supplierModules) {
    const given = module.settings.filter(
      ({ name }) => texts[variableOf(module, name)] !== undefined,
    );
    if (given.length === 0) continue;
    const wrong = module.settings.filter(
      (setting) => !setting.accepts(texts[variableOf(module, setting.name)] ?? ""),
    );
    problems.push(...wrong.map(({ name, must }) => `${variableOf(module, name)} must be ${must}`));
    if (wrong.length > 0) continue;
    const settings = module.settings.map(({ name }) => [
      name,
      texts[variableOf(module, name)] ?? "",
    ]);
    open.set(module.id, module.open(Object.fromEntries(settings) as Record<string, string>));
  }
  if (open.size === 0 && problems.length === 0)
    problems.push(
      `no supplier is configured: set ${supplierModules
        .flatMap((module) => module.settings.map(({ name }) => variableOf(module, name)))
        .join(", ")}`,
    );
  return { open, problems };
}

/** "VEND402_SUPPLIER_SIM_CARDS_API_KEY" */
function variableOf(module: SupplierModule, setting: string): string {
  const name = `VEND402_SUPPLIER_${module.id}_${setting}`;
  return name.toUpperCase().replaceAll("-", "_");
}
