/** The environment as typed settings. The only file that reads it; every problem is reported at once. */
import type { LogLevel } from "./log.ts";
import { USD } from "./money.ts";
import { type Environment, HOUR_MS, MINUTE_MS, SettingReader } from "./setting-reader.ts";

/** Where prices of volatile assets come from. */
export interface PriceSettings {
  /** SEP-40 contract on the rail's own network; null is none. */
  readonly sep40Contract: string | null;
  /** Names of HTTP price feeds: "coinbase", "kraken", … */
  readonly feeds: readonly string[];
  readonly refreshMs: number;
  /** A price older than this is none. */
  readonly staleMs: number;
  /** How many fresh sources must agree. */
  readonly minSources: number;
}

/** What the Stellar rail is told, as text; the rail itself says what is wrong with it. */
export interface StellarSettings {
  readonly network: string;
  readonly passphrase: string | null;
  readonly rpcUrls: readonly string[] | null;
  readonly receiverContractId: string | null;
  readonly receiverWasmSha256: string | null;
  readonly usdcCode: string | null;
  readonly usdcIssuer: string | null;
  readonly treasuryAddress: string | null;
  readonly treasurySecret: string | null;
  readonly channelSecrets: readonly string[];
  readonly keeperSecret: string | null;
  readonly startLedger: number | null;
  /** Sweep an asset when the receiver holds at least this much; base units, 7 decimals. */
  readonly sweepMinAtomic: { readonly USDC: bigint; readonly XLM: bigint };
}

export interface Config {
  readonly environment: "development" | "production";
  readonly host: string;
  readonly port: number;
  /** Base of the links in answers; null: derived from host and port. */
  readonly publicUrl: string | null;
  /** Peers whose X-Forwarded-* headers are believed: addresses or CIDR ranges. */
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly dataFolder: string;
  readonly logLevel: LogLevel;
  /** "k2:<64 hex>,k1:<64 hex>", the first one current; see `vault/keyring.ts`. */
  readonly masterKeys: string;
  /** 64 hex digits; see `vault/api-key.ts`. */
  readonly keyPepper: string;
  /** Signs what a facilitator tells us of its own accord; null: nobody is listened to. */
  readonly facilitatorSecret: string | null;
  readonly orders: {
    readonly windowMs: number;
    readonly volatileMs: number;
    readonly spreadBps: bigint;
    /** Null: the product's own. */
    readonly deadlineMs: number | null;
    readonly unmatchedHoldMs: number;
    readonly maxCostBps: bigint;
    readonly excessDustUsdMicro: bigint;
    /** How long an order made over x402 can be paid; longer than blocks may be taken back. */
    readonly x402WindowMs: number;
    /** How long the answer to a payment waits for the goods, once the payment is under way. */
    readonly x402GoodsWaitMs: number;
    /** How far below the price a payment may be where wallets round; USD with 6 decimals. */
    readonly toleranceUsdMicro: bigint;
  };
  readonly limits: {
    readonly ordersPerHour: number;
    readonly readsPerMinute: number;
    readonly statusPerMinute: number;
    /** Of callers without a key, per address. */
    readonly walkInReadsPerMinute: number;
    readonly walkInOrdersPerMinute: number;
    readonly walkInPaymentsPerMinute: number;
    readonly streamsPerKey: number;
    readonly streamsPerServer: number;
  };
  readonly work: {
    /** Purchases in hand at once. */
    readonly fulfilConcurrency: number;
    readonly supplierRefreshMs: number;
    readonly sweepEveryMs: number;
    /** The most writes that share one fsync. */
    readonly storeBatch: number;
  };
  readonly prices: PriceSettings;
  readonly plans: {
    /** Added to what a plan costs us, parts per 10,000. */
    readonly markupBps: bigint;
    /** The least that is earned on one plan; USD with 6 decimals. */
    readonly minMarkupUsdMicro: bigint;
  };
  /** Null: the shop is not paid on Stellar. */
  readonly stellar: StellarSettings | null;
  /** `VEND402_EVM_<CHAINID>_<SETTING>`: the settings' texts by name, by chain id. */
  readonly evm: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** `VEND402_TON_<SETTING>` by the setting's name; empty: the shop is not paid on TON. */
  readonly ton: Readonly<Record<string, string>>;
  /** Every variable `VEND402_SUPPLIER_<ID>_<SETTING>` by its name; the registry's modules read theirs. */
  readonly supplierTexts: Readonly<Record<string, string>>;
}

export type ReadConfig =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

const EVM_PREFIX = "VEND402_EVM_";
const TON_PREFIX = "VEND402_TON_";
const SUPPLIER_PREFIX = "VEND402_SUPPLIER_";
/** Of both assets of the Stellar rail. */
const STELLAR_DECIMALS = 7;
const PEPPER_USE = "it keys the hashes of API keys; `vend402 init` makes one";

/** The configuration, or everything that is wrong with the environment. */
export function readConfig(env: Environment = process.env): ReadConfig {
  const read = new SettingReader(env);
  const config: Config = {
    environment: read.oneOf("VEND402_ENV", ["development", "production"], "production"),
    host: read.text("VEND402_HOST") ?? "127.0.0.1",
    port: read.whole("VEND402_PORT", 8402, [0, 65_535]),
    publicUrl: read.url("VEND402_PUBLIC_URL"),
    trustedProxies: read.list("VEND402_TRUSTED_PROXIES"),
    corsOrigins: read.list("VEND402_CORS_ORIGINS"),
    dataFolder: read.text("VEND402_DATA") ?? "data",
    logLevel: read.oneOf("VEND402_LOG_LEVEL", ["debug", "info", "warn", "error"], "info"),
    masterKeys: read.required(
      "VEND402_MASTER_KEYS",
      "the keys that seal goods; `vend402 init` makes one",
    ),
    keyPepper: read.hex32("VEND402_KEY_PEPPER", PEPPER_USE),
    facilitatorSecret: read.text("VEND402_FACILITATOR_HOOK_SECRET"),
    orders: readOrders(read),
    limits: readLimits(read),
    work: {
      fulfilConcurrency: read.whole("VEND402_FULFIL_CONCURRENCY", 64, [1, 1_000]),
      supplierRefreshMs: read.spanMs("VEND402_SUPPLIER_REFRESH", 10_000),
      sweepEveryMs: read.spanMs("VEND402_SWEEP_EVERY", 5 * MINUTE_MS),
      storeBatch: read.whole("VEND402_STORE_BATCH", 256, [1, 4_096]),
    },
    prices: readPrices(read),
    plans: {
      markupBps: BigInt(read.whole("VEND402_PLAN_MARKUP_BPS", 2_000, [0, 100_000])),
      minMarkupUsdMicro: read.atomic("VEND402_PLAN_MIN_MARKUP", USD.decimals, 300_000n),
    },
    stellar: read.text("VEND402_STELLAR_NETWORK") === null ? null : readStellar(read),
    evm: readChains(read),
    ton: shortened(read.allWith(TON_PREFIX), TON_PREFIX),
    supplierTexts: read.allWith(SUPPLIER_PREFIX),
  };
  return read.problems.length === 0
    ? { kind: "config", config }
    : { kind: "problems", problems: read.problems };
}

function readOrders(read: SettingReader): Config["orders"] {
  const deadlineMs = read.spanMs("VEND402_FULFIL_DEADLINE", 0);
  return {
    windowMs: read.spanMs("VEND402_PAYMENT_WINDOW", 2 * HOUR_MS),
    volatileMs: read.spanMs("VEND402_XLM_QUOTE", 10 * MINUTE_MS),
    spreadBps: BigInt(read.whole("VEND402_XLM_SPREAD_BPS", 100, [0, 5_000])),
    deadlineMs: deadlineMs === 0 ? null : deadlineMs,
    unmatchedHoldMs: read.spanMs("VEND402_UNMATCHED_HOLD", 10 * MINUTE_MS),
    maxCostBps: BigInt(read.whole("VEND402_MAX_COST_BPS", 10_000, [1, 100_000])),
    excessDustUsdMicro: read.atomic("VEND402_EXCESS_DUST", USD.decimals, 1_000n),
    x402WindowMs: read.spanMs("VEND402_X402_WINDOW", 15 * MINUTE_MS),
    x402GoodsWaitMs: read.spanMs("VEND402_X402_GOODS_WAIT", 3_000),
    toleranceUsdMicro: read.atomic("VEND402_TOLERANCE", USD.decimals, 500_000n),
  };
}

function readLimits(read: SettingReader): Config["limits"] {
  const range = [1, 1_000_000_000] as const;
  return {
    ordersPerHour: read.whole("VEND402_ORDERS_PER_HOUR", 60, range),
    readsPerMinute: read.whole("VEND402_READS_PER_MINUTE", 600, range),
    statusPerMinute: read.whole("VEND402_STATUS_PER_MINUTE", 180, range),
    walkInReadsPerMinute: read.whole("VEND402_WALK_IN_READS_PER_MINUTE", 600, range),
    walkInOrdersPerMinute: read.whole("VEND402_WALK_IN_ORDERS_PER_MINUTE", 30, range),
    walkInPaymentsPerMinute: read.whole("VEND402_WALK_IN_PAYMENTS_PER_MINUTE", 60, range),
    streamsPerKey: read.whole("VEND402_STREAMS_PER_KEY", 20, range),
    streamsPerServer: read.whole("VEND402_STREAMS_PER_SERVER", 1_000, range),
  };
}

function readPrices(read: SettingReader): PriceSettings {
  return {
    sep40Contract: read.text("VEND402_PRICE_CONTRACT"),
    feeds: read.list("VEND402_PRICE_FEEDS"),
    refreshMs: read.spanMs("VEND402_PRICE_REFRESH", 15_000),
    staleMs: read.spanMs("VEND402_PRICE_STALE", 5 * MINUTE_MS),
    minSources: read.whole("VEND402_PRICE_MIN_SOURCES", 1, [1, 20]),
  };
}

/** VEND402_EVM_137_RPC is the text "RPC" of the chain "137". */
function readChains(read: SettingReader): Config["evm"] {
  const chains: Record<string, Record<string, string>> = {};
  for (const [name, text] of Object.entries(shortened(read.allWith(EVM_PREFIX), EVM_PREFIX))) {
    const [, chainId, setting] = /^([1-9]\d{0,14})_([A-Z0-9_]+)$/.exec(name) ?? [];
    if (chainId === undefined || setting === undefined)
      read.problems.push(`${EVM_PREFIX}${name} is not named like ${EVM_PREFIX}137_RPC`);
    else (chains[chainId] ??= {})[setting] = text;
  }
  return chains;
}

/** The texts by what follows the prefix. */
function shortened(
  texts: Readonly<Record<string, string>>,
  prefix: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [name.slice(prefix.length), text]),
  );
}

function readStellar(read: SettingReader): StellarSettings {
  const rpcUrls = read.list("VEND402_STELLAR_RPC");
  const startLedger = read.whole("VEND402_STELLAR_START_LEDGER", 0, [0, 4_294_967_295]);
  return {
    network: read.required("VEND402_STELLAR_NETWORK", "local, testnet or pubnet"),
    passphrase: read.text("VEND402_STELLAR_PASSPHRASE"),
    rpcUrls: rpcUrls.length === 0 ? null : rpcUrls,
    receiverContractId: read.text("VEND402_STELLAR_RECEIVER"),
    receiverWasmSha256: read.text("VEND402_STELLAR_RECEIVER_SHA256"),
    usdcCode: read.text("VEND402_STELLAR_USDC_CODE"),
    usdcIssuer: read.text("VEND402_STELLAR_USDC_ISSUER"),
    treasuryAddress: read.text("VEND402_STELLAR_TREASURY"),
    treasurySecret: read.text("VEND402_STELLAR_TREASURY_SECRET"),
    channelSecrets: read.list("VEND402_STELLAR_CHANNEL_SECRETS"),
    keeperSecret: read.text("VEND402_STELLAR_KEEPER_SECRET"),
    startLedger: startLedger === 0 ? null : startLedger,
    sweepMinAtomic: {
      USDC: read.atomic("VEND402_SWEEP_MIN_USDC", STELLAR_DECIMALS, 100_000_000n),
      XLM: read.atomic("VEND402_SWEEP_MIN_XLM", STELLAR_DECIMALS, 100_000_000n),
    },
  };
}

/** What commands about stored data need. */
export interface StoreSettings {
  readonly dataFolder: string;
  readonly keyPepper: string;
}

/** The part of the configuration that is about stored data, or what is wrong with it. */
export function readStoreSettings(
  env: Environment = process.env,
):
  | { readonly kind: "settings"; readonly settings: StoreSettings }
  | { readonly kind: "problems"; readonly problems: readonly string[] } {
  const read = new SettingReader(env);
  const settings = {
    dataFolder: read.text("VEND402_DATA") ?? "data",
    keyPepper: read.hex32("VEND402_KEY_PEPPER", PEPPER_USE),
  };
  return read.problems.length === 0
    ? { kind: "settings", settings }
    : { kind: "problems", problems: read.problems };
}

/** What a facilitator for others is told. */
export interface FacilitatorSettings {
  readonly host: string;
  readonly port: number;
  /** Bearer keys of those who may use it; empty: anybody may. */
  readonly keys: readonly string[];
  readonly dataFolder: string;
  readonly logLevel: LogLevel;
  readonly evm: Config["evm"];
  readonly ton: Config["ton"];
}

/** Short keys are guessed. */
const FACILITATOR_KEY = /^[\x21-\x7e]{16,512}$/;

/** The part of the configuration that a facilitator for others needs, or what is wrong with it. */
export function readFacilitatorSettings(
  env: Environment = process.env,
):
  | { readonly kind: "settings"; readonly settings: FacilitatorSettings }
  | { readonly kind: "problems"; readonly problems: readonly string[] } {
  const read = new SettingReader(env);
  const keys = read.list("VEND402_FACILITATOR_KEYS");
  if (!keys.every((key) => FACILITATOR_KEY.test(key)))
    read.problems.push("VEND402_FACILITATOR_KEYS must be keys of 16 to 512 characters each");
  const settings = {
    host: read.text("VEND402_FACILITATOR_HOST") ?? "127.0.0.1",
    port: read.whole("VEND402_FACILITATOR_PORT", 8403, [0, 65_535]),
    keys,
    dataFolder: read.text("VEND402_FACILITATOR_DATA") ?? "data",
    logLevel: read.oneOf("VEND402_LOG_LEVEL", ["debug", "info", "warn", "error"], "info"),
    evm: readChains(read),
    ton: shortened(read.allWith(TON_PREFIX), TON_PREFIX),
  };
  return read.problems.length === 0
    ? { kind: "settings", settings }
    : { kind: "problems", problems: read.problems };
}

/** One variable, for a command that is told where a secret is; null when it is missing or empty. */
export function readVariable(name: string, env: Environment = process.env): string | null {
  return new SettingReader(env).text(name);
}

/** The settings of the Stellar rail alone, for commands that need no more. */
export function readStellarSettings(env: Environment = process.env): StellarSettings {
  return readStellar(new SettingReader(env));
}
