import { type Address, getAddress, type Hex, isAddress, zeroAddress } from "viem";
import { privateKeyToAddress } from "viem/accounts";
import { depositContracts } from "./deposit-contracts.ts";
import { type Finality, type Network, networkOf, type Token, tokenOn } from "./networks.ts";
import { parseTokens } from "./token-list.ts";

/** The texts of one chain by the names of its settings: `{ RPC: "https://…", TREASURY_KEY: "0x…" }`. */
export type EvmTexts = Readonly<Record<string, string>>;

/** Who carries out what x402 payers have signed. */
export type FacilitatorChoice =
  | { readonly kind: "embedded" }
  | {
      readonly kind: "remote";
      readonly url: string;
      /** Where it wants every request signed; null where it does not. */
      readonly key: { readonly id: string; readonly secret: string } | null;
    };

/** Everything that is configured for one chain. Holds secrets: never log it. */
export interface EvmConfig {
  readonly chainId: number;
  /** CAIP-2: "eip155:137". */
  readonly caip2: string;
  readonly network: Network;
  /** JSON-RPC addresses, the preferred one first. May hold keys in path or query. */
  readonly rpcUrls: readonly string[];
  /** Where payments go and refunds come from. */
  readonly treasury: Address;
  readonly treasuryKey: Hex;
  /** They pay the gas of the embedded facilitator; none of them is the treasury's. */
  readonly relayKeys: readonly Hex[];
  /** Pays the gas of emptying deposit addresses; null where there are none. */
  readonly keeperKey: Hex | null;
  readonly facilitator: FacilitatorChoice;
  readonly finality: Finality;
  /** At least one. */
  readonly tokens: readonly Token[];
  /** Null: no deposit addresses on this chain. */
  readonly depositFactory: Address | null;
  /** The first block of a cold start; null is a little before now. */
  readonly startBlock: number | null;
  /** Addresses that money is never sent back to, in lower case. */
  readonly exchanges: ReadonlySet<string>;
  readonly maxFeeWei: bigint;
  readonly tuning: EvmTuning;
}

/** Numbers that an operator does not change; tests do. */
export interface EvmTuning {
  /** Longest wait for one RPC answer. */
  readonly callTimeoutMs: number;
  /** The most deposits of a page, where the chain's blocks allow. */
  readonly pageLimit: number;
  /** The most blocks of a page of history. */
  readonly pageBlocks: number;
  /** The most blocks of one `eth_getLogs`; fewer where the server says that it is too much. */
  readonly logBlocks: number;
  /** The most addresses of one `eth_getLogs`. */
  readonly logAddresses: number;
  /** Shortest and longest wait between two looks for a new block. */
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
  /** How long a payout may wait, by the chain's clock, before it bids more. */
  readonly outbidAfterMs: number;
}

const DEFAULT_TUNING: EvmTuning = {
  callTimeoutMs: 8_000,
  pageLimit: 1_000,
  pageBlocks: 5_000,
  logBlocks: 1_000,
  logAddresses: 500,
  pollMinMs: 100,
  pollMaxMs: 2_000,
  outbidAfterMs: 30_000,
};

export type ParsedEvm =
  | { readonly kind: "config"; readonly config: EvmConfig }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** The names that `EvmTexts` may have. */
export const EVM_SETTINGS: readonly string[] = [
  "RPC",
  "TREASURY",
  "TREASURY_KEY",
  "RELAY_KEYS",
  "KEEPER_KEY",
  "FACILITATOR",
  "FACILITATOR_KEY_ID",
  "FACILITATOR_KEY_SECRET",
  "FINALITY",
  "ASSETS",
  "DEPOSIT_FACTORY",
  "START_BLOCK",
  "EXCHANGES",
  "MAX_FEE_GWEI",
];

/**
 * The configuration of one chain, or everything that is wrong with its texts at once. A problem begins with the
 * setting's name and never repeats a key or an address of a server.
 * @param chainId As it stands in the variables' names: "137".
 */
export function parseEvm(
  chainId: string,
  texts: EvmTexts,
  tuning: Partial<EvmTuning> = {},
): ParsedEvm {
  if (!/^[1-9]\d{0,14}$/.test(chainId))
    return { kind: "problems", problems: ["the chain id must be a whole number above zero"] };
  const id = Number(chainId);
  const read = new Texts(texts);
  const network = networkOf(id);
  const treasuryKey = read.key("TREASURY_KEY") ?? read.missing("TREASURY_KEY", "it signs refunds");
  const depositFactory = read.address("DEPOSIT_FACTORY");
  const keeperKey = read.key("KEEPER_KEY");
  if (depositFactory !== null && keeperKey === null)
    read.missing("KEEPER_KEY", "it pays the gas of emptying deposit addresses");
  const config: EvmConfig = {
    chainId: id,
    caip2: `eip155:${id}`,
    network,
    rpcUrls: readUrls(read),
    treasury: read.address("TREASURY") ?? addressOfKey(treasuryKey) ?? zeroAddress,
    treasuryKey,
    relayKeys: read.list("RELAY_KEYS").flatMap((text) => read.keyIn("RELAY_KEYS", text) ?? []),
    keeperKey,
    facilitator: readFacilitator(read),
    finality: readFinality(read, network.finality),
    tokens: readTokens(read, id, network),
    depositFactory,
    startBlock: read.whole("START_BLOCK", 0),
    exchanges: new Set(
      read
        .list("EXCHANGES")
        .flatMap((text) => read.addressIn("EXCHANGES", text)?.toLowerCase() ?? []),
    ),
    maxFeeWei: BigInt(read.whole("MAX_FEE_GWEI", 1) ?? network.maxFeeGwei) * 10n ** 9n,
    tuning: { ...DEFAULT_TUNING, ...tuning },
  };
  const problems = [
    ...read.problems,
    ...strangers(texts),
    ...problemsOfKeys(config),
    ...problemsOfFactory(config),
  ];
  return problems.length > 0 ? { kind: "problems", problems } : { kind: "config", config };
}

/** Reads one text after the other and collects what is wrong. */
class Texts {
  readonly problems: string[] = [];
  readonly #texts: EvmTexts;

  constructor(texts: EvmTexts) {
    this.#texts = texts;
  }

  text(name: string): string | null {
    const value = this.#texts[name]?.trim() ?? "";
    return value === "" ? null : value;
  }

  list(name: string): readonly string[] {
    const items = (this.text(name) ?? "").split(",").map((item) => item.trim());
    return items.filter((item) => item !== "");
  }

  missing(name: string, what: string): "0x" {
    if (this.text(name) === null) this.problems.push(`${name} is missing: ${what}`);
    return "0x";
  }

  key(name: string): Hex | null {
    const text = this.text(name);
    return text === null ? null : this.keyIn(name, text);
  }

  keyIn(name: string, text: string): Hex | null {
    const hex = (text.startsWith("0x") ? text : `0x${text}`).toLowerCase() as Hex;
    if (addressOfKey(hex) !== null) return hex;
    this.problems.push(`${name} is not a private key of 64 hex digits`);
    return null;
  }

  address(name: string): Address | null {
    const text = this.text(name);
    return text === null ? null : this.addressIn(name, text);
  }

  addressIn(name: string, text: string): Address | null {
    if (isAddress(text) && BigInt(text) !== 0n) return getAddress(text);
    const what = isAddress(text.toLowerCase())
      ? ": its checksum is wrong"
      : " (0x and 40 hex digits)";
    this.problems.push(`${name} is not an address${what}`);
    return null;
  }

  whole(name: string, min: number): number | null {
    const text = this.text(name);
    if (text === null) return null;
    if (/^\d{1,12}$/.test(text) && Number(text) >= min) return Number(text);
    this.problems.push(`${name} must be a whole number from ${min}`);
    return null;
  }
}

function addressOfKey(key: Hex): Address | null {
  if (!/^0x[0-9a-f]{64}$/.test(key)) return null;
  try {
    return privateKeyToAddress(key);
  } catch {
    // Zero, or above the order of the curve: not a key.
    return null;
  }
}

function readUrls(read: Texts): readonly string[] {
  const urls = read.list("RPC");
  if (urls.length === 0) read.missing("RPC", "the address of a JSON-RPC server of the chain");
  for (const [index, url] of urls.entries())
    if (!isServerUrl(url))
      read.problems.push(
        `RPC names at place ${index + 1} no https address (http only for this machine)`,
      );
  return urls;
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

function readFacilitator(read: Texts): FacilitatorChoice {
  const text = read.text("FACILITATOR") ?? "embedded";
  if (text === "embedded") return { kind: "embedded" };
  if (!isServerUrl(text)) read.problems.push('FACILITATOR must be "embedded" or an https address');
  const id = read.text("FACILITATOR_KEY_ID");
  const secret = read.text("FACILITATOR_KEY_SECRET");
  if ((id === null) !== (secret === null))
    read.problems.push("FACILITATOR_KEY_ID and FACILITATOR_KEY_SECRET go together");
  const key = id === null || secret === null ? null : { id, secret };
  return { kind: "remote", url: text, key };
}

function readFinality(read: Texts, known: Finality): Finality {
  const text = read.text("FINALITY");
  if (text === null) return known;
  if (text === "finalized") return { kind: "finalized" };
  if (/^[1-9]\d{0,4}$/.test(text)) return { kind: "depth", blocks: Number(text) };
  read.problems.push('FINALITY must be "finalized" or a number of blocks such as 6');
  return known;
}

function readTokens(read: Texts, chainId: number, network: Network): readonly Token[] {
  const text = read.text("ASSETS");
  const parsed = text === null ? network.tokens : parseTokens(text);
  if (typeof parsed === "string") {
    read.problems.push(`ASSETS: ${parsed}`);
    return [];
  }
  if (parsed.length === 0)
    read.problems.push("ASSETS is missing: this chain is not known, so its tokens must be named");
  return parsed.map((entry) => tokenOn(chainId, entry));
}

function strangers(texts: EvmTexts): string[] {
  return Object.keys(texts)
    .filter((name) => !EVM_SETTINGS.includes(name))
    .map((name) => `${name} is not a setting; there are ${EVM_SETTINGS.join(", ")}`);
}

function problemsOfKeys({ treasury, treasuryKey, relayKeys, keeperKey }: EvmConfig): string[] {
  const own = addressOfKey(treasuryKey);
  const problems: string[] = [];
  // Refunds come out of what was paid in.
  if (own !== null && own !== treasury) problems.push("TREASURY_KEY is not the key of TREASURY");
  // Each account counts its transactions: two writers would take each other's numbers.
  const keys = [treasuryKey, ...relayKeys, ...(keeperKey === null ? [] : [keeperKey])];
  const given = keys.filter((key) => key !== "0x");
  if (new Set(given).size !== given.length)
    problems.push("RELAY_KEYS, KEEPER_KEY and TREASURY_KEY must all differ");
  return problems;
}

/** Its address follows from the treasury, so another one may belong to somebody else. */
function problemsOfFactory({ treasury, depositFactory }: EvmConfig): string[] {
  if (depositFactory === null || treasury === zeroAddress) return [];
  const ours = depositContracts(treasury).factory.address;
  if (depositFactory === ours) return [];
  return [`DEPOSIT_FACTORY is not the factory of this treasury, which is ${ours}`];
}
