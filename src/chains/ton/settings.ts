import type { Asset } from "../../money.ts";
import { parseAddress, rawAddress } from "./addresses.ts";
import { keysOfMnemonic, keysOfSeed, type TonKeys } from "./keys.ts";
import type { LiteServerAddress } from "./lite/channel.ts";
import { type JettonTerms, jettonAsset, type Network, NETWORKS } from "./networks.ts";

/** The texts by the names of their settings: `{ RPC: "https://…", TREASURY_KEY: "…" }`. */
export type TonTexts = Readonly<Record<string, string>>;

/** Everything that is configured for TON. Holds secrets: never log it. */
export interface TonConfig {
  readonly network: Network;
  /** Addresses of toncenter v2 servers, the preferred one first. May hold keys in path or query. */
  readonly rpcUrls: readonly string[];
  /** Sent to every server as X-API-Key; null: none is. */
  readonly rpcKey: string | null;
  /** A second source that the first is held against, the preferred one first; empty: there is none. */
  readonly liteServers: readonly LiteServerAddress[];
  readonly jetton: JettonTerms;
  readonly asset: Asset;
  /** Its highload wallet is where payments go and refunds come from. */
  readonly treasuryKeys: TonKeys;
  /** Its highload wallet pays the gas of x402 payers; null: x402 is not offered. */
  readonly relayKeys: TonKeys | null;
  /** Its highload wallet empties deposit addresses into the treasury; null: orders get no addresses of their own. */
  readonly keeperKeys: TonKeys | null;
  /** How many deposit addresses are looked at in a second, at the most. */
  readonly looksPerS: number;
  /** Logical time of the first transaction that counts; 0n: from the beginning. */
  readonly startLt: bigint;
  /** Raw addresses that money is never sent back to. */
  readonly exchanges: ReadonlySet<string>;
  readonly tuning: TonTuning;
}

/** Numbers that an operator does not change; tests do. */
export interface TonTuning {
  /** Longest wait for one answer. */
  readonly callTimeoutMs: number;
  /** The most deposits of a page. */
  readonly pageLimit: number;
  /** Transactions of one question; servers give at most 100. */
  readonly transactionsPerCall: number;
  /** The most that are kept in memory while history is caught up; what is more is read twice. */
  readonly keptTransactions: number;
  /** Between two looks for news. */
  readonly pollMs: number;
}

const DEFAULT_TUNING: TonTuning = {
  callTimeoutMs: 10_000,
  pageLimit: 500,
  transactionsPerCall: 100,
  keptTransactions: 20_000,
  pollMs: 2_000,
};

export type ParsedTon =
  | { readonly kind: "config"; readonly config: TonConfig }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** The names that `TonTexts` may have. */
export const TON_SETTINGS: readonly string[] = [
  "NETWORK",
  "RPC",
  "RPC_KEY",
  "LITESERVERS",
  "TREASURY_MNEMONIC",
  "TREASURY_KEY",
  "RELAY_KEY",
  "KEEPER_KEY",
  "LOOKS_PER_S",
  "JETTON_MASTER",
  "JETTON_SYMBOL",
  "JETTON_DECIMALS",
  "START_LT",
  "EXCHANGES",
];

/**
 * The configuration, or everything that is wrong with its texts at once. A problem begins with the setting's name
 * and never repeats a key or an address of a server.
 */
export function parseTon(texts: TonTexts, tuning: Partial<TonTuning> = {}): ParsedTon {
  const problems: string[] = strangers(texts);
  const read: Read = { text: (name) => textOf(texts, name), problems };
  const network = readNetwork(read);
  const jetton = readJetton(read, network);
  const treasuryKeys = readTreasury(read);
  const relayKeys = readSpender(read, "RELAY_KEY", [treasuryKeys]);
  const keeperKeys = readSpender(read, "KEEPER_KEY", [treasuryKeys, relayKeys]);
  const looksPerS = readLooks(read);
  const rpcUrls = readUrls(read);
  const liteServers = readLiteServers(read);
  const startLt = readStart(read);
  const exchanges = readExchanges(read);
  if (jetton === null || treasuryKeys === null || problems.length > 0)
    return { kind: "problems", problems };
  const config: TonConfig = {
    network,
    rpcUrls,
    rpcKey: read.text("RPC_KEY"),
    liteServers,
    jetton,
    asset: jettonAsset(network.caip2, jetton),
    treasuryKeys,
    relayKeys,
    keeperKeys,
    looksPerS,
    startLt,
    exchanges,
    tuning: { ...DEFAULT_TUNING, ...tuning },
  };
  return { kind: "config", config };
}

interface Read {
  /** Null when it is not set or empty. */
  readonly text: (name: string) => string | null;
  readonly problems: string[];
}

function textOf(texts: TonTexts, name: string): string | null {
  const value = texts[name]?.trim() ?? "";
  return value === "" ? null : value;
}

function strangers(texts: TonTexts): string[] {
  return Object.keys(texts)
    .filter((name) => !TON_SETTINGS.includes(name))
    .map((name) => `${name} is not a setting; there are ${TON_SETTINGS.join(", ")}`);
}

function readNetwork({ text, problems }: Read): Network {
  const name = text("NETWORK") ?? "mainnet";
  if (name === "mainnet" || name === "testnet" || name === "local") return NETWORKS[name];
  problems.push("NETWORK must be mainnet, testnet or local");
  return NETWORKS.mainnet;
}

function readJetton({ text, problems }: Read, network: Network): JettonTerms | null {
  const usual = network.jetton ?? { master: null, symbol: "USDT", decimals: 6 };
  const symbol = text("JETTON_SYMBOL") ?? usual.symbol;
  const decimals = text("JETTON_DECIMALS") ?? String(usual.decimals);
  if (!/^[A-Z][A-Za-z0-9]{1,11}$/.test(symbol))
    problems.push("JETTON_SYMBOL must be 2 to 12 letters and digits, the first one a capital");
  if (!/^\d$|^1[0-8]$/.test(decimals))
    problems.push("JETTON_DECIMALS must be a whole number from 0 to 18");
  const given = text("JETTON_MASTER") ?? usual.master;
  if (given === null) {
    problems.push(`JETTON_MASTER is missing: ${network.name} has no jetton that everybody knows`);
    return null;
  }
  const master = masterOf(given);
  if (master === null)
    problems.push("JETTON_MASTER is not an address on workchain 0, or its checksum is wrong");
  return master === null ? null : { master, symbol, decimals: Number(decimals) };
}

function masterOf(text: string): string | null {
  const address = parseAddress(text);
  return address?.workChain === 0 ? rawAddress(address) : null;
}

function readTreasury({ text, problems }: Read): TonKeys | null {
  const mnemonic = text("TREASURY_MNEMONIC");
  const seed = text("TREASURY_KEY");
  if (mnemonic !== null && seed !== null) {
    problems.push("TREASURY_MNEMONIC and TREASURY_KEY exclude each other");
    return null;
  }
  if (mnemonic !== null) {
    const keys = keysOfMnemonic(mnemonic);
    if (keys === null) problems.push("TREASURY_MNEMONIC is not 24 words of a TON wallet");
    return keys;
  }
  if (seed === null) {
    problems.push("TREASURY_KEY is missing (or TREASURY_MNEMONIC): it signs refunds");
    return null;
  }
  const keys = keysOfSeed(seed);
  if (keys === null) problems.push("TREASURY_KEY is not an ed25519 seed of 64 hex digits");
  return keys;
}

/** The seed of a wallet that only pays gas; null when it is not set. */
function readSpender(
  { text, problems }: Read,
  name: string,
  others: readonly (TonKeys | null)[],
): TonKeys | null {
  const seed = text(name);
  if (seed === null) return null;
  const keys = keysOfSeed(seed);
  if (keys === null) problems.push(`${name} is not an ed25519 seed of 64 hex digits`);
  // Each counts its own messages, and what strangers make one of them spend must not be another's.
  else if (others.some((other) => other?.publicKey.equals(keys.publicKey) === true))
    problems.push(`${name} must differ from the treasury's key and from every other one`);
  return keys;
}

/** Free keys of public servers allow ten questions in a second, and the other rail asks as well. */
const DEFAULT_LOOKS_PER_S = "5";

function readLooks({ text, problems }: Read): number {
  const looks = text("LOOKS_PER_S") ?? DEFAULT_LOOKS_PER_S;
  if (/^[1-9]\d{0,3}$/.test(looks)) return Number(looks);
  problems.push("LOOKS_PER_S must be a whole number from 1 to 9999");
  return 1;
}

function readUrls({ text, problems }: Read): readonly string[] {
  const urls = listOf(text("RPC"));
  if (urls.length === 0)
    problems.push("RPC is missing: the address of a toncenter v2 server of the network");
  for (const [index, url] of urls.entries())
    if (!isServerUrl(url))
      problems.push(
        `RPC names at place ${index + 1} no https address (http only for this machine)`,
      );
  return urls.map(endpointOf);
}

/** A server's address without a path is that of a toncenter. */
function endpointOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || url.pathname !== "/") return text;
  url.pathname = "/api/v2/jsonRPC";
  return url.href;
}

/** Plain http would let anybody on the way invent payments. */
function isServerUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null) return false;
  if (url.protocol === "https:") return true;
  // A name without a dot is one of a private network's own.
  const isNear = /^127\.|^\[::1\]$|^[^.:]+$/.test(url.hostname);
  return url.protocol === "http:" && isNear;
}

/** Host or address, port, and 32 bytes in base64. */
const LITE_SERVER = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})\/([A-Za-z0-9+/]{43}=)$/;

function readLiteServers({ text, problems }: Read): readonly LiteServerAddress[] {
  return listOf(text("LITESERVERS")).flatMap((item, index) => {
    const [, bracketed, named, digits, key = ""] = LITE_SERVER.exec(item) ?? [];
    const [host, port] = [bracketed ?? named, Number(digits)];
    if (host !== undefined && port > 0 && port < 65_536)
      return [{ host, port, publicKey: Buffer.from(key, "base64") }];
    problems.push(
      `LITESERVERS names at place ${index + 1} no host:port/key with a key of 32 bytes in base64`,
    );
    return [];
  });
}

function readStart({ text, problems }: Read): bigint {
  const start = text("START_LT") ?? "0";
  if (/^\d{1,16}$/.test(start) && BigInt(start) <= Number.MAX_SAFE_INTEGER) return BigInt(start);
  problems.push("START_LT must be the logical time of a transaction, a whole number");
  return 0n;
}

function readExchanges({ text, problems }: Read): ReadonlySet<string> {
  const addresses = listOf(text("EXCHANGES")).map(parseAddress);
  if (addresses.includes(null))
    problems.push("EXCHANGES holds what is not an address, or has a wrong checksum");
  return new Set(addresses.flatMap((address) => (address === null ? [] : rawAddress(address))));
}

function listOf(text: string | null): readonly string[] {
  const items = (text ?? "").split(",").map((item) => item.trim());
  return items.filter((item) => item !== "");
}
