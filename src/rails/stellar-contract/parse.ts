import { Keypair, StrKey } from "@stellar/stellar-sdk/base";
import {
  DEFAULT_TUNING,
  PRESETS,
  type NetworkName,
  type NetworkPreset,
  type StellarContractConfig,
  type Tuning,
} from "./network.ts";

/** What an operator writes down; absent members come from the network's preset or a default. */
export interface StellarContractSettings {
  /** "local", "testnet" or "pubnet" */
  readonly network: string;
  readonly passphrase?: string;
  readonly rpcUrls?: readonly string[];
  readonly receiverContractId?: string;
  readonly receiverWasmSha256?: string;
  readonly usdcCode?: string;
  readonly usdcIssuer?: string;
  /** @default the address of `treasurySecret` */
  readonly treasuryAddress?: string;
  readonly treasurySecret?: string;
  readonly channelSecrets?: readonly string[];
  readonly keeperSecret?: string;
  /** @default the oldest ledger that the servers have, if the receiver is no older */
  readonly startLedger?: number;
  readonly tuning?: Partial<Tuning>;
}

export type ParsedConfig =
  | { readonly kind: "config"; readonly config: StellarContractConfig }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** The configuration, or everything that is wrong with it at once. No problem repeats a secret. */
export function parseConfig(settings: StellarContractSettings): ParsedConfig {
  const { network } = settings;
  if (!isNetworkName(network)) {
    return { kind: "problems", problems: ['network must be "local", "testnet" or "pubnet"'] };
  }
  const config: StellarContractConfig = {
    network,
    ...placesIn(settings, PRESETS[network]),
    ...keysIn(settings),
    startLedger: settings.startLedger ?? null,
    tuning: { ...DEFAULT_TUNING, ...settings.tuning },
  };
  const problems = [
    ...problemsOfPlaces(config),
    ...problemsOfKeys(config),
    ...problemsOf(config.tuning),
  ];
  return problems.length > 0 ? { kind: "problems", problems } : { kind: "config", config };
}

/** Missing members become empty texts, which the checks then name. */
function placesIn(
  settings: StellarContractSettings,
  preset: NetworkPreset,
): Pick<
  StellarContractConfig,
  "passphrase" | "rpcUrls" | "receiverContractId" | "receiverWasmSha256" | "usdc"
> {
  return {
    passphrase: settings.passphrase ?? preset.passphrase,
    rpcUrls: settings.rpcUrls ?? preset.rpcUrls,
    receiverContractId: settings.receiverContractId ?? "",
    receiverWasmSha256: (settings.receiverWasmSha256 ?? "").toLowerCase(),
    usdc: {
      code: settings.usdcCode ?? preset.usdc.code,
      issuer: settings.usdcIssuer ?? preset.usdc.issuer,
    },
  };
}

function keysIn(
  settings: StellarContractSettings,
): Pick<StellarContractConfig, "treasury" | "channelSecrets" | "keeperSecret"> {
  const secret = settings.treasurySecret ?? "";
  return {
    treasury: { address: settings.treasuryAddress ?? addressOf(secret) ?? "", secret },
    channelSecrets: settings.channelSecrets ?? [],
    keeperSecret: settings.keeperSecret ?? "",
  };
}

function isNetworkName(name: string): name is NetworkName {
  return Object.hasOwn(PRESETS, name);
}

function problemsOfPlaces(config: StellarContractConfig): string[] {
  const problems: string[] = [];
  if (config.passphrase === "") problems.push("passphrase is empty");
  if (config.rpcUrls.length === 0) problems.push("rpcUrls names no RPC address");
  for (const [index, url] of config.rpcUrls.entries()) {
    if (!isRpcUrl(url, config.network)) {
      problems.push(`rpcUrls[${index}] is not an https address (http only on the local network)`);
    }
  }
  if (!StrKey.isValidContract(config.receiverContractId)) {
    problems.push("receiverContractId is not a contract address (C…)");
  }
  if (!/^[0-9a-f]{64}$/.test(config.receiverWasmSha256)) {
    problems.push("receiverWasmSha256 is not 64 hex digits");
  }
  if (!/^[A-Za-z0-9]{1,12}$/.test(config.usdc.code)) problems.push("usdcCode is not an asset code");
  if (!StrKey.isValidEd25519PublicKey(config.usdc.issuer)) {
    problems.push("usdcIssuer is not an account address (G…)");
  }
  if (
    config.startLedger !== null &&
    !(Number.isSafeInteger(config.startLedger) && config.startLedger > 0)
  ) {
    problems.push("startLedger is not a positive whole number");
  }
  return problems;
}

/** Plain http would let anybody on the way invent deposits. */
function isRpcUrl(url: string, network: NetworkName): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && network === "local");
}

function problemsOfKeys(config: StellarContractConfig): string[] {
  const problems: string[] = [];
  if (!StrKey.isValidEd25519PublicKey(config.treasury.address)) {
    problems.push("treasuryAddress is not an account address (G…)");
  }
  const secrets: [string, string][] = [
    ["treasurySecret", config.treasury.secret],
    ["keeperSecret", config.keeperSecret],
    ...config.channelSecrets.map((secret, i): [string, string] => [`channelSecrets[${i}]`, secret]),
  ];
  for (const [name, secret] of secrets) {
    if (!StrKey.isValidEd25519SecretSeed(secret)) problems.push(`${name} is not a secret key (S…)`);
  }
  // One writer per source account: payouts, sweeps and lanes must not take each other's sequence numbers.
  const sources = [
    config.treasury.address,
    addressOf(config.keeperSecret),
    ...config.channelSecrets.map(addressOf),
  ].filter((address) => address !== null && address !== "");
  if (new Set(sources).size !== sources.length) {
    problems.push("treasury, keeper and channel accounts must all differ");
  }
  return problems;
}

function problemsOf(tuning: Tuning): string[] {
  const ranges: [keyof Omit<Tuning, "sweepMinAtomic">, number, number][] = [
    ["callTimeoutMs", 50, 120_000],
    ["pageLimit", 1, 10_000],
    ["pollMinMs", 1, 60_000],
    ["pollMaxMs", 1, 60_000],
    ["payoutValidityS", 10, 3_600],
    ["maxFeeStroops", 100, 100_000_000],
    ["ttlLowLedgers", 1, 3_000_000],
    ["ttlTargetLedgers", 1, 3_000_000],
  ];
  const isIn = (value: number, min: number, max: number): boolean =>
    Number.isInteger(value) && value >= min && value <= max;
  const problems = ranges
    .filter(([name, min, max]) => !isIn(tuning[name], min, max))
    .map(([name, min, max]) => `${name} must be a whole number from ${min} to ${max}`);
  if (tuning.pollMinMs > tuning.pollMaxMs) problems.push("pollMinMs is greater than pollMaxMs");
  if (tuning.ttlLowLedgers >= tuning.ttlTargetLedgers) {
    problems.push("ttlLowLedgers must be less than ttlTargetLedgers");
  }
  const { USDC, XLM } = tuning.sweepMinAtomic;
  if (USDC < 0n || XLM < 0n) problems.push("sweepMinAtomic must not be negative");
  return problems;
}

function addressOf(secret: string): string | null {
  return StrKey.isValidEd25519SecretSeed(secret) ? Keypair.fromSecret(secret).publicKey() : null;
}
